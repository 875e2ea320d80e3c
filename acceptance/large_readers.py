"""Two clients that read 490 MB at 100 kB/s, and others' replies of 2 MB meanwhile: all are to be 200.

The two take most of an engine's reply memory for as long as they read. Argument: seconds (60).
"""

from __future__ import annotations

import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from acceptance.live_service import Service, resident_mib, running
from acceptance.overload import picture
from acceptance.raw_http import request

PATH = "/v1/models/{}/activations?format=npy&layers=end"
SIZES = {"large": (44, 9), "small": (9, 3)}
"""Factors of two UpSampling2D that turn 28×28 values into 492 and 2.3 MB."""
RATE = 100_000
PARTS_PER_SECOND = 10


def read_slowly(sock: socket.socket, ended: Event, received: Counter[str], address: str) -> None:
    """Read at the rate until the event."""
    with sock:
        while not ended.wait(1 / PARTS_PER_SECOND) and (part := sock.recv(RATE // PARTS_PER_SECOND)):
            received[address] += len(part)


@contextmanager
def slow_reader(service: Service, address: str, received: Counter[str]) -> Iterator[None]:
    """A client that has asked for a large reply, and reads it slowly."""
    sock = socket.create_connection(("127.0.0.1", service.port), source_address=(address, 0))
    sock.sendall(request("POST", PATH.format("large"), picture(), Content_Type="application/x-npy"))
    head = sock.recv(RATE // PARTS_PER_SECOND)
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the large reply is refused: {head[:200]!r}")
    ended = Event()
    reader = Thread(target=read_slowly, args=(sock, ended, received, address))
    reader.start()
    yield
    ended.set()
    reader.join()


def main() -> None:
    """Print the statuses and times of the others; exit code 1 unless all are 200."""
    seconds, received, statuses = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, Counter[str](), Counter[int]()
    with TemporaryDirectory() as folder, running(Path(folder), LOG="off") as service, ExitStack() as readers:
        for name, sizes in SIZES.items():
            first, last = ({"type": "UpSampling2D", "size": size} for size in sizes)
            model = {"input": [28, 28, 1], "layers": [first, {**last, "name": "end"}]}
            service.client.put(f"/v1/models/{name}", json=model).raise_for_status()
        for address in ("127.0.0.2", "127.0.0.3"):
            readers.enter_context(slow_reader(service, address, received))
        times, end = [], time.perf_counter() + seconds
        while (begun := time.perf_counter()) < end:
            reply = service.client.post(
                PATH.format("small"), content=picture(), headers={"Content-Type": "application/x-npy"}
            )
            statuses[reply.status_code] += 1
            times.append(time.perf_counter() - begun)
        rates = {address: f"{count / seconds / 1e3:.0f} kB/s" for address, count in received.items()}
        print(f"{dict(statuses)} at most {max(times) * 1e3:.0f} ms; slow readers {rates}; "
              f"front {resident_mib(service.process.pid)} MiB")  # fmt: skip
    sys.exit(set(statuses) != {200})


if __name__ == "__main__":
    main()

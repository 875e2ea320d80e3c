"""All layers of MobileNetV2 in every format: bytes, seconds, memory of front and engine; for fast and slow clients.

The memory that replies travel in is mapped by both: 87 MB of each peak are that.
Arguments: megabytes a second of the slow client (1), and seconds until it hangs up (20).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from acceptance.live_service import Service, begin_peak, resident_mib, running

MODEL = {"application": "MobileNetV2", "weights": None}
PATH = "/v1/models/mobile/activations"
PICTURE = {"shape": [1, 224, 224, 3], "dtype": "float32"}
FORMATS: dict[str, dict[str, Any]] = {
    "safetensors": {"format": "safetensors"},
    "npz": {"format": "npz"},
    "JSON nested": {"format": "json"},
    "JSON base64": {"format": "json", "data": "base64"},
    "jsonl": {"format": "jsonl"},
}
PART_BYTES = 65536


class Trial:
    """Requests to one service, with the memory they take."""

    def __init__(self, service: Service) -> None:
        self._service = service
        pixels = np.random.default_rng(0).integers(0, 256, 224 * 224 * 3).tolist()
        self._body = {"inputs": {**PICTURE, "data": pixels}}
        service.client.put("/v1/models/mobile", json=MODEL).raise_for_status()

    def _received(self, options: dict[str, Any], rate: float, seconds: float) -> Iterator[int]:
        """Yield the bytes as they come, at most `rate` a second, for so many seconds."""
        started, total = time.monotonic(), 0
        plainly = {"Accept-Encoding": "identity"}
        with self._service.client.stream("POST", PATH, json=self._body | options, headers=plainly) as reply:
            reply.raise_for_status()
            for part in reply.iter_raw(PART_BYTES):
                total += len(part)
                yield len(part)
                passed = time.monotonic() - started
                if passed > seconds:
                    return
                time.sleep(max(total / rate - passed, 0))

    @contextmanager
    def _measured(self, name: str) -> Iterator[list[int]]:
        """Print the memory that the requests of the block took; they append bytes."""
        pids = {"front": self._service.process.pid, "engine": self._service.engine_pid()}
        before = {who: resident_mib(pid) for who, pid in pids.items()}
        for pid in pids.values():
            begin_peak(pid)
        started, sizes = time.monotonic(), list[int]()
        yield sizes
        seconds = time.monotonic() - started
        time.sleep(1)
        memory = ", ".join(
            f"{who} {before[who]} → peak {resident_mib(pid, 'VmHWM')} → {resident_mib(pid)} MiB"
            for who, pid in pids.items()
        )
        print(f"{name:34} {sum(sizes) / 1e6:8.2f} MB {seconds:7.2f} s   {memory}", flush=True)

    def run(self, name: str, rate: float = float("inf"), seconds: float = float("inf"), **options: Any) -> int:
        """Send one request; returns its bytes."""
        with self._measured(name) as sizes:
            sizes.extend(self._received(options, rate, seconds))
        return sum(sizes)


def main() -> None:
    """Print every format, fast and slow; then one number a channel instead of whole activations."""
    rate, seconds = [float(argument) for argument in (*sys.argv[1:], "1", "20")[:2]]
    with TemporaryDirectory() as folder, running(Path(folder), MAX_QUEUE="64") as service:
        trial = Trial(service)
        trial.run("first run (builds)", layers=["predictions"])
        for name, options in FORMATS.items():
            trial.run(name, **options)
        for name, options in FORMATS.items():
            trial.run(f"{name}, {rate:g} MB/s, hangs up", rate * 1e6, seconds, **options)
        trial.run(f"Conv_1 as JSON, {rate:g} MB/s, complete", rate * 1e6, layers=["Conv_1"])
        whole = trial.run("type:Conv2D, safetensors", layers=["type:Conv2D"], format="safetensors")
        means = trial.run("… reduce=mean@h,w", layers=["type:Conv2D"], format="safetensors", reduce="mean@h,w")
        print(f"the means are {whole / means:.0f} times smaller")


if __name__ == "__main__":
    main()

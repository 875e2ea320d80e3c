"""SIGTERM under load, and with slow runs, a queue, an upload and a large reply: the outcome of every request.

Arguments: how often under load (20), and how often with slow work (10).
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from acceptance.live_service import Service, running
from acceptance.raw_http import LOST, OTHER, Answered, answer, fresh, kept, once, request, run_of

SMALL = {"input": [8, 8, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3}]}
PICTURE = [[[0.5]] * 8] * 8
LARGE = {"input": [512, 512, 1], "layers": [{"type": "Conv2D", "filters": 20, "kernel_size": 1}]}
LARGE_PICTURE = {"shape": [1, 512, 512, 1], "dtype": "float32", "data": [0.5] * 512 * 512}
SLOW = {"input": [2048, 8], "layers": [{"type": "LSTM", "units": 1024}]}
"""Steps one after the other for seconds, but within the deadline: the plan refuses what is not."""
SEQUENCE = {"shape": [1, 2048, 8], "dtype": "float32", "data": [0.5] * (2048 * 8)}
WORKERS = 8
DEADLINE = 20


async def under_load(service: Service) -> Counter[str]:
    """Send small requests on kept and fresh connections before, while and after the service is told to stop."""
    port, sent, counts = service.port, run_of(SMALL, PICTURE, data="none"), Counter[str]()
    tasks = [asyncio.create_task(kind(port, sent, counts)) for kind in (fresh, kept) for _ in range(WORKERS)]
    await asyncio.sleep(1.5)
    service.process.send_signal(signal.SIGTERM)
    await asyncio.gather(*tasks)
    return counts


async def with_slow_work(service: Service) -> Counter[str]:
    """Stop during a large reply that is read slowly, a run of seconds, a queue behind it, and an upload of weights."""
    service.client.put("/v1/models/mine", json=SMALL).raise_for_status()
    weights = service.client.get("/v1/models/mine/weights?format=safetensors").raise_for_status().content
    port = service.port
    large = run_of(LARGE, LARGE_PICTURE, format="safetensors", layers=["conv2d"])
    tasks = [asyncio.create_task(once(port, large, rate=8e6))]
    await asyncio.sleep(1.5)
    tasks.append(asyncio.create_task(once(port, run_of(SLOW, SEQUENCE, data="none"))))
    await asyncio.sleep(0.5)
    queue = [run_of(SMALL | {"seed": seed}, PICTURE, data="none") for seed in range(20)]
    tasks += [asyncio.create_task(once(port, one)) for one in queue]
    tasks.append(asyncio.create_task(upload(port, weights)))
    await asyncio.sleep(0.5)
    service.process.send_signal(signal.SIGTERM)
    return Counter(reply.word for reply in await asyncio.gather(*tasks))


async def upload(port: int, weights: bytes) -> Answered:
    """Send a file of weights within two seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    whole = request("PUT", "/v1/models/mine/weights", weights, Content_Type="application/octet-stream")
    step = len(whole) // 10
    for start in range(0, len(whole), step):
        writer.write(whole[start : start + step])
        await asyncio.sleep(0.2)
    return await answer(reader)


def trial(kind: Callable[[Service], Coroutine[Any, Any, Counter[str]]], **settings: str) -> Counter[str]:
    """Run one service and one stop."""
    with TemporaryDirectory() as folder, running(Path(folder), **settings) as service:
        counts = asyncio.run(kind(service))
        started = time.monotonic()
        code = service.process.wait(timeout=120)
        seconds = time.monotonic() - started
        print(f"  {kind.__name__}: {dict(counts)}, ended with {code} {seconds:.1f} s later", flush=True)
        return counts + Counter({f"exit code {code}": 1})


def main() -> None:
    """Fail where a request is lost or answered in another shape."""
    loads, slow = [int(argument) for argument in (*sys.argv[1:], "20", "10")[:2]]
    total = Counter[str]()
    for _ in range(loads):
        total += trial(under_load, LOG="off")
    for _ in range(slow):
        total += trial(with_slow_work, LOG="off", DEADLINE=str(DEADLINE))
    print(dict(total))
    if any(word.startswith((LOST, OTHER)) for word in total):
        raise SystemExit("requests were lost, or answered in another shape")


if __name__ == "__main__":
    main()

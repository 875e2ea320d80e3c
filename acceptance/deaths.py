"""Killed engines and fronts, and a machine without descriptors: which processes end, which restart, and when.

Arguments: how often an engine is killed beside a spare (20), a front with an engine that computes for minutes (10),
and with few descriptors (1).
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from acceptance.live_service import Service, running
from acceptance.raw_http import once, run_of
from acceptance.stops import PICTURE, SMALL

FEW = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128)); from service.cli import main; main()"
SPARE = {"SPARE_ENGINES": "1"}
QUEUE = 10
LSTM = {"type": "LSTM", "units": 1024, "return_sequences": True}
ENDLESS = {"input": [4096, 8], "layers": [LSTM, LSTM, LSTM]}
"""Steps one after the other for minutes."""
SEQUENCE = {"shape": [1, 4096, 8], "dtype": "float32", "data": [0.5] * (4096 * 8)}
Signals = tuple[int, ...]


def until(condition: Callable[[], Any], seconds: float) -> float:
    """Wait for a condition; returns the seconds that it took."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() > started + seconds:
            return float("inf")
        time.sleep(0.01)
    return time.monotonic() - started


def state(service: Service) -> dict[str, Any]:
    """Return the body of `/readyz`; a state that is not ready if it cannot be reached."""
    with suppress(httpx.HTTPError):
        return dict(service.client.get("/readyz", timeout=5).json())
    return {"ready": False, "engines": [{"pid": None, "ready": False}], "spares": []}


def has_other_engine(service: Service, pid: int) -> bool:
    """Whether an engine is ready that is not this one."""
    return any(engine["ready"] and engine["pid"] != pid for engine in state(service)["engines"])


async def send_runs(service: Service, pid: int) -> Counter[str]:
    """Send a few runs, of which some are queued when the engine is killed."""
    sent = [run_of(SMALL | {"seed": seed}, PICTURE, data="none") for seed in range(QUEUE)]
    tasks = [asyncio.create_task(once(service.port, one)) for one in sent]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    os.kill(pid, signal.SIGKILL)
    return Counter(reply.word for reply in await asyncio.gather(*tasks))


def engine_killed(service: Service) -> float:
    """Return the seconds until another is ready; at most the run of the killed engine is lost."""
    until(lambda: all(spare["ready"] for spare in state(service).get("spares", [])), 120)
    pid = service.engine_pid()
    counts = asyncio.run(send_runs(service, pid))
    if counts["200"] < QUEUE - 1 or not set(counts) <= {"200", "503 engine_lost"}:
        raise SystemExit(f"more was lost than the engine ran: {dict(counts)}")
    until(lambda: all(spare["ready"] for spare in state(service).get("spares", [])), 120)
    os.kill(pid := service.engine_pid(), signal.SIGKILL)
    seconds = until(lambda: has_other_engine(service, pid), 120)
    print(f"  killed under {QUEUE} requests: {dict(counts)}; killed idle: ready after {seconds:.2f} s", flush=True)
    return seconds


def front_killed(signals: Signals) -> float:
    """Return the seconds until an engine that computes for minutes has ended after its front."""
    settings = {"LOG": "off", "DEADLINE": "600", "MAX_MACS": "1000000000000000"}
    with TemporaryDirectory() as folder, running(Path(folder), **settings) as service:
        pid = service.engine_pid()
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(run_of(ENDLESS, SEQUENCE, data="none"))
            time.sleep(4)
            for one in signals:
                service.process.send_signal(one)
                time.sleep(0.3)
            seconds = until(lambda: not running_still(pid), 60)
        names = "+".join(signal.Signals(one).name for one in signals)
        print(f"  {names} of the front: engine gone after {seconds:.2f} s", flush=True)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return seconds


def running_still(pid: int) -> bool:
    """Whether there is such a process, and it is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def few_descriptors() -> float:
    """Return the seconds until a run is answered, with 128 descriptors, 300 connections, and an engine that dies
    meanwhile.
    """
    command = ("-c", FEW, "serve")
    with TemporaryDirectory() as folder, running(Path(folder), command, LOG="off") as service, ExitStack() as held:
        pid, port = service.engine_pid(), service.port
        for _ in range(300):
            with suppress(OSError):
                held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=2)).sendall(b"GET / HT")
        time.sleep(1)
        print(f"  {len(os.listdir(f'/proc/{service.process.pid}/fd'))} descriptors are open in the front", flush=True)
        os.kill(pid, signal.SIGKILL)
        ran = lambda: asyncio.run(once(port, run_of(SMALL, PICTURE, data="none"))).word == "200"  # noqa: E731
        seconds = until(ran, 150)
        print(f"  300 connections, killed engine: a run is answered after {seconds:.1f} s", flush=True)
        return seconds


def main() -> None:
    """Fail where something takes longer than is promised."""
    engines, fronts, few = [int(argument) for argument in (*sys.argv[1:], "20", "10", "1")[:3]]
    failed = []
    if engines:
        with TemporaryDirectory() as folder, running(Path(folder), LOG="off", **SPARE) as service:
            failed += [seconds for seconds in (engine_killed(service) for _ in range(engines)) if seconds > 1]
    ends: list[Signals] = [(signal.SIGKILL,), (signal.SIGINT, signal.SIGINT)]
    failed += [seconds for one in ends for seconds in (front_killed(one) for _ in range(fronts)) if seconds > 5]
    failed += [seconds for seconds in (few_descriptors() for _ in range(few)) if seconds > 60]
    if failed:
        raise SystemExit(f"too long: {failed}")


if __name__ == "__main__":
    main()

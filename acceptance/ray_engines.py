"""Engines on a Ray cluster of three nodes on this machine: same bits, times, what dies, scaling, throughput.

`scripts/acceptance ray_engines [PART…]`, parts: same, times, actor, node, front, scaling, throughput. All without any.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from ray._common.usage.usage_lib import set_usage_stats_enabled_via_env_var
from ray.cluster_utils import Cluster

from acceptance.deaths import state, until
from acceptance.live_service import Service, running
from acceptance.raw_http import REFUSED, kept, once, run_of
from acceptance.same_replies import differences

NODE = {"num_cpus": 2, "object_store_memory": 600 << 20, "include_dashboard": False}
TINY = {"input": [8, 8, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3}]}
TINY_PICTURE = [[[0.5]] * 8] * 8
LARGE = {"input": [1024, 1024, 1], "layers": [{"type": "Conv2D", "filters": 20, "kernel_size": 3, "padding": "same"}]}
"""Its output has 84 MB."""
LARGE_PICTURE = {"shape": [1, 1024, 1024, 1], "dtype": "float32", "data": [0.5] * 1024 * 1024}
BUSY = {"input": [512, 64], "layers": [{"type": "LSTM", "units": 256}]}
"""Some tenths of a second."""
SEQUENCE = {"shape": [1, 512, 64], "dtype": "float32", "data": [0.5] * (512 * 64)}
LOADED_SECONDS = 3.0
"""Of load before something happens, and after it."""
CLIENTS = 6


@contextmanager
def cluster(nodes: int = 3) -> Iterator[Cluster]:
    """Run a cluster of nodes on this machine."""
    set_usage_stats_enabled_via_env_var(False)
    with tempfile.TemporaryDirectory(prefix="ls-", dir="/tmp") as folder:
        found = Cluster(initialize_head=True, head_node_args={"temp_dir": folder, **NODE})
        try:
            for _ in range(nodes - 1):
                found.add_node(**NODE)
            yield found
        finally:
            found.shutdown()


@contextmanager
def service_on(found: Cluster, folder: Path, **settings: str) -> Iterator[Service]:
    """Run a service whose engines are on the cluster, and ready."""
    given = {"RAY": found.address, "ENGINES": "3", "RAY_FOLDER": str(folder / "nodes"), **settings}
    with running(folder / "store", log=folder / "log", **given) as service:
        until(lambda: is_whole(service), 120)
        yield service


def is_whole(service: Service) -> bool:
    """Whether every engine is ready."""
    return all(engine["ready"] for engine in state(service)["engines"])


def engines(service: Service) -> list[dict[str, Any]]:
    """Return the engines in `/readyz`."""
    return list(state(service)["engines"])


def same(found: Cluster, folder: Path) -> None:
    """Several hundred requests of every kind: status, headers and bodies beside those of a local engine."""
    counts: Counter[int] = Counter()
    with running(folder / "local") as local, service_on(found, folder) as remote:
        different = list(differences(local.client, remote.client, counts))
    print(f"same bits: {counts.total()} requests {dict(counts)}, {len(different)} differ", *different, sep="\n")


def times(found: Cluster, folder: Path) -> None:
    """The time of a request beside a local engine."""
    with running(folder / "local") as local, service_on(found, folder, ENGINES="1") as remote:
        for name, model, picture, count in (("tiny", TINY, TINY_PICTURE, 300), ("84 MB", LARGE, LARGE_PICTURE, 12)):
            seconds = {}
            for kind, service in (("local", local), ("ray", remote)):
                seconds[kind] = [seconds_of(service, model, picture) for _ in range(count)][count // 4 :]
            print(name, {kind: f"{median(one) * 1e3:.2f} ms" for kind, one in seconds.items()}, flush=True)


def seconds_of(service: Service, model: Any, picture: Any) -> float:
    """Return the seconds of one run, whose reply is safetensors."""
    started = time.perf_counter()
    body = {"model": model, "inputs": picture}
    reply = service.client.post("/v1/activations", json=body, headers={"Accept": "application/vnd.safetensors"})
    if reply.status_code != 200:
        raise SystemExit(reply.text[:500])
    return time.perf_counter() - started


async def load(port: int, event: Callable[[], object], clients: int = CLIENTS) -> Counter[str]:
    """Send runs from several connections before, while and after something happens; returns the outcomes."""
    counts, is_over = Counter[str](), asyncio.Event()

    async def client(number: int) -> None:
        sent = run_of(BUSY | {"seed": number % 3}, SEQUENCE, data="none")
        while not is_over.is_set():
            reply = await once(port, sent)
            counts[reply.word] += 1
            if reply.status == REFUSED:
                await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(client(number)) for number in range(clients)]
    await asyncio.sleep(LOADED_SECONDS)
    await asyncio.to_thread(event)
    await asyncio.sleep(LOADED_SECONDS)
    is_over.set()
    await asyncio.gather(*tasks)
    return counts


def lost(name: str, service: Service, event: Callable[[], None]) -> None:
    """Print the outcomes of runs while something is lost, and the seconds until all engines are ready again."""
    times: list[float] = []

    def happen() -> None:
        before = {engine["pid"] for engine in engines(service)}
        event()
        until(lambda: {engine["pid"] for engine in engines(service)} != before, 60)
        times.append(until(lambda: is_whole(service), 120))

    counts = asyncio.run(load(service.port, happen))
    print(f"{name}: {dict(counts)}; whole again {times[0]:.1f} s after it was noticed", flush=True)


def actor(found: Cluster, folder: Path) -> None:
    """An actor is killed under load."""
    with service_on(found, folder, QUEUE_SECONDS="20") as service:
        pid = engines(service)[0]["pid"]
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        lost("actor killed", service, lambda: os.kill(parent, signal.SIGKILL))


def node(found: Cluster, folder: Path) -> None:
    """A node is killed under load."""
    with service_on(found, folder, QUEUE_SECONDS="20") as service:
        gone = next(iter(found.worker_nodes))
        lost("node killed", service, lambda: found.remove_node(gone, False))
    found.add_node(**NODE)


def front(found: Cluster, folder: Path) -> None:
    """The front is killed under load and started again on the same port; its actors end with it."""
    times: list[float] = []
    with ExitStack() as stack:
        first = stack.enter_context(service_on(found, folder))
        pids = [engine["pid"] for engine in engines(first)]

        def restart() -> None:
            first.process.kill()
            times.append(until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 60))
            started = time.monotonic()
            stack.enter_context(service_on(found, folder, PORT=str(first.port)))
            times.append(time.monotonic() - started)

        counts = asyncio.run(load(first.port, restart))
        print(f"front killed: {dict(counts)}; its engines ended after {times[0]:.1f} s; "
              f"another was whole after {times[1]:.1f} s", flush=True)  # fmt: skip


def scaling(found: Cluster, folder: Path) -> None:
    """From one engine to three under load, and back."""
    options = {"ENGINES": "1", "ENGINES_MAX": "3", "RAY_IDLE_SECONDS": "5", "QUEUE_SECONDS": "2"}
    with service_on(found, folder, **options) as service:
        started = time.monotonic()
        seen: dict[int, float] = {}

        def watch() -> None:
            while time.monotonic() < started + 90 and len(seen) < 3:
                seen.setdefault(sum(engine["ready"] for engine in engines(service)), time.monotonic() - started)
                time.sleep(0.1)

        counts = asyncio.run(load(service.port, watch, clients=16))
        back = until(lambda: len(engines(service)) == 1, 60)
        print(f"scaling: {dict(counts)}; engines ready at {seen}; back to one after {back:.1f} s", flush=True)


def throughput(found: Cluster, folder: Path) -> None:
    """Runs a second with one, two and three engines."""
    for count in (1, 2, 3):
        with service_on(found, folder, ENGINES=str(count), QUEUE_SECONDS="5") as service:
            for name, model, picture in (("tiny", TINY, TINY_PICTURE), ("busy", BUSY, SEQUENCE)):
                print(f"{count} engines, {name}: {asyncio.run(rate(service, model, picture)):.1f}/s", flush=True)


async def rate(service: Service, model: Any, picture: Any) -> float:
    """Return the successful runs a second of eight connections."""
    sent, counts = run_of(model, picture, data="none"), Counter[str]()
    await asyncio.gather(*(once(service.port, sent) for _ in range(6)))
    tasks = [asyncio.create_task(kept(service.port, sent, counts)) for _ in range(8)]
    await asyncio.sleep(5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return counts["200"] / 5


PARTS = (same, times, actor, node, front, scaling, throughput)


def main(names: list[str]) -> None:
    """Run the parts of these names, or all."""
    with cluster() as found:
        for part in PARTS:
            if not names or part.__name__ in names:
                with tempfile.TemporaryDirectory() as folder:
                    part(found, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Three instances on one folder, then on one bucket: writers, readers, and one of the instances killed every 5 s.

Arguments: seconds for each of the two (60), and which (folder, bucket). Exit code 1 if a name is lost or torn, a listed
model does not verify, a change is seen later than promised, or something is removed that is used.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from acceptance.live_service import ROOT, free_port
from acceptance.shared_names import INSTANCES, STORE_SECONDS, Instance, Trial, agree, follow, read, write
from models.store.opening import open_store
from models.store.storage import Storage

WRITERS, READERS = 30, 100
KILL_SECONDS = 5.0


async def kill(trial: Trial) -> None:
    """Kill an instance every KILL_SECONDS, in turns, and start it again."""
    async with asyncio.TaskGroup() as group:
        for number in range(int((trial.end - time.monotonic()) / KILL_SECONDS)):
            await asyncio.sleep(KILL_SECONDS)
            group.create_task(kill_one(trial, number % INSTANCES))


async def kill_one(trial: Trial, place: int) -> None:
    """Kill an instance that runs, and start it again."""
    if place in trial.down:
        return
    trial.down.add(place)
    await asyncio.to_thread(trial.instances[place].kill)
    trial.statuses["killed"] += 1
    trial.instances[place].start()
    await ready(trial.instances[place])
    trial.down.discard(place)


async def ready(instance: Instance) -> None:
    """Wait until an instance is."""
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(1200):
            with suppress(httpx.TransportError):
                if (await client.get(f"http://127.0.0.1:{instance.port}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise SystemExit("an instance did not start")


async def attempt(url: str, seconds: float) -> Trial:
    """Run everything on one store."""
    trial = Trial([Instance(url, free_port()) for _ in range(INSTANCES)])
    try:
        for instance in trial.instances:
            instance.start()
        await asyncio.gather(*map(ready, trial.instances))
        trial.end = time.monotonic() + seconds
        limits = httpx.Limits(max_connections=1000)
        async with httpx.AsyncClient(timeout=60, limits=limits) as client:
            writers = [write(trial, client) for _ in range(WRITERS)]
            readers = [read(trial, client) for _ in range(READERS)]
            await asyncio.gather(*writers, *readers, follow(trial, client), kill(trial))
            await asyncio.sleep(STORE_SECONDS)
            await agree(trial, client)
    finally:
        for instance in trial.instances:
            instance.kill(signal.SIGTERM)
    check_store(trial, url)
    return trial


def check_store(trial: Trial, url: str) -> None:
    """Verify every listed model with a store that is opened for that."""
    before = len(Storage(url, ()).files("objects"))
    store = open_store(url)
    for entry in store.entries():
        try:
            store.architecture(entry)
            store.local_weights(entry)
        except Exception as error:  # whatever it is, the model is not whole
            trial.fail(f"{entry.name} does not verify: {error}")
    if store.damaged:
        trial.fail(f"damaged: {dict(store.damaged)}")
    trial.statuses["models"], trial.statuses["documents stored"] = len(store.entries()), before
    trial.statuses["documents written"] = len({one.units for changes in trial.changes.values() for one in changes})


@contextmanager
def bucket() -> Iterator[str]:
    """Yield the URL of an empty bucket on a server of its own."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.s3_server", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    variables = {
        "ENDPOINT_URL": url,
        "ACCESS_KEY_ID": "test",
        "SECRET_ACCESS_KEY": "test",
        "DEFAULT_REGION": "us-east-1",
    }
    os.environ.update({f"AWS_{name}": value for name, value in variables.items()})
    try:
        for _ in range(600):
            with suppress(httpx.TransportError):
                httpx.put(f"{url}/models").raise_for_status()
                break
            time.sleep(0.1)
        yield "s3://models/shared"
    finally:
        process.kill()
        process.wait()


def report(kind: str, trial: Trial, seconds: float) -> None:
    """Print the figures of a trial."""
    counts = ", ".join(f"{count} {what}" for what, count in sorted(trial.statuses.items()))
    delays = sorted(trial.delays) or [float("nan")]
    print(f"{kind}, {seconds:g} s: {counts}")
    print(f"  {len(trial.delays)} changes seen: median {delays[len(delays) // 2]:.2f} s, latest {delays[-1]:.2f} s")
    print(f"  {len(trial.violations)} violations", flush=True)


def main() -> None:
    """Try both kinds of store."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    kinds = sys.argv[2:] or ["folder", "bucket"]
    violations = 0
    for kind in kinds:
        with TemporaryDirectory() as folder, bucket() if kind == "bucket" else nullfolder(Path(folder)) as url:
            trial = asyncio.run(attempt(url, seconds))
        report(kind, trial, seconds)
        violations += len(trial.violations)
    raise SystemExit(1 if violations else 0)


@contextmanager
def nullfolder(folder: Path) -> Iterator[str]:
    """Yield the path of a store in a folder."""
    yield str(folder / "store")


if __name__ == "__main__":
    main()

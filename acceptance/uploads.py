"""A service killed with SIGKILL at random moments of an upload, and the contents of its store afterwards.

Most rounds run the front with an engine's recorded answer, so that a start takes a second and not ten: uploads never
reach further than that answer. The last rounds run the whole service. Arguments: rounds of either.
"""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from safetensors.numpy import save

from acceptance.live_service import Service, running
from models.store.store import ModelStore

UNITS = 500_000
DOCUMENT = b'{"input": [1], "layers": [{"type": "Dense", "units": %d, "use_bias": false}]}' % UNITS
LATEST_KILL = 0.8
"""Seconds after the upload began."""
RECORDED = """
import sys
import uvicorn
from models.ipc.messages import Planned, WeightsDescribed
from models.weights.specs import WeightSpec
from service.app import create_app
from service.engines.pending_result import PendingResult
from service.settings import load

SPECS = (WeightSpec("dense/kernel", (1, UNITS), "float32", "layers/dense/vars/0"),)


class Recorded:
    draining = False

    async def start(self): ...
    async def stop(self): ...
    def states(self): return []

    async def submit(self, request):
        pending = PendingResult(request.reply)
        pending.start(Planned(1, b"{}") if request.reply is Planned else WeightsDescribed(1, SPECS), [])
        return pending


settings = load()
uvicorn.run(create_app(settings, Recorded()), port=settings.port, log_level="critical")
""".replace("UNITS", str(UNITS))


class Round:
    """Uploads until the service is gone."""

    def __init__(self, service: Service, number: int) -> None:
        self._service, self._number = service, number
        self.answered = 0

    def upload(self) -> None:
        """Send new weights under one of four names, one after the other."""
        chance = np.random.default_rng(self._number)
        try:
            while True:
                weights = save({"dense/kernel": chance.random((1, UNITS), np.float32)})
                files = {"model": DOCUMENT, "weights": weights}
                reply = self._service.client.put(f"/v1/models/m{chance.integers(4)}", files=files)
                self.answered += reply.status_code in (200, 201)
        except httpx.TransportError:
            return


def killed(folder: Path, number: int, command: tuple[str, ...], ready: str) -> int:
    """Run one round; returns how many uploads had been answered."""
    with running(folder, command, ready) as service:
        one = Round(service, number)
        thread = threading.Thread(target=one.upload)
        thread.start()
        time.sleep(random.uniform(0, LATEST_KILL))
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        thread.join()
    return one.answered


def verified(folder: Path) -> int:
    """Open the store as the next start does. Every listed model is read and hashed; nothing else may be there."""
    store = ModelStore(str(folder))
    store.open()
    entries = store.entries()
    for entry in entries:
        store.architecture(entry)
        if store.local_weights(entry) is None:
            raise SystemExit(f"{entry.name} lost its weights")
    expected = {f"names/{entry.name}.json" for entry in entries}
    expected |= {f"objects/{entry.object}.json" for entry in entries}
    expected |= {f"weights/{entry.weights}.safetensors" for entry in entries}
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    if found != expected:
        raise SystemExit(f"left behind: {found ^ expected}")
    store.close()
    return len(entries)


def rounds(folder: Path, count: int, one: Callable[[int], int], what: str) -> None:
    """Print the results of `count` kills."""
    answered = halves = models = 0
    for number in range(count):
        answered += one(number)
        halves += any(path.is_file() for path in (folder / "tmp").rglob("*"))
        models += verified(folder)
    print(f"{what}: killed {count} times; {answered} uploads had been answered; {halves} kills left files on their "
          f"way, none after the next start; {models} listed models read and verified", flush=True)  # fmt: skip


def main() -> None:
    """Run both kinds of rounds over one store each."""
    front, whole = [int(argument) for argument in (*sys.argv[1:], "200", "10")[:2]]
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        a, b = Path(first), Path(second)
        rounds(a, front, lambda number: killed(a, number, ("-c", RECORDED), "/healthz"), "front")
        serve = ("-m", "service.cli", "serve")
        rounds(b, whole, lambda number: killed(b, number, serve, "/readyz"), "whole service")


if __name__ == "__main__":
    main()

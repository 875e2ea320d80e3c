"""Clients that overwrite and read the names of a store which instances share, and what they must not see."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx

from acceptance.live_service import ROOT

INSTANCES, NAMES = 3, 50
STORE_SECONDS = 1.0
SLACK_SECONDS = 1.0
"""For a machine of few cores on which all of this runs: the promise is checked with it, and the figures are printed."""
GRACE_SECONDS = 6.0
"""Instead of 15 minutes, so that much is removed while it is looked at."""


@dataclass
class Instance:
    """An instance that is started again on its port when it was killed."""

    url: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        settings = {
            "DATA_DIR": self.url, "PORT": str(self.port), "STORE_SHARED": "true", "STORE_SECONDS": str(STORE_SECONDS),
            "QUEUE_SECONDS": "60", "CLIENT_CONNECTIONS": "1000", "LOG": "off",
        }  # fmt: skip
        environment = os.environ | {f"LAYERSCOPE_{name}": value for name, value in settings.items()}
        environment["STUB_GRACE"] = str(GRACE_SECONDS)
        command = [sys.executable, "-m", "tests.stub_server", "serve"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()


@dataclass
class Change:
    """A PUT of a name: when it was sent, when and whether it was acknowledged, and the id that it gave."""

    sent: float
    units: int
    acknowledged: float | None = None
    id: str = ""


@dataclass
class Trial:
    """What happened on one store."""

    instances: list[Instance]
    changes: dict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    down: set[int] = field(default_factory=set)
    end: float = 0.0

    def base(self) -> str:
        """Return the address of an instance that should run."""
        up = [number for number in range(INSTANCES) if number not in self.down] or [0]
        return f"http://127.0.0.1:{self.instances[random.choice(up)].port}"

    def fail(self, text: str) -> None:
        """Note what must not happen."""
        self.violations.append(text)
        print(f"  VIOLATION {text}", flush=True)


def document(units: int) -> dict[str, Any]:
    """A document that differs by its units; few enough that names share documents, and removed ones come back."""
    return {"input": [4], "layers": [{"type": "Dense", "units": units}]}


async def write(trial: Trial, client: httpx.AsyncClient) -> None:
    """Overwrite names until the end; some with one of a few documents, which other names have or had."""
    while time.monotonic() < trial.end:
        name, few = f"m{random.randrange(NAMES)}", random.random() < 0.5
        change = Change(time.monotonic(), random.randrange(1, 20) if few else random.randrange(20, 1_000_000))
        trial.changes[name].append(change)
        try:
            reply = await client.put(f"{trial.base()}/v1/models/{name}", json=document(change.units))
        except httpx.TransportError:
            trial.statuses["write lost"] += 1  # it may have been done or not
            continue
        trial.statuses[f"write {reply.status_code}"] += 1
        if reply.status_code in (200, 201):
            change.acknowledged, change.id = time.monotonic(), reply.json()["id"]
        elif reply.status_code != 503:
            trial.fail(f"PUT {name}: {reply.status_code} {reply.text[:300]}")
        await asyncio.sleep(random.random() * 0.5)


async def read(trial: Trial, client: httpx.AsyncClient) -> None:
    """Read names: each is whole, and is none that an acknowledged change had replaced long before."""
    while time.monotonic() < trial.end:
        name, asked = f"m{random.randrange(NAMES)}", time.monotonic()
        settled = last_settled(trial.changes[name], asked - STORE_SECONDS - SLACK_SECONDS)
        try:
            reply = await client.get(f"{trial.base()}/v1/models/{name}?as=document")
        except httpx.TransportError:
            trial.statuses["read lost"] += 1
            continue
        trial.statuses[f"read {reply.status_code}"] += 1
        if reply.status_code == 200:
            check_read(trial, name, reply.json()["layers"][0]["units"], settled)
        elif reply.status_code == 404 and settled is not None:
            trial.fail(f"GET {name}: lost, although it was acknowledged")
        elif reply.status_code not in (404, 503) or "damaged" in reply.text:
            trial.fail(f"GET {name}: {reply.status_code} {reply.text[:300]}")
        await asyncio.sleep(random.random() * 2)


def last_settled(changes: list[Change], before: float) -> Change | None:
    """Return the acknowledged change that was sent last of those acknowledged before a moment."""
    return max(
        (one for one in changes if one.acknowledged and one.acknowledged < before),
        key=lambda one: one.sent,
        default=None,
    )


def check_read(trial: Trial, name: str, units: int, settled: Change | None) -> None:
    """Check that what was read is not older than a change that is settled."""
    matching = [one for one in trial.changes[name] if one.units == units]
    if not matching:
        trial.fail(f"GET {name}: {units} units, which nobody wrote")
    elif settled is not None and all(ended(one) < settled.sent for one in matching):
        trial.fail(
            f"GET {name}: older than what was acknowledged {time.monotonic() - (settled.acknowledged or 0):.1f} s ago"
        )


def ended(change: Change) -> float:
    """Return when a change had happened at the latest; that of a killed instance may happen until it is dead."""
    return change.acknowledged or change.sent + 60


async def follow(trial: Trial, client: httpx.AsyncClient) -> None:
    """Overwrite a name through one instance, and measure until each of the others has it."""
    number = 10**6
    while time.monotonic() < trial.end:
        number += 1
        try:
            entry = (await client.put(f"{trial.base()}/v1/models/followed", json=document(number))).json()
            written = time.monotonic()
            await asyncio.gather(*(seen(trial, client, place, entry["id"], written) for place in range(INSTANCES)))
        except (httpx.TransportError, KeyError):
            trial.statuses["follow lost"] += 1
            await asyncio.sleep(0.1)


async def seen(trial: Trial, client: httpx.AsyncClient, place: int, id: str, written: float) -> None:
    """Wait until an instance that runs all the time has an id under the name; its delay is that of the last request
    that was sent, and did not see it.
    """
    delay = 0.0
    instance = trial.instances[place]
    process, address = instance.process, f"http://127.0.0.1:{instance.port}/v1/models"
    while place not in trial.down and instance.process is process:
        asked = time.monotonic()
        models = (await client.get(address)).json()["models"]
        if any(model["name"] == "followed" and model["id"] == id for model in models):
            trial.delays.append(delay)
            if delay > STORE_SECONDS + SLACK_SECONDS:
                trial.fail(f"a change was not yet seen after {delay:.2f} s")
            return
        delay = asked - written
        await asyncio.sleep(0.02)


async def agree(trial: Trial, client: httpx.AsyncClient) -> None:
    """Check that all instances list the same, and each name as the last change, or one beside it."""
    lists = [(await client.get(f"http://127.0.0.1:{one.port}/v1/models")).json()["models"] for one in trial.instances]
    if any(other != lists[0] for other in lists[1:]):
        trial.fail("the instances list different models")
    ids = {model["name"]: model["id"] for model in lists[0]}
    for name, changes in trial.changes.items():
        settled = last_settled(changes, time.monotonic())
        if settled is not None and name not in ids:
            trial.fail(f"{name} is lost")
        elif name in ids and ids[name] not in possible(changes, settled):
            trial.fail(f"{name} is none of the last changes")


def possible(changes: list[Change], settled: Change | None) -> set[str]:
    """Return the ids that a name may have, of changes that may have come last; all, if one was not acknowledged."""
    last = [one for one in changes if settled is None or ended(one) >= settled.sent]
    return {one.id for one in changes} if any(not one.id for one in last) else {one.id for one in last}

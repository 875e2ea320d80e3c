"""Circuit breaker: models and clients that crash engines are refused for a while.

A model is identified by its structure: another seed, name or weights file changes its id, but not the crash.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Generic, TypeVar

import orjson

from models.errors import Quarantined
from service.engines.engine_request import EngineRequest

AFTER_CRASHES = 2
"""Consecutive engines that one structure may crash before it is refused."""
SECONDS = 600.0
CLIENT_CRASHES = 3
"""Engines that one client may crash within SECONDS before its new models are refused: first for CLIENT_SECONDS, after
each further crash for twice as long, at most SECONDS.
"""
CLIENT_SECONDS = 30.0
MAX_KEYS = 10_000
Key = TypeVar("Key")
Cause = tuple[str, int]
"""A structure, and the bytes of its inputs: a small input may be safe where a large one is not."""
NO_STRUCTURE = ("name", "seed", "weights")


class Crashes(Generic[Key]):
    """Counts of engines that died within the last SECONDS, by cause."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[Key, tuple[int, float]] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether any is left; expired ones are dropped, the earliest first."""
        while self._known and not self.of(next(iter(self._known)))[0]:
            self._known.popitem(last=False)
        return bool(self._known)

    def add(self, key: Key) -> None:
        """Count a crash."""
        self._known[key] = (self.of(key)[0] + 1, self._clock())
        self._known.move_to_end(key)
        while len(self._known) > MAX_KEYS:
            self._known.popitem(last=False)

    def forget(self, key: Key) -> None:
        """Forget the crashes of one cause."""
        self._known.pop(key, None)

    def of(self, key: Key) -> tuple[int, float]:
        """Return the number of crashes of one cause, and the seconds since the last."""
        count, when = self._known.get(key, (0, 0.0))
        since = self._clock() - when
        return (count, since) if since < SECONDS else (0, since)


class Quarantine:
    """Circuit breaker by structure and by client."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.structures: Crashes[str] = Crashes(clock)
        self._clients: OrderedDict[Cause, Crashes[str]] = OrderedDict()
        """Clients by the causes of their crashes that no engine has survived since."""
        self._digests: OrderedDict[str, str] = OrderedDict()

    def check(self, request: EngineRequest[Any], is_known: bool) -> None:
        """Refuse a structure that crashed AFTER_CRASHES engines, and new models of a client that crashed several.

        Raises:
            Quarantined: for a client, with the seconds that it lasts.
        """
        if self.structures and self.structures.of(self._structure(request))[0] >= AFTER_CRASHES:
            raise Quarantined.at("/model", Quarantined.title, expected="a model that engines survive")
        if self._clients and not is_known:
            self._check_client(request.trace.client)

    def _check_client(self, client: str) -> None:
        crashes = [crash for crash in (clients.of(client) for clients in self._clients.values()) if crash[0]]
        count, since = sum(number for number, _ in crashes), min((since for _, since in crashes), default=SECONDS)
        remaining = min(SECONDS, CLIENT_SECONDS * 2.0 ** (count - CLIENT_CRASHES)) - since
        if count >= CLIENT_CRASHES and remaining > 0:
            message = f"models sent from here have stopped {count} engines recently"
            expected = f"a model that has run before, or another in {remaining:.0f} s"
            raise Quarantined.at("/model", message, expected=expected)

    def record_crash(self, request: EngineRequest[Any]) -> None:
        """Record that an engine died while it ran this request."""
        cause = self._structure(request), request.nbytes
        self.structures.add(cause[0])
        self._clients.setdefault(cause, Crashes(self._clock)).add(request.trace.client)
        self._clients.move_to_end(cause)
        while len(self._clients) > MAX_KEYS:
            self._clients.popitem(last=False)

    def record_success(self, request: EngineRequest[Any]) -> None:
        """Record that an engine survived this request: its earlier crashes had another cause. Called after each run."""
        if self.is_empty():
            return
        structure = self._structure(request)
        self.structures.forget(structure)
        self._clients.pop((structure, request.nbytes), None)

    def is_empty(self) -> bool:
        """Whether no crash is recorded, or all have expired."""
        while self._clients and not next(iter(self._clients.values())):
            self._clients.popitem(last=False)
        return not self._clients and not self.structures

    def _structure(self, request: EngineRequest[Any]) -> str:
        """Return the structure of a request, computed once per key, and only after a crash."""
        if request.key not in self._digests:
            self._digests[request.key] = structure_of(request)
            while len(self._digests) > MAX_KEYS:
                self._digests.popitem(last=False)
        return self._digests[request.key]


def structure_of(request: EngineRequest[Any]) -> str:
    """Return the kind of request, and the digest of its document without name, seed and weights."""
    if request.document is None:
        return request.key
    digest = sha256(orjson.dumps(_strip(orjson.loads(request.document)))).hexdigest()
    return f"{request.key.partition(':')[0]}:{digest}"


def _strip(value: Any) -> Any:
    if isinstance(value, list):
        return [_strip(item) for item in value]
    if isinstance(value, dict):
        return {key: _strip(item) for key, item in value.items() if key not in NO_STRUCTURE}
    return value

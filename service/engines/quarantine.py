"""Models and clients that kill engines are not served again for a while.

A model is known by its structure: another seed, name or file of weights makes another id, and the same death.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Generic, TypeVar

import orjson

from models.errors import Problem, Quarantined
from service.engines.jobs import EngineRequest

AFTER_CRASHES = 2
"""Engines in a row that one structure may kill before it is refused."""
SECONDS = 600.0
CLIENT_CRASHES = 3
"""Engines that one client may kill within SECONDS before its new models are refused: first for CLIENT_SECONDS, after
each further death for twice as long, at most SECONDS.
"""
CLIENT_SECONDS = 30.0
MAX_KEYS = 10_000
Key = TypeVar("Key")
Cause = tuple[str, int]
"""A structure, and the bytes of its inputs: what is survived on a small input may not be on a large one."""
NO_STRUCTURE = ("name", "seed", "weights")


class Crashes(Generic[Key]):
    """Engines that died, by what is blamed, within the last SECONDS."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[Key, tuple[int, float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, key: Key) -> None:
        """One more."""
        self._known[key] = (self.of(key)[0] + 1, self._clock())
        self._known.move_to_end(key)
        while len(self._known) > MAX_KEYS:
            self._known.popitem(last=False)

    def forgive(self, key: Key) -> None:
        """None of this one any more."""
        self._known.pop(key, None)

    def of(self, key: Key) -> tuple[int, float]:
        """How many, and the seconds since the last."""
        count, when = self._known.get(key, (0, 0.0))
        since = self._clock() - when
        return (count, since) if since < SECONDS else (0, since)

    def of_all(self) -> tuple[int, float]:
        """How many there were altogether, and the seconds since the last."""
        each = [self.of(key) for key in self._known]
        return sum(count for count, _ in each), min((since for _, since in each), default=SECONDS)


class Quarantine:
    """Counts engines that died, by the structure that they ran and by the client that asked for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.structures: Crashes[str] = Crashes(clock)
        self.clients: OrderedDict[str, Crashes[Cause]] = OrderedDict()
        """What each has sent that no engine has survived since."""
        self._digests: OrderedDict[str, str] = OrderedDict()

    def check(self, question: EngineRequest, is_known: bool) -> None:
        """Refuses what has killed its share; of a client that has, what is not known to end.

        Raises:
            Quarantined: it says for how long.
        """
        if self.structures and self.structures.of(self._structure(question))[0] >= AFTER_CRASHES:
            raise Quarantined("", [Problem("/model", Quarantined.title, "a model that engines survive")])
        if self.clients and not is_known:
            self._check_client(question.trace.client)

    def _check_client(self, client: str) -> None:
        count, since = self.clients[client].of_all() if client in self.clients else (0, SECONDS)
        left = min(SECONDS, CLIENT_SECONDS * 2.0 ** (count - CLIENT_CRASHES)) - since
        if count >= CLIENT_CRASHES and left > 0:
            message = f"models sent from here have stopped {count} engines recently"
            expected = f"a model that has run before, or another in {left:.0f} s"
            raise Quarantined(problems=[Problem("/model", message, expected)])

    def record_crash(self, question: EngineRequest) -> None:
        """An engine died while it ran this."""
        structure, client = self._structure(question), question.trace.client
        self.structures.add(structure)
        self.clients.setdefault(client, Crashes(self._clock)).add((structure, question.nbytes))
        self.clients.move_to_end(client)
        while len(self.clients) > MAX_KEYS:
            self.clients.popitem(last=False)

    def record_success(self, question: EngineRequest) -> None:
        """An engine survived this: if one has died of it, that was somebody else's doing."""
        if not self.structures:
            return
        structure = self._structure(question)
        self.structures.forgive(structure)
        for deaths in self.clients.values():
            deaths.forgive((structure, question.nbytes))

    def _structure(self, question: EngineRequest) -> str:
        """Worked out once for a key, and only while something has died."""
        if question.key not in self._digests:
            self._digests[question.key] = structure_of(question)
            while len(self._digests) > MAX_KEYS:
                self._digests.popitem(last=False)
        return self._digests[question.key]


def structure_of(question: EngineRequest) -> str:
    """What is asked, and the digest of its document without what makes no difference to engines."""
    if question.document is None:
        return question.key
    digest = sha256(orjson.dumps(_bare(orjson.loads(question.document)))).hexdigest()
    return f"{question.key.partition(':')[0]}:{digest}"


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items() if key not in NO_STRUCTURE}
    return value

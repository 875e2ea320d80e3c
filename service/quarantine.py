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
from service.jobs import Question

AFTER_DEATHS = 2
"""Engines in a row that one structure may kill before it is refused."""
SECONDS = 600.0
CLIENT_DEATHS = 3
"""Engines that one client may kill within SECONDS before its new models are refused: first for CLIENT_SECONDS, after
each further death for twice as long, at most SECONDS.
"""
CLIENT_SECONDS = 30.0
MAX_KEYS = 10_000
Key = TypeVar("Key")
Cause = tuple[str, int]
"""A structure, and the bytes of its inputs: what is survived on a small input may not be on a large one."""
NO_STRUCTURE = ("name", "seed", "weights")


class Deaths(Generic[Key]):
    """Engines that died, by what is blamed, within the last SECONDS."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[Key, tuple[int, float]] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether any is left; those that are too long ago are dropped, the first of all first."""
        while self._known and not self.of(next(iter(self._known)))[0]:
            self._known.popitem(last=False)
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


class Quarantine:
    """Counts engines that died, by the structure that they ran and by the client that asked for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.structures: Deaths[str] = Deaths(clock)
        self._clients: OrderedDict[Cause, Deaths[str]] = OrderedDict()
        """Clients by what they have sent that no engine has survived since."""
        self._digests: OrderedDict[str, str] = OrderedDict()

    def check(self, question: Question, is_known: bool) -> None:
        """Refuses what has killed its share; of a client that has, what is not known to end.

        Raises:
            Quarantined: it says for how long.
        """
        if self.structures and self.structures.of(self._structure(question))[0] >= AFTER_DEATHS:
            raise Quarantined("", [Problem("/model", Quarantined.title, "a model that engines survive")])
        if self._clients and not is_known:
            self._check_client(question.course.client)

    def _check_client(self, client: str) -> None:
        deaths = [death for death in (clients.of(client) for clients in self._clients.values()) if death[0]]
        count, since = sum(number for number, _ in deaths), min((since for _, since in deaths), default=SECONDS)
        left = min(SECONDS, CLIENT_SECONDS * 2.0 ** (count - CLIENT_DEATHS)) - since
        if count >= CLIENT_DEATHS and left > 0:
            message = f"models sent from here have stopped {count} engines recently"
            expected = f"a model that has run before, or another in {left:.0f} s"
            raise Quarantined(problems=[Problem("/model", message, expected)])

    def blame(self, question: Question) -> None:
        """An engine died while it ran this."""
        cause = self._structure(question), question.nbytes
        self.structures.add(cause[0])
        self._clients.setdefault(cause, Deaths(self._clock)).add(question.course.client)
        self._clients.move_to_end(cause)
        while len(self._clients) > MAX_KEYS:
            self._clients.popitem(last=False)

    def absolve(self, question: Question) -> None:
        """An engine survived this: if one has died of it, that was somebody else's doing. Done after every run."""
        if self.is_idle():
            return
        structure = self._structure(question)
        self.structures.forgive(structure)
        self._clients.pop((structure, question.nbytes), None)

    def is_idle(self) -> bool:
        """Whether nothing has died, or so long ago that it is forgotten."""
        while self._clients and not next(iter(self._clients.values())):
            self._clients.popitem(last=False)
        return not self._clients and not self.structures

    def _structure(self, question: Question) -> str:
        """Worked out once for a key, and only while something has died."""
        if question.key not in self._digests:
            self._digests[question.key] = structure_of(question)
            while len(self._digests) > MAX_KEYS:
                self._digests.popitem(last=False)
        return self._digests[question.key]


def structure_of(question: Question) -> str:
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

"""Keys of clients: a file of digests, one key a line, and the comparison of a sent key with all of them.

    name sha256:<hex of the key> [space=<name>] [role=use|register|admin] [share=<0..1>] [macs_per_minute=…]
                                 [bytes_per_minute=…]

The file has digests only: whoever reads it can send none of the keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from itertools import count
from math import isfinite
from secrets import token_urlsafe
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import ByteSize, TypeAdapter, ValidationError

from models.store.names import DEFAULT_SPACE

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
SPACE = re.compile(r"[a-z0-9_-]{1,64}")
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
PREFIX = "ls_"
"""The beginning of keys that this service makes, by which scanners for leaked secrets can know them."""
MAX_KEYS = 10_000
MAX_SECRET = 512
"""Most bytes of a key that a client sends."""
WORD = np.uint64
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


class Role(IntEnum):
    """What a key may do: each role may do what the ones before it may."""

    USE = 1
    """Run models, and read them."""
    REGISTER = 2
    """Register and remove models, and load and unload them."""
    ADMIN = 3
    """Read the metrics."""


class InvalidKeys(ValueError):
    """A file of keys with a line that is none; the message has its number, and nothing of the line."""


@dataclass(frozen=True, slots=True)
class Key:
    """One client: its space and role, its share of queue and reply memory, and what it may compute and send a minute
    (None: without limit).
    """

    name: str
    digest: bytes
    space: str = DEFAULT_SPACE
    role: Role = Role.USE
    share: float = 1.0
    macs_per_minute: int | None = None
    bytes_per_minute: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether what it does has a price."""
        return self.macs_per_minute is not None or self.bytes_per_minute is not None


class KeyRing:
    """The keys of a file. A sent key is compared with all of them, in the same time whichever it is like."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys = tuple(keys)
        digests = np.frombuffer(b"".join(key.digest for key in self._keys), WORD)
        self._words = np.ascontiguousarray(digests.reshape(-1, 4).T)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, secret: bytes) -> Key | None:
        """Return the key of a secret; None for one that is unknown."""
        if len(secret) > MAX_SECRET:
            return None
        digest = np.frombuffer(sha256(secret).digest(), WORD)
        differences = np.bitwise_or.reduce(self._words ^ digest[:, None], axis=0)
        (matches,) = (differences == 0).nonzero()
        return self._keys[matches[0]] if matches.size else None


def parse_keys(text: str) -> KeyRing:
    """Parse a file of keys. Empty lines, and those that begin with #, are passed over.

    Raises:
        InvalidKeys: with the number of the first line that is wrong.
    """
    keys: list[Key] = []
    names: set[str] = set()
    digests: set[bytes] = set()
    for number, words in _lines(text):
        key = _key(number, words)
        if key.name in names or key.digest in digests:
            raise InvalidKeys(f"line {number}: an earlier line has this name or key")
        names.add(key.name)
        digests.add(key.digest)
        keys.append(key)
        if len(keys) > MAX_KEYS:
            raise InvalidKeys(f"line {number}: over {MAX_KEYS:,} keys")
    return KeyRing(keys)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of each line with a key, and its number."""
    for number, line in zip(count(1), text.splitlines(), strict=False):
        words = line.split()
        if words and not words[0].startswith("#"):
            yield number, words


def _key(number: int, words: list[str]) -> Key:
    name, *rest = words
    digest = DIGEST.fullmatch(rest[0].lower()) if rest else None
    if not NAME.fullmatch(name) or digest is None:
        raise InvalidKeys(f"line {number}: write a name, a space, and sha256: with the 64 digits of the key's digest")
    options: dict[str, Any] = {}
    for word in rest[1:]:
        option, _, value = word.partition("=")
        if option not in READERS or option in options:
            raise InvalidKeys(f"line {number}: an option is one of {', '.join(READERS)}, once")
        try:
            options[option] = READERS[option](value)
        except (ValueError, KeyError, ValidationError):
            raise InvalidKeys(f"line {number}: {option} is not {EXPECTED[option]}") from None
    return Key(name, bytes.fromhex(digest[1]), **options)


def _space(value: str) -> str:
    if SPACE.fullmatch(value):
        return value
    raise ValueError


def _share(value: str) -> float:
    share = float(value)
    if 0 < share <= 1:
        return share
    raise ValueError


def _count(value: str) -> int:
    number = float(value)
    if isfinite(number) and number >= 1 and number == int(number):
        return int(number)
    raise ValueError


def _size(value: str) -> int:
    size = int(TypeAdapter(ByteSize).validate_python(value))
    if size >= 1:
        return size
    raise ValueError


READERS = {
    "space": _space,
    "role": lambda value: Role[value.upper()] if value.islower() else Role[""],
    "share": _share,
    "macs_per_minute": _count,
    "bytes_per_minute": _size,
}
EXPECTED = {
    "space": "a name of a-z, 0-9, - and _, of at most 64",
    "role": "use, register or admin",
    "share": "a number over 0, of at most 1",
    "macs_per_minute": "a whole number of multiply-adds, as 5e12",
    "bytes_per_minute": "a size, as 2GiB",
}


def new_key(name: str) -> tuple[str, str]:
    """Return a new key of 256 random bits, and its line for the file.

    Raises:
        InvalidKeys: the name is none.
    """
    if not NAME.fullmatch(name):
        raise InvalidKeys("a name has 1 to 64 of A-Z, a-z, 0-9, ., _ and -")
    secret = PREFIX + token_urlsafe(32)
    return secret, f"{name} sha256:{sha256(secret.encode()).hexdigest()}"

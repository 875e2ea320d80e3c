"""Problems of a request, in short texts that are safe to send back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar, Self

MAX_NAME = 128
"""Characters of a name that is sent back; no valid name is longer."""
MAX_PROBLEMS = 20
"""Problems listed in one reply; more do not help to correct a document."""
MAX_SHOWN = 120
"""Characters of one received value in a message."""
LONG = re.compile(rf"\S{{{MAX_SHOWN + 1},}}")
"""A word over MAX_SHOWN."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of one field: JSON pointer, message, expected and received values, suggestion."""

    pointer: str
    message: str
    expected: str | None = None
    received: str | None = None
    suggestion: str | None = None

    def under(self, prefix: str) -> Problem:
        """Return the same problem with its pointer prefixed, as seen from an enclosing document."""
        return Problem(prefix + self.pointer, self.message, self.expected, self.received, self.suggestion)


class LayerscopeError(Exception):
    """Base class of every error a caller can act on. `code` is stable; `title` is its one-line meaning."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Layerscope could not do this"

    def __init__(self, detail: str = "", problems: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        self.detail = detail or (self.problems[0].message if self.problems else self.title)
        super().__init__(self.detail)

    @classmethod
    def at(
        cls,
        pointer: str,
        message: str,
        expected: str | None = None,
        received: str | None = None,
        suggestion: str | None = None,
    ) -> Self:
        """Build an error with one problem: a JSON pointer, what is wrong there, and what to write instead."""
        return cls(problems=[Problem(pointer, message, expected, received, suggestion)])

    def under(self, prefix: str) -> LayerscopeError:
        """Return the same error with every pointer prefixed with `prefix`."""
        prefixed = copy(self)
        prefixed.problems = tuple(problem.under(prefix) for problem in self.problems)
        return prefixed


def pointer_to(path: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) to a path of keys and indices."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def cut(text: str, limit: int = MAX_SHOWN) -> str:
    """Truncate a text to `limit` characters, marked with an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def without_long_words(text: str) -> str:
    """Truncate the words of a text that are longer than MAX_SHOWN: these are received names or values."""
    return LONG.sub(lambda word: cut(word[0]), text)


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word most similar to `word`, case ignored; None below the similarity `cutoff` (1: equality)."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = get_close_matches(word.casefold()[:128], by_folded, n=1, cutoff=cutoff)
    return by_folded[near[0]] if near else None


def suggest(word: object, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the advice to write the known word most similar to a received one; None for values other than text."""
    near = did_you_mean(word, known, cutoff) if isinstance(word, str) else None
    return f'write "{near}"' if near else None


def shown(value: object, limit: int = 60, depth: int = 3) -> str:  # noqa: PLR0911 (one per type)
    """Render a received value as a short text that is safe to send back."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            huge = isinstance(value, int) and abs(value) >= 10**24
            return "an integer of over 24 digits" if huge else repr(value)
        case str():
            text = value.encode("unicode_escape").decode("ascii")
            return f'"{text}"' if len(text) <= limit else f"a string of {len(value)} characters"
        case list() | tuple():
            few = depth > 0 and len(value) <= 8
            inner = ", ".join(shown(item, 20, depth - 1) for item in value) if few else ""
            return f"[{inner}]" if few and len(inner) <= limit else f"an array of {len(value)} items"
        case dict():
            return f"an object with {len(value)} keys"
        case _:
            return type(value).__name__

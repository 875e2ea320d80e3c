"""The formats of replies, and which one a client gets.

Source: RFC 9110 sections 12.4.2 (quality values) and 12.5.1 (Accept).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.errors import Problem, Unacceptable, did_you_mean, shown


@dataclass(frozen=True, slots=True)
class Format:
    """A format by its name in `format=`, its media type, and other names for either."""

    name: str
    media_type: str
    aliases: tuple[str, ...] = ()

    def answers_to(self, word: str) -> bool:
        """Whether `word`, in any case, names this format."""
        return word.strip().lower() in (self.name, self.media_type, *self.aliases)


JSON = Format("json", "application/json")
NPZ = Format("npz", "application/x-npz", ("application/npz",))
NPY = Format("npy", "application/x-npy", ("application/npy",))
SAFETENSORS = Format("safetensors", "application/vnd.safetensors", ("application/x-safetensors",))
PNG = Format("png", "image/png")
SVG = Format("svg", "image/svg+xml")
JSONL = Format("jsonl", "application/jsonl", ("ndjson", "application/x-ndjson", "application/jsonlines"))
TEXTS = (JSON, JSONL)
"""Those that describe the layers, and may leave their values out."""
TIMED = (JSON, JSONL, SAFETENSORS)
"""Those of activations that say how long it took: the bytes of two replies differ."""

RANGE = re.compile(r"\s*([^\s;,/]+)/([^\s;,/]+)\s*((?:;[^,]*)?)$")
QUALITY = re.compile(r";\s*[qQ]\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)")


class MediaRange(NamedTuple):
    """One element of Accept: `type/subtype` with wildcards, and its quality from 0 to 1."""

    type: str
    subtype: str
    quality: float

    def specificity(self, format: Format) -> int:
        """How closely this matches: 3 the type itself, 2 `type/*`, 1 `*/*`, 0 not at all."""
        if format.answers_to(f"{self.type}/{self.subtype}"):
            return 3
        if self.subtype != "*":
            return 0
        return 1 if self.type == "*" else 2 * (format.media_type.split("/")[0] == self.type)


def negotiate(accept: str | None, format: str | None, offered: Sequence[Format]) -> Format:
    """The format of a reply: `format` if it is given, else what `accept` likes best, else the first offered.

    Among equally liked formats the more closely named wins, then the one named earlier.

    Raises:
        Unacceptable: none of `offered` will do; lists them.
    """
    if format is not None:
        return _named(format, offered)
    if accept is None or accept == "*/*" or not accept.strip():
        return offered[0]
    exact = next((candidate for candidate in offered if candidate.media_type == accept), None)
    if exact is not None:
        return exact
    ranges = _parsed(accept)
    ranked = [(_rank(candidate, ranges), candidate) for candidate in offered]
    best, chosen = max(ranked, key=lambda pair: pair[0])
    if best[0] <= 0:
        raise _unacceptable("", "none of the accepted formats can be produced", accept, offered)
    return chosen


def _named(name: str, offered: Sequence[Format]) -> Format:
    for candidate in offered:
        if candidate.answers_to(name):
            return candidate
    near = did_you_mean(name, [candidate.name for candidate in offered])
    raise _unacceptable("/format", "there is no such format here", name, offered, near)


def _parsed(accept: str) -> list[MediaRange]:
    """The elements of an Accept header; malformed ones are left out, a malformed quality counts as 0."""
    matches = [RANGE.match(element) for element in accept.split(",")]
    return [MediaRange(found[1].lower(), found[2].lower(), quality(found[3])) for found in matches if found]


def quality(parameters: str) -> float:
    """The `q` among the parameters of an element, as in `;q=0.5`: 1 without one, 0 where it is malformed."""
    if not re.search(r";\s*[qQ]\s*=", parameters):
        return 1.0
    found = QUALITY.search(parameters)
    return float(found[1]) if found else 0.0


def _rank(format: Format, ranges: Sequence[MediaRange]) -> tuple[float, int, int]:
    """(quality, specificity, earliness) of the range that matches most closely, larger is better."""
    matching = [(media.specificity(format), -place, media.quality) for place, media in enumerate(ranges)]
    closest, earliness, quality = max(matching, default=(0, 0, 0.0))
    return (quality, closest, earliness) if closest else (0.0, 0, 0)


def _unacceptable(
    pointer: str, message: str, received: str, offered: Sequence[Format], near: str | None = None
) -> Unacceptable:
    expected = "one of " + ", ".join(f"{candidate.media_type} ({candidate.name})" for candidate in offered)
    advice = f'write "{near}"' if near else None
    return Unacceptable(problems=[Problem(pointer, message, expected, shown(received, 200), advice)])

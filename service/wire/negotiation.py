"""Content negotiation of reply formats.

Source: RFC 9110 sections 12.4.2 (quality values) and 12.5.1 (Accept).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from models.errors import Unacceptable, shown, suggest
from service.wire.format import Format

RANGE = re.compile(r"\s*([^\s;,/]+)/([^\s;,/]+)\s*((?:;[^,]*)?)$")
QUALITY_VALUE = r"(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)"
QUALITY = re.compile(rf";\s*[qQ]\s*=\s*{QUALITY_VALUE}\s*(?:;|$)")


class MediaRange(NamedTuple):
    """One element of Accept: `type/subtype` with wildcards, and its quality from 0 to 1."""

    type: str
    subtype: str
    quality: float

    def specificity(self, format: Format) -> int:
        """Return how closely this matches: 3 exact type, 2 `type/*`, 1 `*/*`, 0 no match."""
        if format.answers_to(f"{self.type}/{self.subtype}"):
            return 3
        if self.subtype != "*":
            return 0
        return 1 if self.type == "*" else 2 * (format.media_type.split("/")[0] == self.type)


def negotiate(accept: str | None, format: str | None, offered: Sequence[Format]) -> Format:
    """Return the format of a reply: `format` if set, else what `accept` prefers, else the first offered.

    Among formats of equal quality the more specifically matched wins, then the one listed earlier.

    Raises:
        Unacceptable: none of `offered` is acceptable; lists them.
    """
    if format is not None:
        return _format_named(format, offered)
    if accept is None or accept == "*/*" or not accept.strip():
        return offered[0]
    exact = next((candidate for candidate in offered if candidate.media_type == accept), None)
    if exact is not None:
        return exact
    ranges = _parse_accept(accept)
    ranked = [(_rank(candidate, ranges), candidate) for candidate in offered]
    best, chosen = max(ranked, key=lambda pair: pair[0])
    if best[0] <= 0:
        raise _unacceptable("", "none of the accepted formats can be produced", accept, offered)
    return chosen


def _format_named(name: str, offered: Sequence[Format]) -> Format:
    for candidate in offered:
        if candidate.answers_to(name):
            return candidate
    advice = suggest(name, [candidate.name for candidate in offered])
    raise _unacceptable("/format", "there is no such format here", name, offered, advice)


def _parse_accept(accept: str) -> list[MediaRange]:
    """Parse an Accept header; malformed elements are skipped, a malformed quality counts as 0."""
    matches = [RANGE.match(element) for element in accept.split(",")]
    return [MediaRange(match[1].lower(), match[2].lower(), quality(match[3])) for match in matches if match]


def quality(parameters: str) -> float:
    """Parse `q` in the parameters of an element, as in `;q=0.5`: 1 if absent, 0 if malformed."""
    if not re.search(r";\s*[qQ]\s*=", parameters):
        return 1.0
    match = QUALITY.search(parameters)
    return float(match[1]) if match else 0.0


def _rank(format: Format, ranges: Sequence[MediaRange]) -> tuple[float, int, int]:
    """Return (quality, specificity, earliness) of the most specific matching range; larger is better."""
    matching = [(media.specificity(format), -position, media.quality) for position, media in enumerate(ranges)]
    closest, earliness, quality = max(matching, default=(0, 0, 0.0))
    return (quality, closest, earliness) if closest else (0.0, 0, 0)


def _unacceptable(
    pointer: str, message: str, received: str, offered: Sequence[Format], advice: str | None = None
) -> Unacceptable:
    expected = "one of " + ", ".join(f"{candidate.media_type} ({candidate.name})" for candidate in offered)
    return Unacceptable.at(pointer, message, expected=expected, received=shown(received, 200), suggestion=advice)

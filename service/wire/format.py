"""Description of a reply format: all that negotiation, compression, OpenAPI and the handlers know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from models.ipc.messages import TensorInfo
from service.wire.stream import TensorStream

BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
Encoder = Callable[[Sequence[TensorInfo], Mapping[str, str]], TensorStream]
"""Makes the stream of these tensors with this metadata."""


class Kind(Enum):
    """Structure of a reply."""

    JSON = auto()
    """The layers are described, and may omit their values."""
    TENSORS = auto()
    """Tensors by name."""
    PICTURE = auto()
    """Drawn from the values."""


class Coding(Enum):
    """Content codings that are worthwhile."""

    ANY = auto()
    ZSTD = auto()
    """Gzip takes 40 ms for a megabyte of activations, and most HTTP clients request it by default."""
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its name in `format=`, its media type, and aliases of either."""

    name: str
    media_type: str
    aliases: tuple[str, ...] = ()
    kind: Kind = Kind.TENSORS
    encoder: Encoder | None = None
    """Of tensors."""
    coding: Coding = Coding.NONE
    has_timings: bool = False
    """Whether activations in it include timings, so that the bytes of two replies differ."""
    has_weights: bool = True
    """Whether weights are offered in it."""
    is_line_by_line: bool = False
    """Whether a client reads it while it arrives."""
    schema: Mapping[str, Any] = field(default_factory=lambda: BINARY)
    """In OpenAPI."""

    def answers_to(self, word: str) -> bool:
        """Whether `word` names this format, ignoring case."""
        return word.strip().lower() in (self.name, self.media_type, *self.aliases)


def encoder_of(format: Format) -> Encoder:
    """Return the encoder of a format of tensors.

    Raises:
        TypeError: it has none.
    """
    if format.encoder is None:
        raise TypeError(f"{format.name} has no encoder of tensors")
    return format.encoder

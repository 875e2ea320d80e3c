"""Streams of replies layer by layer: one JSON object, or JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import orjson

from models.ipc.messages import LayerInfo, TensorInfo
from service.wire.json import EntryParts, LayerEntry, layer_pieces, split_head
from service.wire.json_values import DataMode, base64_bytes

NO_VALUES = np.empty(0, np.uint8)


class LayerStream(Protocol):
    """Encoder of a reply: send `head()`, every piece of `layer(i, entry)` for i = 0, 1, … in order, then `tail()`."""

    @property
    def length(self) -> int | None:
        """Length of the whole body in bytes, if known in advance."""

    def head(self) -> bytes:
        """Return the bytes before the first layer."""

    def layer(self, number: int, entry: LayerEntry) -> Iterator[bytes]:
        """Encode one layer in pieces."""

    def failed(self, problem: Mapping[str, Any]) -> bytes | None:
        """Return the bytes that end a failed reply; None if only closing the connection can signal it."""

    def tail(self) -> bytes:
        """Return the bytes after the last layer."""


class JsonStream:
    """Stream of the same bytes as `activations_json`."""

    def __init__(self, head: Mapping[str, Any], mode: DataMode, length: int | None = None) -> None:
        first, last = split_head(head)
        self._first = orjson.dumps(first)[:-1] + b',"layers":['
        self._last = b"]" + (b"," + orjson.dumps(last)[1:] if last else b"}")
        self._mode = mode
        self.length = None if length is None else len(self._first) + length + len(self._last)

    def head(self) -> bytes:
        return self._first

    def layer(self, number: int, entry: LayerEntry) -> Iterator[bytes]:
        if number:
            yield b","
        yield from layer_pieces(entry, self._mode)

    def failed(self, problem: Mapping[str, Any]) -> bytes | None:  # noqa: ARG002 (a truncated object shows it)
        return None

    def tail(self) -> bytes:
        return self._last


class JsonLines:
    """Stream of a line for the head and one for each layer, as in JSON; a failure ends it with `{"error": problem}`."""

    length = None

    def __init__(self, head: Mapping[str, Any], mode: DataMode) -> None:
        self._head, self._mode = head, mode

    def head(self) -> bytes:
        return orjson.dumps(self._head, option=orjson.OPT_APPEND_NEWLINE)

    def layer(self, number: int, entry: LayerEntry) -> Iterator[bytes]:  # noqa: ARG002 (lines are alike)
        yield from layer_pieces(entry, self._mode)
        yield b"\n"

    def failed(self, problem: Mapping[str, Any]) -> bytes | None:
        return orjson.dumps({"error": problem}, option=orjson.OPT_APPEND_NEWLINE)

    def tail(self) -> bytes:
        return b""


def base64_length(layers: Sequence[LayerInfo], tensors: Sequence[TensorInfo], parts: EntryParts) -> int | None:
    """Return the bytes of all layers and commas with `data=base64`; None with views that are written as numbers."""
    sizes = {info.name: info.nbytes for info in tensors}
    with_data = {layer.address for layer in layers} & sizes.keys()
    if len(with_data | {info.name for layer in layers for info in layer.weights}) < len(sizes):
        return None
    length = max(len(layers) - 1, 0)
    for layer in layers:
        data = [sizes[layer.address]] if layer.address in with_data else []
        kernels = [info.nbytes for info in layer.weights]
        blank = LayerEntry(
            layer,
            NO_VALUES if data else None,
            [NO_VALUES] * len(kernels) if parts.weights else None,
            labels=parts.labels.get(layer.address) if data else None,
        )
        length += sum(map(len, layer_pieces(blank, "base64")))
        length += sum(base64_bytes(nbytes) for nbytes in (*data, *kernels))
    return length

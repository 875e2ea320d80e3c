"""Replies as safetensors: a JSON header, then the tensors' bytes as they are.

Source: huggingface/safetensors, README "Format".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import orjson

from models.engine.messages import TensorInfo
from models.errors import Problem, Unacceptable
from models.tensors.dtypes import SAFETENSORS_CODES
from service.wire.stream import Buffer, checked

ALIGNMENT = 8
"""The data begins at a multiple of this, so that a reader can look at it in place."""
METADATA = "__metadata__"


class SafetensorsStream:
    """Tensors one after the other, in the order given; `metadata` is stored as strings.

    Raises:
        Unacceptable: a tensor is called `__metadata__`, a name the format keeps for itself.
    """

    def __init__(self, tensors: Sequence[TensorInfo], metadata: Mapping[str, str] | None = None) -> None:
        self._tensors = tensors
        self._head = header(tensors, metadata or {})
        self.length = len(self._head) + sum(tensor.nbytes for tensor in tensors)

    def head(self) -> bytes:
        return self._head

    def member(self, index: int, data: Buffer) -> tuple[Buffer]:
        tensor = self._tensors[index]
        return (checked(data, tensor.nbytes, tensor.name),)

    def tail(self) -> bytes:
        return b""


def header(tensors: Sequence[TensorInfo], metadata: Mapping[str, str]) -> bytes:
    """The header's length in 8 bytes and the header, padded with spaces to ALIGNMENT."""
    offsets = pairwise(accumulate((tensor.nbytes for tensor in tensors), initial=0))
    entries = {tensor.name: _entry(tensor, span) for tensor, span in zip(tensors, offsets, strict=True)}
    if METADATA in entries:
        problem = Problem("", "safetensors cannot name a tensor __metadata__", "another name", METADATA, "ask for npz")
        raise Unacceptable(problems=[problem])
    if len(entries) < len(tensors):
        raise ValueError("two tensors have the same name")
    kept = {METADATA: dict(metadata)} if metadata else {}
    text = orjson.dumps(kept | entries)
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _entry(tensor: TensorInfo, span: tuple[int, int]) -> dict[str, object]:
    return {"dtype": SAFETENSORS_CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": list(span)}

"""Replies as safetensors files: a JSON header, then the tensors' bytes unchanged.

Source: huggingface/safetensors, README "Format".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.errors import Unacceptable
from models.ipc.messages import TensorInfo
from models.tensors.safetensors import METADATA, safetensors_header
from service.wire.stream import HeadThenTensors


class SafetensorsStream(HeadThenTensors):
    """Encoder of tensors in the given order; `metadata` is stored as strings.

    Raises:
        Unacceptable: a tensor is named `__metadata__`, which the format reserves.
    """

    def __init__(self, tensors: Sequence[TensorInfo], metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(_head(tensors, metadata or {}), tensors)


def _head(tensors: Sequence[TensorInfo], metadata: Mapping[str, str]) -> bytes:
    names = {tensor.name for tensor in tensors}
    if METADATA in names:
        raise Unacceptable.at(
            "",
            "safetensors cannot name a tensor __metadata__",
            expected="another name",
            received=METADATA,
            suggestion="ask for npz",
        )
    if len(names) < len(tensors):
        raise ValueError("two tensors have the same name")
    return safetensors_header(tensors, metadata)

"""Replies as .npz files: a ZIP archive of stored .npy members, as numpy.savez writes it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from models.ipc.messages import TensorInfo
from service.wire.npy import npy_bytes, npy_data, npy_header
from service.wire.stream import Buffer
from service.wire.zip_records import Member, directory, local_header, local_header_bytes


class NpzStream:
    """Encoder with one member `<name>.npy` per tensor, in the given order; bfloat16 becomes float32.

    The bytes depend on the tensors only: members are dated 1980-01-01.
    """

    def __init__(self, tensors: Sequence[TensorInfo]) -> None:
        self._tensors = tensors
        self._members, self._end = _layout(tensors)
        self._crcs: list[int] = []
        self.length = self._end + len(directory(self._members, [0] * len(tensors), self._end))

    def head(self) -> bytes:
        return b""

    def member(self, index: int, data: Buffer) -> tuple[Buffer, Buffer]:
        if index != len(self._crcs):
            raise ValueError(f"tensor {len(self._crcs)} is next, not {index}")
        header, body = npy_header(self._tensors[index]), npy_data(self._tensors[index], data)
        self._crcs.append(zlib.crc32(body, zlib.crc32(header)))
        return local_header(self._members[index], self._crcs[index]) + header, body

    def tail(self) -> bytes:
        return directory(self._members, self._crcs, self._end)


def _layout(tensors: Sequence[TensorInfo]) -> tuple[list[Member], int]:
    """Return the members and the end offset of the last one."""
    members: list[Member] = []
    offset = 0
    for tensor in tensors:
        member = Member(f"{tensor.name}.npy", npy_bytes(tensor), offset)
        members.append(member)
        offset += local_header_bytes(member.name, member.size) + member.size
    if len({member.name for member in members}) < len(members):
        raise ValueError("two tensors have the same name")
    return members, offset

"""Records of a ZIP archive of stored members, with ZIP64 if a number does not fit 32 bits.

Source: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14
to 4.3.16 (end records) and 4.5.3 (the ZIP64 extra field).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

LIMIT = 0xFFFFFFFF
"""The 32-bit value that means "see the ZIP64 field"."""
COUNT_LIMIT = 0xFFFF
VERSION = 20
VERSION_ZIP64 = 45
UTF8 = 0x0800
DATE = (1980 - 1980) << 9 | 1 << 5 | 1
"""1980-01-01 00:00, so that the same tensors give the same bytes."""


@dataclass(frozen=True, slots=True)
class Member:
    """A stored member: its name, its size and the offset of its local header, in bytes."""

    name: str
    size: int
    offset: int

    @property
    def is_long(self) -> bool:
        """Whether its size needs ZIP64."""
        return self.size >= LIMIT


def local_header(member: Member, crc: int) -> bytes:
    """Return the record before a member's bytes."""
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if member.is_long else b""
    size = LIMIT if member.is_long else member.size
    name = member.name.encode()
    fields = (_version(bool(extra)), _flags(member), 0, 0, DATE, crc, size, size, len(name), len(extra))
    return struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", *fields) + name + extra


def local_header_bytes(name: str, size: int) -> int:
    """Return the length of `local_header`."""
    return 30 + len(name.encode()) + (20 if size >= LIMIT else 0)


def central_header(member: Member, crc: int) -> bytes:
    """Return a member's entry in the directory."""
    far = [member.offset] if member.offset >= LIMIT else []
    long = [member.size, member.size] if member.is_long else []
    numbers = struct.pack(f"<{len(long + far)}Q", *long, *far)
    extra = struct.pack("<HH", 1, len(numbers)) + numbers if numbers else b""
    size, offset = min(member.size, LIMIT), min(member.offset, LIMIT)
    name, version = member.name.encode(), _version(bool(extra))
    fields = (version, version, _flags(member), 0, 0, DATE, crc, size, size, len(name), len(extra), 0, 0, 0, 0, offset)
    return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", *fields) + name + extra


def directory(members: Sequence[Member], crcs: Sequence[int], offset: int) -> bytes:
    """Return the central directory, starting at `offset`, and the end records."""
    entries = b"".join(central_header(member, crc) for member, crc in zip(members, crcs, strict=True))
    return entries + _end(len(members), len(entries), offset)


def _end(count: int, size: int, offset: int) -> bytes:
    long = count >= COUNT_LIMIT or size >= LIMIT or offset >= LIMIT
    fields = (0, 0, min(count, COUNT_LIMIT), min(count, COUNT_LIMIT), min(size, LIMIT), min(offset, LIMIT), 0)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", *fields)
    return _end_zip64(count, size, offset) + end if long else end


def _end_zip64(count: int, size: int, offset: int) -> bytes:
    """Return the ZIP64 end record and its locator."""
    fields = (44, VERSION_ZIP64, VERSION_ZIP64, 0, 0, count, count, size, offset)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", *fields)
    return record + struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)


def _version(zip64: bool) -> int:
    return VERSION_ZIP64 if zip64 else VERSION


def _flags(member: Member) -> int:
    return 0 if member.name.isascii() else UTF8

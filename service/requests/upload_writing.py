"""Bytes of an upload on their way to a file, or into memory where they are a document."""

from __future__ import annotations

from typing import BinaryIO

from starlette.concurrency import run_in_threadpool

from service.requests.upload_parts import TELLING_BYTES, is_weights_file, too_large

WRITE_BYTES = 1024 * 1024
"""Bytes gathered before they are written."""


class Writer:
    """Gathers bytes, and writes them on a thread."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._gathered = file, bytearray()

    def add(self, data: bytes) -> None:
        self._gathered += data

    async def write(self, data: bytes) -> None:
        self.add(data)
        await self.flush_full()

    async def flush_full(self) -> None:
        if len(self._gathered) >= WRITE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        gathered, self._gathered = self._gathered, bytearray()
        await run_in_threadpool(self._file.write, gathered)


class RawBody:
    """A body that is a file of weights or, where `max_document` says how long one may be, a document: its first bytes
    tell.
    """

    def __init__(self, writer: Writer, max_document: int | None) -> None:
        self._writer, self._max = writer, max_document
        self._memory = bytearray()
        self._is_file = max_document is None

    @property
    def is_document(self) -> bool:
        """Whether it is none of the files."""
        return not self._is_file

    @property
    def document(self) -> bytes:
        return bytes(self._memory)

    async def write(self, data: bytes) -> None:
        """Raises TooLarge: a document is longer than it may be."""
        if self._is_file:
            await self._writer.write(data)
            return
        self._memory += data
        await self._tell()
        if not self._is_file and self._max is not None and len(self._memory) > self._max:
            raise too_large("", self._max)

    async def end(self) -> None:
        """All has come."""
        await self._writer.flush()

    async def _tell(self) -> None:
        if len(self._memory) >= TELLING_BYTES and is_weights_file(bytes(self._memory[:TELLING_BYTES])):
            data, self._memory, self._is_file = bytes(self._memory), bytearray(), True
            await self._writer.write(data)

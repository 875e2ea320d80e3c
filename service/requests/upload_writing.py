"""Writers of an upload's bytes: to a file, or to memory for a document."""

from __future__ import annotations

from typing import BinaryIO

from starlette.concurrency import run_in_threadpool

from models.files.signatures import START_BYTES
from service.requests.upload_parts import SIGNATURE_BYTES, is_weights_file, too_large

WRITE_BYTES = 1024 * 1024
"""Bytes that are buffered before they are written."""


class Writer:
    """Buffered writer that writes on a thread."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._buffer = file, bytearray()

    def add(self, data: bytes) -> None:
        self._buffer += data

    async def write(self, data: bytes) -> None:
        self.add(data)
        await self.flush_full()

    async def flush_full(self) -> None:
        if len(self._buffer) >= WRITE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        buffer, self._buffer = self._buffer, bytearray()
        await run_in_threadpool(self._file.write, buffer)


class RawBody:
    """Body that is a weights file or, unless `max_document` is None, by its first bytes a document of at most that."""

    def __init__(self, writer: Writer, max_document: int | None) -> None:
        self._writer, self._max = writer, max_document
        self._memory = bytearray()
        self._is_file = max_document is None

    @property
    def is_document(self) -> bool:
        """Whether it is not a weights file."""
        return not self._is_file

    @property
    def document(self) -> bytes:
        return bytes(self._memory)

    async def write(self, data: bytes) -> None:
        """Write a chunk. Raises TooLarge: a document is over its limit."""
        if self._is_file:
            await self._writer.write(data)
            return
        self._memory += data
        await self._detect_file()
        if not self._is_file and self._max is not None and len(self._memory) > self._max:
            raise too_large("", self._max)

    async def end(self) -> None:
        """Flush after the last chunk."""
        await self._writer.flush()

    async def _detect_file(self) -> None:
        if len(self._memory) >= SIGNATURE_BYTES and is_weights_file(bytes(self._memory[:START_BYTES])):
            data, self._memory, self._is_file = bytes(self._memory), bytearray(), True
            await self._writer.write(data)

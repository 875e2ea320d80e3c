"""Multipart forms of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

PIECE_BYTES = 1 << 20


class FileForm:
    """A multipart form of files, read while it is sent."""

    def __init__(self, parts: Mapping[str, Path]) -> None:
        self._boundary = uuid4().hex
        heads = (f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="file"\r\n\r\n'
                 for name in parts)  # fmt: skip
        self._heads, self._files = [head.encode() for head in heads], list(parts.values())
        self._tail = f"--{self._boundary}--\r\n".encode()

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request with this form."""
        sizes = (len(head) + file.stat().st_size + 2 for head, file in zip(self._heads, self._files, strict=True))
        content_type = f"multipart/form-data; boundary={self._boundary}"
        return {"Content-Type": content_type, "Content-Length": str(sum(sizes) + len(self._tail))}

    def pieces(self) -> Iterator[bytes]:
        """Yield the form."""
        for head, path in zip(self._heads, self._files, strict=True):
            yield head
            with path.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
            yield b"\r\n"
        yield self._tail

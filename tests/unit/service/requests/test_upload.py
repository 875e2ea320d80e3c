"""Uploads are parsed as they arrive, wherever chunks end."""

from __future__ import annotations

import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from models.errors import InvalidOption, LayerscopeError, Unparsable
from models.files.signatures import START_BYTES
from service.requests.upload import Upload, _read_form
from service.requests.upload_parts import SIGNATURE_BYTES, UploadParts
from service.requests.upload_writing import RawBody, Writer

if TYPE_CHECKING:
    from starlette.requests import Request

ZIP = b"PK\x03\x04" + bytes(40)
TAR = tarfile.TarInfo("saved_model.pb").tobuf()
DOCUMENT = b'[{"type": "Flatten"}]'


def part(name: str, value: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)


class Chunked:
    """A request whose body arrives in chunks of this size."""

    headers = {"content-type": "multipart/form-data; boundary=b"}  # noqa: RUF012 (never changed)

    def __init__(self, body: bytes, size: int) -> None:
        self._body, self._size = body, size

    async def stream(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), self._size):
            yield self._body[start : start + self._size]


async def read(body: bytes, size: int, folder: Path) -> tuple[bytes | None, bytes | None, str]:
    """Parse a form and return the document, the weights and the pointer of the weights."""
    upload, request = Upload(folder), cast("Request", Chunked(body, size))
    await _read_form(request, upload, 1000)
    return upload.model, upload.weights.read_bytes() if upload.weights else None, upload.pointer


@pytest.mark.parametrize("size", [1, 3, SIGNATURE_BYTES, 10_000])
async def test_parts_are_recognized_by_content(tmp_path: Path, size: int) -> None:
    """Documents and weights under expected and other names, with preamble and epilogue."""
    for body, expected in (
        (part("model", DOCUMENT) + part("weights", ZIP), (DOCUMENT, ZIP, "/weights")),
        (part("file", ZIP) + part("model", DOCUMENT), (DOCUMENT, ZIP, "/file")),
        (part("model", ZIP), (None, ZIP, "/model")),
        (part("weights", b"x"), (None, b"x", "/weights")),
        (part("model", b""), (b"", None, "/weights")),
        (part('weights"; filename="', b"") + part("model[]", DOCUMENT), (DOCUMENT, None, "/weights")),
    ):
        for before, behind in ((b"", b""), (b"words\r\n", b" \r\nmore words"), (b"\r\n", b"\r\n")):
            assert await read(before + body + b"--b--" + behind, size, tmp_path) == expected


@pytest.mark.parametrize(("body", "error"), [
    (part("model", DOCUMENT), Unparsable), (part("model", DOCUMENT) + b"--b-", Unparsable), (b"", Unparsable),
    (b"--b--", InvalidOption), (part("other", DOCUMENT) + b"--b--", InvalidOption),
    (part("model", ZIP) + part("weights", ZIP) + b"--b--", InvalidOption),
    (part("model", b"[]") * 2 + b"--b--", InvalidOption), (part("a", ZIP) + part("b", ZIP) + b"--b--", InvalidOption),
    (part("model", b"[" * 2000) + b"--b--", LayerscopeError), (b"x" * 20_000 + part("model", DOCUMENT), Unparsable),
])  # fmt: skip
async def test_invalid_forms_are_rejected(tmp_path: Path, body: bytes, error: type[LayerscopeError]) -> None:
    """For any chunk size."""
    for size in (1, 10_000):
        with pytest.raises(error):
            await read(body, size, tmp_path)


def test_weights_are_not_buffered() -> None:
    """They are written as they arrive."""
    written: list[bytes] = []
    parts = UploadParts(written.append, 10)
    parts._disposition += b'form-data; name="weights"'
    parts._begin_part()
    for _ in range(100):
        parts._take(bytes(8))
    assert sum(map(len, written)) == 800
    assert max(map(len, written)) == START_BYTES


@pytest.mark.parametrize("size", [1, 5, 1000])
async def test_raw_bodies_are_recognized_by_content(tmp_path: Path, size: int) -> None:
    """Weights are written to disk, anything else is a document of bounded length."""
    files, documents = (ZIP, TAR, b"\x1f\x8b" + bytes(20)), (DOCUMENT, b"{}", b"", b"PK\x03\x04")
    for data, is_document in (*((one, False) for one in files), *((one, True) for one in documents)):
        with (tmp_path / "file").open("wb") as file:
            body = RawBody(Writer(file), 300)
            for start in range(0, len(data), size):
                await body.write(data[start : start + size])
            await body.end()
        assert body.is_document is is_document
        assert (body.document, (tmp_path / "file").read_bytes()) == ((data, b"") if is_document else (b"", data))
    with (tmp_path / "file").open("wb") as file, pytest.raises(LayerscopeError, match="over its limit"):
        await RawBody(Writer(file), 100).write(b"x" * 101)

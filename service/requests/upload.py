"""Uploads of weights, streamed to disk as they arrive; the other parts of a form stay in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from models.errors import Unparsable
from models.errors.problem import pointer_to
from models.store.scratch import Scratch
from service.edge.body_limit import allow_streamed_body
from service.options.field_names import WEIGHTS
from service.requests.body import media_type
from service.requests.multipart import MAX_PREAMBLE, MULTIPART, find_first_part, form_boundary, incomplete_form
from service.requests.upload_parts import UploadParts
from service.requests.upload_permits import UploadPermits
from service.requests.upload_writing import RawBody, Writer
from service.settings import Settings


@dataclass
class Upload:
    """Received weights file, document, labels. `folder` and the file are deleted at the end of the block."""

    folder: Path
    weights: Path | None = None
    model: bytes | None = None
    labels: bytes | None = None
    pointer: str = ""
    """The JSON pointer to the weights in the request."""


@asynccontextmanager
async def receive_upload(
    request: Request, settings: Settings, scratch: Scratch, permits: UploadPermits, documents: bool = False
) -> AsyncIterator[Upload]:
    """Receive an upload: the parts of a form, or the body itself as the weights file; with `documents`, a body that
    does not begin as such a file is a document.

    Raises:
        Overloaded, TooLarge, SlowBody, Unparsable, InvalidOption
    """
    allow_streamed_body(request, int(settings.max_weights) + int(settings.max_body), settings.upload_seconds)
    async with _folder(scratch, permits) as upload:
        if media_type(request) == MULTIPART:
            await _read_form(request, upload, int(settings.max_body))
        else:
            await _read_raw(request, upload, int(settings.max_body) if documents else None)
        yield upload


@asynccontextmanager
async def stored_upload(body: bytes, scratch: Scratch, permits: UploadPermits) -> AsyncIterator[Upload]:
    """Store a body that is already in memory as a weights file.

    Raises:
        Overloaded
    """
    async with _folder(scratch, permits) as upload:
        upload.weights = upload.folder / WEIGHTS
        await run_in_threadpool(upload.weights.write_bytes, body)
        yield upload


@asynccontextmanager
async def _folder(scratch: Scratch, permits: UploadPermits) -> AsyncIterator[Upload]:
    async with permits.acquire():
        folder = await run_in_threadpool(scratch.folder)
        try:
            yield Upload(Path(folder.name))
        finally:
            await run_in_threadpool(folder.cleanup)


async def _read_raw(request: Request, upload: Upload, max_document: int | None) -> None:
    """Read the body as a file or, up to `max_document` bytes, as a document."""
    path = upload.folder / WEIGHTS
    with path.open("wb") as file:
        body = RawBody(Writer(file), max_document)
        async for chunk in request.stream():
            await body.write(chunk)
        await body.end()
    upload.weights, upload.model = (None, body.document) if body.is_document else (path, None)


async def _read_form(request: Request, upload: Upload, max_memory: int) -> None:
    boundary = form_boundary(request)
    path = upload.folder / WEIGHTS
    with path.open("wb") as file:
        writer = Writer(file)
        parts = UploadParts(writer.add, max_memory)
        parser = MultipartParser(boundary, parts.callbacks())
        size = 0
        try:
            async for chunk in _from_first_part(request, boundary):
                size += len(chunk)
                if not parts.complete:
                    parser.write(chunk)
                await writer.flush_full()
            parser.finalize()
        except MultipartParseError:
            raise Unparsable.at("", "the form cannot be read", expected=MULTIPART, received="something else") from None
        await writer.flush()
    if not parts.complete:
        raise incomplete_form(size)
    parts.check()
    upload.weights = path if parts.weights else None
    upload.pointer = pointer_to([parts.weights or WEIGHTS])
    upload.model, upload.labels = parts.document, parts.labels


async def _from_first_part(request: Request, boundary: bytes) -> AsyncIterator[bytes]:
    """Stream the body from its first part on; an error unless one begins within MAX_PREAMBLE bytes."""
    head, begun = b"", False
    async for chunk in request.stream():
        if begun:
            yield chunk
            continue
        head += chunk
        start = 0 if head.startswith(b"--" + boundary) else find_first_part(head[:MAX_PREAMBLE], boundary)
        if start is not None:
            begun = True
            yield head[start:]
        elif len(head) > MAX_PREAMBLE:
            break
    if not begun:
        raise incomplete_form(len(head))

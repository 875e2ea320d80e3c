"""Uploads of weights: streamed to disk as they arrive, a form's other parts kept in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from models.errors import InvalidOption, Problem, TooLarge, Unparsable, did_you_mean, shown
from service.bodies import MULTIPART, form_boundary, incomplete, media_type
from service.body_limit import keep_on_disk
from service.state import State

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # not there at run time

WRITE_BYTES = 1024 * 1024
"""Bytes gathered before they are written."""
WEIGHTS, MODEL = "weights", "model"


@dataclass
class Upload:
    """What came: a file of weights, a document's bytes, or both. `folder` and the file last until the block ends."""

    folder: Path
    weights: Path | None = None
    model: bytes | None = None


@asynccontextmanager
async def received(request: Request, state: State) -> AsyncIterator[Upload]:
    """The parts of an upload: those of a form, or the body itself as the file of weights.

    Raises:
        Overloaded, TooLarge, SlowBody, Unparsable, InvalidOption
    """
    settings = state.settings
    keep_on_disk(request, int(settings.max_weights) + int(settings.max_body), settings.upload_seconds)
    async with state.uploads.place():
        folder = await run_in_threadpool(state.store.scratch.folder)
        try:
            upload = Upload(Path(folder.name))
            if media_type(request) == MULTIPART:
                await _read_form(request, upload, int(settings.max_body))
            else:
                await _read_raw(request, upload)
            yield upload
        finally:
            await run_in_threadpool(folder.cleanup)


async def _read_raw(request: Request, upload: Upload) -> None:
    upload.weights = upload.folder / WEIGHTS
    with upload.weights.open("wb") as file:
        writer = _Writer(file)
        async for chunk in request.stream():
            await writer.write(chunk)
        await writer.flush()


async def _read_form(request: Request, upload: Upload, max_memory: int) -> None:
    boundary = form_boundary(request)
    with (upload.folder / WEIGHTS).open("wb") as file:
        parts = _Parts(upload, _Writer(file), max_memory)
        parser = MultipartParser(boundary, parts.callbacks())
        size, tail = 0, b""
        try:
            async for chunk in request.stream():
                size, tail = size + len(chunk), (tail + chunk)[-len(boundary) - 64 :]
                parser.write(chunk)
                await parts.writer.flush_full()
            parser.finalize()
        except MultipartParseError:
            raise Unparsable("", [Problem("", "the form cannot be read", MULTIPART, "something else")]) from None
        await parts.writer.flush()
    if not tail.rstrip(b"\r\n \t").endswith(b"--" + boundary + b"--"):
        raise incomplete(size)
    parts.check()


class _Writer:
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


@dataclass
class _Parts:
    """Takes a form's parts as the parser finds them."""

    upload: Upload
    writer: _Writer
    max_memory: int
    disposition: bytearray = field(default_factory=bytearray)
    header: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    part: str = ""
    model: bytearray = field(default_factory=bytearray)
    given: list[str] = field(default_factory=list)

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_header_begin": self._begin_header,
            "on_header_field": lambda data, start, end: self.header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self.value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_part,
            "on_part_data": lambda data, start, end: self._take(data[start:end]),
        }

    def _begin_header(self) -> None:
        self.header.clear()
        self.value.clear()

    def _end_header(self) -> None:
        if bytes(self.header).strip().lower() == b"content-disposition":
            self.disposition = bytearray(self.value)

    def _begin_part(self) -> None:
        _, options = parse_options_header(bytes(self.disposition))
        self.part = options.get(b"name", b"").decode("utf-8", "replace")
        self.disposition.clear()
        if self.part not in (MODEL, WEIGHTS):
            near = did_you_mean(self.part, (MODEL, WEIGHTS))
            advice = f'write "{near}"' if near else None
            problem = Problem("", "there is no such part here", f"{MODEL}, {WEIGHTS}", shown(self.part), advice)
            raise InvalidOption("", [problem])
        if self.part in self.given:
            raise InvalidOption("", [Problem(f"/{self.part}", f"{self.part} is given twice", "one part", "two parts")])
        self.given.append(self.part)

    def _take(self, data: bytes) -> None:
        if self.part == WEIGHTS:
            self.writer.add(data)
            return
        self.model += data
        if len(self.model) > self.max_memory:
            expected, received = f"at most {self.max_memory:,} bytes", f"more than {self.max_memory:,} bytes"
            raise TooLarge("", [Problem(f"/{MODEL}", "the document is over its limit", expected, received)])

    def check(self) -> None:
        """Hands over what was found.

        Raises:
            InvalidOption: nothing was.
        """
        if not self.given:
            raise InvalidOption("", [Problem("", "the form has no parts", f"{MODEL}, {WEIGHTS}", "nothing")])
        self.upload.weights = self.upload.folder / WEIGHTS if WEIGHTS in self.given else None
        self.upload.model = bytes(self.model) if MODEL in self.given else None

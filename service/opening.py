"""`layerscope open`: registers files of networks with the service on this machine, which is started if none runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from math import prod
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from models.limits import NAME
from models.weights.saved_model.packing import is_saved_model, packed
from service.options.field_names import LABELS, MODEL, WEIGHTS
from service.settings import Settings

START_SECONDS = 180.0
"""Time for the service and its first engine to start."""
READY_SECONDS = 0.2
"""Time between two questions whether it is ready."""
UPLOAD_SECONDS = 3600.0
DOCUMENTS = (".json",)
"""Endings of files that are a document or `to_json()`, with the weights in a file after them."""
TEXTS = (".txt",)
"""Endings of files that are the labels of the model before them."""
PIECE_BYTES = 1 << 20
PICTURE_CHANNELS = (1, 3, 4)
MAX_ZEROS = 256
"""Most numbers that a printed command has."""
EVERY_ADDRESS, LOOPBACK = ("0.0.0.0", "::"), "127.0.0.1"  # noqa: S104 (compared, not bound)
"""Addresses to listen on that are none to connect to, and the one instead."""


class OpeningFailed(Exception):
    """A file is not opened; the text says why."""


@dataclass
class RunningService:
    """The service on a port of this machine: one that runs already, or a process of this command."""

    host: str
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def request(self, method: str, path: str, parts: Mapping[str, Path] | None = None) -> tuple[int, bytes]:
        """Send a request, with files as the parts of a form; return the status and the body of the response."""
        connection = HTTPConnection(self.host, self.port, timeout=UPLOAD_SECONDS)
        try:
            if parts is None:
                connection.request(method, path)
            else:
                form = FileForm(parts)
                connection.request(method, path, form.pieces(), form.headers)
            return _read(connection.getresponse())
        finally:
            connection.close()

    def wait(self) -> None:
        """Wait until a process that this command started ends, or is interrupted at the terminal."""
        if self.process is not None:
            with suppress(KeyboardInterrupt):
                self.process.wait()

    def stop(self) -> None:
        """Stop a process that this command started."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def is_ready(self) -> bool | None:
        """Whether an engine is ready; None if nothing listens on the port."""
        try:
            return self.request("GET", "/readyz")[0] == 200
        except (OSError, HTTPException):
            return None


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


def _read(response: HTTPResponse) -> tuple[int, bytes]:
    return response.status, response.read()


@contextmanager
def running_service(settings: Settings) -> Iterator[RunningService]:
    """Yield the service on the port of the settings. If nothing listens there it is started, and stopped at the end.

    Raises:
        OpeningFailed: it does not become ready.
    """
    host = LOOPBACK if settings.host in EVERY_ADDRESS else settings.host
    service = RunningService(host, settings.port)
    if service.is_ready() is None:
        command = [sys.executable, "-m", "service.cli", "serve", "--host", settings.host, "--port", str(settings.port)]
        service.process = subprocess.Popen(command)  # noqa: S603 (our own program)
    try:
        _await_ready(service)
        yield service
    finally:
        service.stop()


def _await_ready(service: RunningService) -> None:
    """Wait for an engine; raise OpeningFailed if there is none."""
    deadline = time.monotonic() + START_SECONDS
    while not service.is_ready():
        if service.process is not None and service.process.poll() is not None:
            raise OpeningFailed("the service ends as it starts")
        if time.monotonic() > deadline:
            raise OpeningFailed(f"the service at {service.url} is not ready after {START_SECONDS:g} s")
        time.sleep(READY_SECONDS)


def open_files(service: RunningService, files: Sequence[Path]) -> Iterator[str]:
    """Register each model, of files or a SavedModel folder, under the name of its first file, and yield what is known
    of it.

    Raises:
        OpeningFailed: a file is refused, with what the service says.
    """
    for parts in models_of(files):
        name = name_of(next(iter(parts.values())))
        with ExitStack() as stack:
            sent = {part: stack.enter_context(packed(file)) for part, file in parts.items()}
            status, body = service.request("PUT", f"/v1/models/{quote(name)}", sent)
        if status not in (200, 201):
            raise OpeningFailed(f"{', '.join(map(str, parts.values()))} is refused:\n{_problems(body)}")
        yield _notes(body) + _description(service, name)


def models_of(files: Sequence[Path]) -> list[dict[str, Path]]:
    """Return the files of each model by the part of a form: weights after a document are its own, as are labels after
    either.

    Raises:
        OpeningFailed: a file is not there, or labels have no model before them.
    """
    models: list[dict[str, Path]] = []
    for file in files:
        if not file.is_file() and not is_saved_model(file):
            what = "a folder, and no SavedModel" if file.is_dir() else "not there"
            raise OpeningFailed(f"{file} is {what}")
        part = MODEL if file.suffix in DOCUMENTS else LABELS if file.suffix in TEXTS else WEIGHTS
        open_parts = models[-1] if models else {}
        if part == LABELS and (not open_parts or LABELS in open_parts):
            raise OpeningFailed(f"{file} has no model of its own: labels follow the file that they belong to")
        if part == LABELS or (part == WEIGHTS and MODEL in open_parts and WEIGHTS not in open_parts):
            open_parts[part] = file
        else:
            models.append({part: file})
    return models


def name_of(file: Path) -> str:
    """Return the name under which a file is registered: its own, without its ending."""
    stem = file.resolve().name.split(".")[0]
    name = re.sub(r"[^A-Za-z0-9._-]", "-", stem).strip("-._")[:64]
    return name if NAME.fullmatch(name) else "model"


def _problems(body: bytes) -> str:
    """Return the problems of an error response as text."""
    try:
        reply = json.loads(body)
        lines = [_problem(problem) for problem in reply.get("errors", [])]
        return "\n".join([str(reply.get("detail")), *lines])
    except (ValueError, AttributeError, TypeError, KeyError):
        return "the reply is no problem document"


def _problem(problem: dict[str, Any]) -> str:
    """Return one problem as a line."""
    advice = f"; {problem['suggestion']}" if problem.get("suggestion") else ""
    line = f"{problem['pointer']}: {problem['message']}; expected {problem['expected']}; received {problem['received']}"
    return f"  {line}{advice}"


def _notes(body: bytes) -> str:
    """Return the notes on a registered document, a line each."""
    try:
        notes = json.loads(body).get("notes", [])
        return "".join(f"note: {note['pointer']}: {note['message']}\n" for note in notes)
    except (ValueError, AttributeError, TypeError, KeyError):
        return ""


def _description(service: RunningService, name: str) -> str:
    """Return the table of a model's layers, and commands to go on with."""
    path = f"/v1/models/{quote(name)}"
    status, body = service.request("GET", path)
    _, table = service.request("GET", f"{path}?as=summary")
    if status != 200:
        raise OpeningFailed(_problems(body))
    command = f"curl -sS {service.url}{path}/activations {_inputs(json.loads(body)['inputs'])}"
    arrays = f"{command} -H 'Accept: application/x-npz' -o {name}.npz"
    return f"{table.decode()}\n{service.url}{path}\n\n  {command}\n  {arrays}\n"


def _inputs(inputs: dict[str, dict[str, Any]]) -> str:
    """Return curl's arguments for the inputs of a network: a picture where it takes one, else zeros."""
    shapes = [(name, spec["shape"]) for name, spec in inputs.items()]
    if len(shapes) == 1 and len(shapes[0][1]) == 3 and shapes[0][1][-1] in PICTURE_CHANNELS:
        return "-F image=@picture.png"
    if sum(prod(length or 1 for length in shape) for _, shape in shapes) > MAX_ZEROS:
        return "-F tensor=@inputs.npy" if len(shapes) == 1 else "-F tensor=@inputs.npz"
    zeros = {name: [_zeros(shape)] for name, shape in shapes}
    text = json.dumps({"inputs": next(iter(zeros.values())) if len(zeros) == 1 else zeros})
    return f"-H 'Content-Type: application/json' -d '{text}'"


def _zeros(shape: Sequence[int | None]) -> Any:
    """Return nested zeros; a free length is one."""
    return 0 if not shape else [_zeros(shape[1:]) for _ in range(shape[0] or 1)]

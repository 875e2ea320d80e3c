"""The service on this machine, as `layerscope open` talks to it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path

from service.opening.failure import OpeningFailed
from service.opening.file_form import FileForm
from service.settings import Settings

START_SECONDS = 180.0
"""Time for the service and its first engine to start."""
READY_SECONDS = 0.2
"""Time between two questions whether it is ready."""
UPLOAD_SECONDS = 3600.0
EVERY_ADDRESS, LOOPBACK = ("0.0.0.0", "::"), "127.0.0.1"  # noqa: S104 (compared, not bound)
"""Addresses to listen on that are none to connect to, and the one instead."""


@dataclass
class RunningService:
    """The service on a port of this machine: one that runs already, or a process of this command."""

    host: str
    port: int
    key: str = field(default="", repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def request(self, method: str, path: str, parts: Mapping[str, Path] | None = None) -> tuple[int, bytes]:
        """Send a request, with files as the parts of a form; return the status and the body of the response."""
        connection = HTTPConnection(self.host, self.port, timeout=UPLOAD_SECONDS)
        try:
            headers = {"X-API-Key": self.key} if self.key else {}
            if parts is None:
                connection.request(method, path, headers=headers)
            else:
                form = FileForm(parts)
                connection.request(method, path, form.pieces(), headers | form.headers)
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


def _read(response: HTTPResponse) -> tuple[int, bytes]:
    return response.status, response.read()


@contextmanager
def running_service(settings: Settings) -> Iterator[RunningService]:
    """Yield the service on the port of the settings. If nothing listens there it is started, and stopped at the end.

    Raises:
        OpeningFailed: it does not become ready.
    """
    host = LOOPBACK if settings.host in EVERY_ADDRESS else settings.host
    service = RunningService(host, settings.port, settings.key.get_secret_value())
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

"""A service on this machine for as long as a block, or this process, lasts."""

from __future__ import annotations

import atexit
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from layerscope_client.client import Layerscope
from layerscope_client.errors import NotStarted

START_SECONDS, STOP_SECONDS = 180.0, 60.0
"""For the service and its first engine to be ready, and to end."""
HOST = "127.0.0.1"
ADVICE = 'install the service ("pip install layerscope"), or name the URL of one that runs: Layerscope(url)'


class LocalLayerscope(Layerscope):
    """A service that `local` started. `close()`, the end of a `with` block or of the process stops it."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
        super().__init__(url, client=httpx.Client(trust_env=False))  # a proxy would look for it on its own machine
        self.core.sender.wire.is_own = True
        self.process, self._folder = process, folder
        atexit.register(self.close)

    def close(self) -> None:
        """Stop the service, and forget its models unless `data_dir` was given."""
        super().close()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()
        atexit.unregister(self.close)


def local(**settings: Any) -> LocalLayerscope:
    """Start a service of an installed `layerscope` on a free port, and return it when it is ready, in about 15 seconds.

    Settings are those of `layerscope serve`: `engines=2`, `data_dir="models"`, `max_body="1GiB"`.

    Raises:
        NotStarted: it is not installed, ends as it starts, or is not ready in time; with the end of its log.
    """
    program, folder = _program(), tempfile.TemporaryDirectory(prefix="layerscope-")
    log = Path(folder.name) / "log"
    settings = {"host": HOST, "port": _free_port(), "data_dir": Path(folder.name) / "models", **settings}
    options = [text for name, value in settings.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    with log.open("wb") as output:
        process = subprocess.Popen([program, "serve", *options], stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
    service = LocalLayerscope(f"http://{HOST}:{settings['port']}", process, folder)
    try:
        _await_ready(service)
    except NotStarted as error:
        said = log.read_text(errors="replace")[-2000:]
        service.close()
        raise NotStarted(f"{error}\n{said}") from None
    except BaseException:
        service.close()
        raise
    return service


def _program() -> str:
    """Return the path of `layerscope`: of this Python, else of the PATH. Raises NotStarted if there is none."""
    beside = Path(sys.executable).with_name("layerscope")
    if found := (str(beside) if beside.exists() else shutil.which("layerscope")):
        return found
    raise NotStarted(f"{ADVICE}: there is no program layerscope")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _await_ready(service: LocalLayerscope) -> None:
    client, deadline = service.core.sender.wire.client, time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if service.process.poll() is not None:
            raise NotStarted(f"see what it says: the service ended as it started, with {service.process.returncode}")
        with suppress(httpx.TransportError):
            if client.get(f"{service.core.sender.url}/readyz", timeout=5).status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise NotStarted(f"see what it says: the service was not ready after {START_SECONDS:g} s")

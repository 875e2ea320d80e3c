"""Fixtures shared by every test: a real server on a real socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
"""Without it TensorFlow computes no `channels_first` on the CPU; by itself it does so only where there is AVX-512."""
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

ROOT = Path(__file__).parent.parent
START_SECONDS = 120
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass
class Server:
    """A running `layerscope serve`."""

    url: str
    process: subprocess.Popen[bytes]
    client: httpx.Client
    data_dir: Path

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        """POST to this server."""
        return self.client.post(path, **arguments)

    def run(self, model: Any, inputs: Any, **options: Any) -> dict[str, Any]:
        """`POST /v1/activations` with JSON; return the reply, which must be a 200."""
        reply = self.client.post("/v1/activations", json={"model": model, "inputs": inputs, **options})
        assert reply.status_code == 200, reply.text[:2000]
        return dict(reply.json())

    def plan(self, model: Any, **options: Any) -> dict[str, Any]:
        """`POST /v1/plan`; return the reply, which must be a 200."""
        reply = self.client.post("/v1/plan", json={"model": model, **options})
        assert reply.status_code == 200, reply.text[:2000]
        return dict(reply.json())

    def engine_pid(self) -> int:
        """Return the process id of the first engine."""
        return int(self.client.get("/readyz").json()["engines"][0]["pid"])

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, while the server is running."""
        wait_until(condition, self.process)

    def wait_ready(self, engines: int = 1) -> None:
        """Wait until this many engines are ready."""
        self.wait_until(lambda: sum(one["ready"] for one in self.client.get("/readyz").json()["engines"]) >= engines)

    @contextmanager
    def begun(self, method: str, path: str, length: int) -> Iterator[HTTPConnection]:
        """Open a connection on which the server waits for the body of a request, after its 100 Continue."""
        url = self.client.base_url
        with closing(HTTPConnection(url.host, url.port, timeout=START_SECONDS)) as connection:
            connection.putrequest(method, path)
            connection.putheader("Content-Length", str(length))
            connection.putheader("Expect", "100-continue")
            connection.endheaders()
            assert connection.sock.recv(len(GO_ON)) == GO_ON
            yield connection

    def stop(self) -> int:
        """Send SIGTERM and return the exit code. A process that does not end is killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        finally:
            self.process.kill()


def free_port() -> int:
    """Find an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PATIENT = {"QUEUE_SECONDS": "60"}
"""Tests send bursts that take a slow machine longer than the default of half a second."""


@contextmanager
def running_server(data_dir: Path, wait: bool = True, module: str = "service.cli", **settings: str) -> Iterator[Server]:
    """Run a server with its own store and `LAYERSCOPE_…` settings, stopped at the end."""
    settings = {"PORT": str(free_port()), **PATIENT, **settings, "DATA_DIR": str(data_dir)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAYERSCOPE_")}
    environment |= {f"LAYERSCOPE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", module, "serve"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{settings['PORT']}"
    with httpx.Client(base_url=url, timeout=120) as client:
        server = Server(url, process, client, data_dir)
        try:
            wait_until(lambda: answers(client, "/readyz" if wait else "/healthz"), process)
            yield server
        finally:
            if process.poll() is None:
                server.stop()


def answers(client: httpx.Client, path: str) -> bool:
    """Whether a path currently returns 200."""
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(condition: Any, process: subprocess.Popen[bytes] | None = None, seconds: float = START_SECONDS) -> None:
    """Poll until a condition holds; fail at the timeout or when the process has ended."""
    end = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, "the server ended"
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not need their own."""
    with running_server(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(scope="session")
def start_server() -> Callable[..., AbstractContextManager[Server]]:
    """Start a test's own server: `with start_server(tmp_path, DEADLINE="5") as server`."""
    return running_server


@pytest.fixture(scope="session")
def start_stub_server() -> Callable[..., AbstractContextManager[Server]]:
    """Start a test's own server with stub engines (`tests.stub_engine`), which start in less than a second."""
    return partial(running_server, module="tests.stub_server")


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local S3 server with an empty bucket, configured for this process and its children: `s3://…`."""
    port = free_port()
    log = (tmp_path_factory.mktemp("s3") / "log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "tests.s3_server", str(port)], cwd=ROOT, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        with pytest.MonkeyPatch.context() as environment, httpx.Client(base_url=url, timeout=60) as client:
            for name, value in (("ENDPOINT_URL", url), ("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"),
                                ("DEFAULT_REGION", "us-east-1")):  # fmt: skip
                environment.setenv(f"AWS_{name}", value)
            wait_until(lambda: answers(client, "/moto-api/"), process)
            client.put("/models").raise_for_status()
            yield "s3://models"
    finally:
        process.kill()
        process.wait()
        log.close()

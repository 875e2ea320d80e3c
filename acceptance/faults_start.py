"""Reported faults 6 of the log and the start: services of their own, whose log or end is the answer."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from acceptance.fault_rows import Answer, Ask, Row, right
from acceptance.live_service import Service, python_of, running

BROKEN = """
import service.routes.health as health
def version(name):
    raise RuntimeError("broken on purpose")
health.version = version
from service.cli import main
main()
"""
"""A service with a defect in `/version`."""
LOG_SECONDS = 5
START_SECONDS = 60
LIVE = "/healthz"


def logged(ask: Callable[[Service], tuple[int | str, str]], command: tuple[str, ...] = ("-m", "service.cli", "serve"),
           **settings: str) -> Ask:  # fmt: skip
    """Return a question to a service of its own: what to ask, and the pattern of the line in its log."""

    def answer(service: Service) -> Answer:
        with TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            with running(Path(folder) / "store", command, LIVE, service.tree, log, **settings) as own:
                status, pattern = ask(own)
                return Answer(status, line_of(log, pattern))

    return answer


def line_of(log: Path, pattern: str) -> str:
    """Return the first line of a log that has a pattern, or nothing after some seconds."""
    end = time.monotonic() + LOG_SECONDS
    while time.monotonic() < end:
        for line in log.read_text().splitlines():
            if re.search(pattern, line):
                return line
        time.sleep(0.1)
    return ""


def defect(own: Service) -> tuple[int, str]:
    """Ask for what is broken; its line has the id that the reply tells to report."""
    reply = own.client.get("/version")
    return reply.status_code, reply.json().get("request_id") or reply.headers["x-request-id"]


def access(own: Service) -> tuple[int, str]:
    """Ask for the models; its line has the route and the status."""
    return own.client.get("/v1/models").status_code, r"/v1/models\b.*\b200\b"


def log_of() -> Iterator[Row]:
    """Yield what the log has of requests and of the address."""
    told = right(500, says="[0-9a-f]{8}")
    yield Row("6", "a 500: the line of the log with its request_id", told, logged(defect, ("-c", BROKEN, "serve")))
    yield Row("6", "the line of the log of a request", right(200, says="/v1/models"), logged(access))
    words = "a public address without keys: the line of the log that warns"
    open_to_all = logged(lambda _: ("started", "(?i)warn.*(authentication|keys)|no authentication"), HOST="0.0.0.0")  # noqa: S104
    yield Row("6", words, right("started", "did not start", says="(?i)authentication|keys"), open_to_all)


def ended(*settings: str) -> Ask:
    """Return a start that fails; the answer is its exit code and the number of lines."""

    def ask(service: Service) -> Answer:
        with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
            words = [word.format(taken=taken.getsockname()[1]) for word in settings]
            command = [python_of(service.tree), "-m", "service.cli", "serve", "--data-dir", folder, *words]
            done = subprocess.run(
                command,
                cwd=service.tree,
                env=os.environ,
                capture_output=True,
                text=True,
                timeout=START_SECONDS,
                check=False,
            )
        lines = done.stderr.strip().splitlines()
        return Answer(f"exit {done.returncode}, {len(lines)} line{'s' * (len(lines) != 1)}:", done.stderr)

    return ask


def starts() -> Iterator[Row]:
    """Yield starts that fail, as that of any setting that is wrong."""
    one = right("exit 1, 1 line:", says="LAYERSCOPE_")
    yield Row("6", "a setting that is wrong, to compare with", one, ended("--port", "x"))
    yield Row("6", "a port that is taken", one, ended("--port", "{taken}"))
    yield Row("6", "a host that is not there", one, ended("--port", "0", "--host", "203.0.113.1"))
    yield Row("6", "a host that is no name", one, ended("--port", "0", "--host", "no.such.host.invalid"))


def rows() -> Iterator[Row]:
    """Yield all rows."""
    yield from log_of()
    yield from starts()

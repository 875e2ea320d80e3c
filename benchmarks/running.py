"""A peer's server: installed, started, timed, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.environments import interpreter
from benchmarks.peers.peer import Peer
from benchmarks.processes import alive, tree
from benchmarks.samples import ROOT, Sample

START_SECONDS = 180
STOP_SECONDS = 30


class NotStarted(Exception):
    """A server ended, or was not ready in time."""


@dataclass(frozen=True)
class Server:
    """One that runs: its first process, and the seconds until it was ready."""

    pid: int
    start_s: float
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(peer: Peer, sample: Sample, root: Path = ROOT) -> Iterator[Server]:
    """A server of a tree for the length of the block; what it writes goes to `server.log` in the sample's folder.

    Raises:
        NotInstalled: its environment could not be made.
        NotStarted: it ended, or was not ready in time.
    """
    port = free_port()
    command = peer.command(interpreter(peer.environment), sample, port)
    sample.folder.mkdir(parents=True, exist_ok=True)
    with (sample.folder / "server.log").open("wb") as log:
        begun = time.monotonic()
        process = subprocess.Popen(
            command, env={**os.environ, **peer.variables}, stdout=log, stderr=log, cwd=root, start_new_session=True
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}{peer.ready}")
        yield Server(process.pid, time.monotonic() - begun, port)
    finally:
        end(process)


def free_port() -> int:
    """One that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the first process; what is left of its tree after a while is killed."""
    pids = tree(process.pid)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in pids[1:]:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not _answers(url):
        if process.poll() is not None:
            raise NotStarted(f"ended with status {process.returncode}")
        if time.monotonic() > end:
            raise NotStarted(f"not ready after {START_SECONDS} s")
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False

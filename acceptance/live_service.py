"""Shared parts of the scripts in this folder: a real service on a free port, and the largest relative error."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

ROOT = Path(__file__).parent.parent
START_SECONDS = 120


@dataclass
class Service:
    """A running service, and a client of it."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    tree: Path = ROOT

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.client.base_url.port or 0)

    def engine_pid(self) -> int:
        """Return the process id of the first engine."""
        return int(self.client.get("/readyz").json()["engines"][0]["pid"])

    def wait(self, path: str = "/readyz") -> None:
        """Wait until a path answers 200."""
        end = time.monotonic() + START_SECONDS
        while not self._answers(path):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("the service did not start")
            time.sleep(0.05)

    def _answers(self, path: str) -> bool:
        try:
            return self.client.get(path).status_code == 200
        except httpx.TransportError:
            return False


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python_of(tree: Path) -> str:
    """Return the interpreter of a checkout: this one for this checkout, else that in its `.venv`."""
    return sys.executable if tree == ROOT else str(tree / ".venv" / "bin" / "python")


@contextmanager
def running(data_dir: Path, command: tuple[str, ...] = ("-m", "service.cli", "serve"), ready: str = "/readyz",
            tree: Path = ROOT, log: Path = Path(os.devnull), **settings: str) -> Iterator[Service]:  # fmt: skip
    """Yield a `layerscope serve` with its own store and `LAYERSCOPE_…` settings, ended with the block.

    `tree` is the checkout that it is started from, `log` the file that its log is written to.
    """
    given = {"DATA_DIR": str(data_dir), "PORT": str(free_port()), **settings}
    environment = os.environ | {f"LAYERSCOPE_{name}": value for name, value in given.items()}
    with log.open("wb") as error:
        process = subprocess.Popen([python_of(tree), *command], cwd=tree, env=environment, stderr=error)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{given['PORT']}", timeout=600) as client:
            service = Service(process, client, tree)
            service.wait(ready)
            yield service
    finally:
        process.kill()
        process.wait()


def relative_error(received: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    """Return the largest difference over the largest expected value: max|a - b| / max|b|; 0 for empty tensors."""
    a, b = received.astype("f8"), expected.astype("f8")
    if not a.size:
        return 0.0
    largest = float(np.abs(a - b).max())
    return largest / (float(np.abs(b).max()) or 1.0)


def resident_mib(pid: int, key: str = "VmRSS") -> int:
    """Return the memory of a process in MiB: `VmRSS` now, `VmHWM` at its peak."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{key}:")[1].split()[0]) // 1024


def begin_peak(pid: int) -> None:
    """Reset the peak memory of a process."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")

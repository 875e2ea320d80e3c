"""A server's processes: started, timed, weighed, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 180
STOP_SECONDS = 30
MIB = 1024 * 1024


class NotStarted(Exception):
    """A server ended, or was not ready in time."""


def _fields(pid: int) -> list[str]:
    """`/proc/PID/stat` from the state on; empty for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def tree(root: int) -> list[int]:
    """A process and its descendants."""
    parents = {int(entry.name): _fields(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = [root]
    for pid in found:
        found.extend(child for child, fields in parents.items() if fields and int(fields[1]) == pid)
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of a tree, children that have ended included."""
    return sum(int(ticks) for pid in tree(root) for ticks in _fields(pid)[11:15]) / TICKS


def memory(pid: int) -> float:
    """Proportional set size in MiB: pages that processes share are divided among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def memories(root: int) -> dict[str, float]:
    """MiB of the first process and of all it started."""
    first, *others = tree(root)
    return {"first": memory(first), "others": sum(map(memory, others))}


@contextmanager
def started(command: list[str], variables: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server for the length of the block; its output goes to a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the first process; what is left of its tree after a while is killed."""
    pids = tree(process.pid)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in pids[1:]:
        if _fields(pid):
            os.kill(pid, signal.SIGKILL)


def wait_ready(process: subprocess.Popen[bytes], url: str) -> None:
    """Until a path answers 200.

    Raises:
        NotStarted: the process has ended, or does not answer in time.
    """
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

"""What a server's processes take: memory and processor time."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """`/proc/PID/stat` from the state on; empty for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid: int) -> bool:
    """Whether there is such a process."""
    return bool(_fields(pid))


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

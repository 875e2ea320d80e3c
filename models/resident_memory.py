"""Resident memory of a process."""

from __future__ import annotations

from pathlib import Path

FIELDS = (b"RssAnon:", b"RssFile:")
"""Fields of /proc/PID/status, in KiB, that count memory of the process alone; RssShmem is shared with others."""


def resident_bytes(pid: int | str = "self") -> int:
    """Return the resident memory of a process without what it shares with others (proc_pid_status(5)); 0 if unknown."""
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(FIELDS))

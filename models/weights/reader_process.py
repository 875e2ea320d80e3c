"""Frame of the short-lived processes that read files which may be hostile: one job on standard input, one reply out.

What reads runs under limits that the kernel enforces and a timeout that the parent enforces.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from models.weights.reader_messages import Copied, Listing, ReadJob, Refused
from models.weights.reader_refusal import Refusal

Run = Callable[[ReadJob], Listing | Copied]


def serve(run: Run, failures: tuple[type[Exception], ...], unreadable: str) -> None:
    """Run one job and write one reply. Errors of these kinds, which libraries raise on damaged files, are answered
    with `unreadable`.
    """
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=ReadJob)
    limit(job)
    try:
        reply: Listing | Copied | Refused = run(job)
    except Refusal as refusal:
        reply = refusal.reply
    except failures as error:
        reply = Refused(unreadable, type(error).__name__)
    sys.stdout.buffer.write(msgspec.json.encode(reply))


def limit(job: ReadJob) -> None:
    """Limit memory beyond the interpreter's current use, and CPU time; disable core dumps."""
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        mapped = int(statistics.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + job.memory,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (job.seconds, job.seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

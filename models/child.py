"""`python -m models.child PARENT MODULE …`: a module as a process that ends when the process PARENT does.

However that ends, and whatever the child is doing: what computes for minutes reads no socket meanwhile. The kernel sees
to it on Linux; elsewhere, and where the parent hangs up on purpose, a thread of the child does (`end_at_hangup`).
"""

from __future__ import annotations

import ctypes
import os
import runpy
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
"""prctl(2). The signal comes when the thread that started the child ends."""
NICE = 3
"""Children compute on every core while their parent has requests to take, refuse and answer: where there are no more
cores than that, it goes first (nice(2)).
"""
HANGUP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP
HANGUP_SECONDS = 3.0
"""For a process that was hung up on to end by itself."""


def command(module: str, *arguments: str) -> list[str]:
    """What starts a module as a child of this process."""
    return [sys.executable, "-m", "models.child", str(os.getpid()), module, *arguments]


def end_at_hangup(descriptor: int, seconds: float = HANGUP_SECONDS) -> None:
    """Ends this process a moment after the peer of a socket has closed it."""
    threading.Thread(target=_watch, args=(descriptor, seconds), name="hangup", daemon=True).start()


def _watch(descriptor: int, seconds: float) -> None:
    poll = select.poll()
    poll.register(descriptor, HANGUP)
    poll.poll()
    time.sleep(seconds)
    os._exit(1)


def _end_with(parent: int) -> None:
    """The kernel kills this process when its parent ends. A parent that was gone before was replaced by another."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: Sequence[str]) -> None:
    """Runs the module as `python -m` does."""
    parent, module, *rest = arguments
    _end_with(int(parent))
    os.nice(NICE)
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

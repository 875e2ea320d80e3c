"""`python -m models.child PARENT MODULE …`: run a module in a process that ends when the process PARENT does.

This holds however the parent ends and whatever the child is doing: a computation of minutes reads no socket meanwhile.
On Linux the kernel enforces it; elsewhere, and on a deliberate disconnect, a thread does (`exit_on_disconnect`).
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
"""From prctl(2). The signal is delivered when the thread that started the child ends."""
NICE = 3
"""Niceness (nice(2)): children compute on every core, and the parent, which accepts, rejects and serves requests, is
scheduled first when they compete for one.
"""
HANGUP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP
"""Events of a socket whose peer has closed it."""
HANGUP_SECONDS = 3.0
"""Time for a process whose peer disconnected to exit by itself."""


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that starts a module as a child of this process."""
    return [sys.executable, "-m", "models.child", str(os.getpid()), module, *arguments]


def exit_on_disconnect(descriptor: int, seconds: float = HANGUP_SECONDS) -> None:
    """Exit this process `seconds` after the peer of a socket has closed it."""
    threading.Thread(target=_exit_on_hangup, args=(descriptor, seconds), name="hangup", daemon=True).start()


def _exit_on_hangup(descriptor: int, seconds: float) -> None:
    poll = select.poll()
    poll.register(descriptor, HANGUP)
    poll.poll()
    time.sleep(seconds)
    os._exit(1)


def _die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; exit if the parent ended before and was replaced."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: Sequence[str]) -> None:
    """Run the module as `python -m` does."""
    parent, module, *rest = arguments
    _die_with_parent(int(parent))
    os.nice(NICE)
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Child processes that end with their parent, whatever they are doing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from models.child import command

ROOT = Path(__file__).parents[3]
PARENT = """
import subprocess
from models.child import command
print(subprocess.Popen(command("http.server", "0", "--bind", "127.0.0.1"), stderr=subprocess.DEVNULL).pid, flush=True)
input()
"""
BUSY = """
import sys, time
from models.child import exit_on_disconnect
exit_on_disconnect(int(sys.argv[1]), 0.1)
print(flush=True)
time.sleep(600)
"""


def is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_child_ends_when_its_parent_is_killed() -> None:
    """The parent cannot notify it, and the child reads nothing."""
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdin=-1, stdout=-1, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
    end = time.monotonic() + 5
    while is_running(child):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_child_of_a_dead_parent_does_not_start() -> None:
    """The kernel sends no signal for a death before the request."""
    _, *rest = command("this")
    assert rest == ["-m", "models.child", str(os.getpid()), "this"]
    late = [sys.executable, "-m", "models.child", str(os.getppid()), "this"]
    done = subprocess.run(late, cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, b"")
    begun = subprocess.run(command("this"), cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert begun.returncode == 0
    assert b"Explicit is better than implicit." in begun.stdout


def test_a_child_ends_on_disconnect() -> None:
    """Although it does not read the socket; the kernel's signal exists only on Linux."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        busy = [sys.executable, "-c", BUSY, str(theirs.fileno())]
        with subprocess.Popen(busy, cwd=ROOT, stdout=-1, pass_fds=[theirs.fileno()]) as child:
            theirs.close()
            assert child.stdout is not None
            child.stdout.readline()
            assert child.poll() is None
            ours.close()
            assert child.wait(timeout=5) == 1

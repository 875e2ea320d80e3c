"""Folders for files on their way: whose process is dead is removed, whose process lives is left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from models.store.scratch import Scratch

HOLDER = """
import os, signal, sys
from pathlib import Path
from models.store.scratch import Scratch
print(Scratch(Path(sys.argv[1])).path, flush=True)
sys.stdin.read()
"""


def test_it_is_made_when_it_is_needed_and_removed_when_it_is_closed(tmp_path: Path) -> None:
    """Folders in it go at the end of their block."""
    scratch = Scratch(tmp_path / "scratch")
    scratch.open()
    assert list(scratch.parent.iterdir()) == []
    with scratch.folder() as folder:
        assert Path(folder).parent == scratch.path
    assert list(scratch.path.iterdir()) == []
    scratch.close()
    assert list(scratch.parent.iterdir()) == []


def test_another_process_folder_is_removed_once_that_process_is_dead(tmp_path: Path) -> None:
    """However it ended; files that lie about go too."""
    (tmp_path / "half").write_bytes(b"half")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        theirs = Path(holder.stdout.readline().strip())
        Scratch(tmp_path).open()
        assert list(tmp_path.iterdir()) == [theirs]
        holder.send_signal(signal.SIGKILL)
    Scratch(tmp_path).open()
    assert list(tmp_path.iterdir()) == []

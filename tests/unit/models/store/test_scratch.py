"""Scratch folders: those of dead processes are removed, those of running ones are kept."""

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


def test_a_scratch_folder_is_created_lazily_and_removed_on_close(tmp_path: Path) -> None:
    """Folders within it are removed at the end of their block."""
    scratch = Scratch(tmp_path / "scratch")
    scratch.open()
    assert list(scratch.parent.iterdir()) == []
    with scratch.folder() as folder:
        assert Path(folder).parent == scratch.path
    assert [file.name for file in scratch.path.iterdir()] == ["lock"]
    scratch.close()
    assert list(scratch.parent.iterdir()) == []


def test_folders_of_dead_processes_are_removed(tmp_path: Path) -> None:
    """However they ended; stray files too."""
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

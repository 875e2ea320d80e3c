"""The README of the Python client, run from its first block to the last in one process."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Server

ROOT = Path(__file__).parents[2]
README = (ROOT / "clients/python/README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> str:
    """Return the blocks of one language, one after the other."""
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL))


def test_the_readme_prints_what_it_says(server: Server, tmp_path: Path) -> None:
    """Against a live service."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    code = blocks("python").replace(ADDRESS, server.url)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == blocks("text")

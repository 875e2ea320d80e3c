"""The README's commands, run unchanged against a live server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
TWO_SCREENS = 120


class Server(Protocol):
    """The part of the `server` fixture that these tests use."""

    url: str


@dataclass(frozen=True)
class Example:
    """A runnable block of the README and its documented output (None: undocumented)."""

    language: str
    code: str
    printed: str | None

    def __str__(self) -> str:
        return " ".join(re.findall(r"\w+", self.code))[:40]


def examples() -> list[Example]:
    """Return the blocks marked bash or python; a block marked text just after one is its output."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    after = [*blocks[1:], ("", "")]
    return [
        Example(language, code, output if following == "text" else None)
        for (language, code), (following, output) in zip(blocks, after, strict=True)
        if language in ("bash", "python")
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with the examples, for files that the commands write."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def run(example: Example, url: str, folder: Path) -> str:
    """Run an example against `url` and return its output; it must succeed."""
    code = example.code.replace(ADDRESS, url)
    command = ["bash", "-euo", "pipefail", "-c", code] if example.language == "bash" else [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_example_works_in_order(server: Server, folder: Path) -> None:
    """Each block succeeds and prints what the README says."""
    for example in examples():
        printed = run(example, server.url, folder)
        assert printed == (example.printed or printed), example


def test_examples_use_the_default_address() -> None:
    """Every block with a request names the address that `scripts/serve` listens on."""
    asking = [example for example in examples() if "curl" in example.code or "httpx" in example.code]
    assert len(asking) >= 4
    assert all(ADDRESS in example.code for example in asking)


def test_the_readme_fits_on_two_screens() -> None:
    """Longer explanations belong in docs/."""
    assert len(README.splitlines()) <= TWO_SCREENS


def test_scripts_in_the_readme_are_executable() -> None:
    """`scripts/serve`, `scripts/test` and all others exist."""
    named = set(re.findall(r"\bscripts/\w+", README))
    assert named >= {"scripts/serve", "scripts/test"}
    assert all((ROOT / script).stat().st_mode & 0o111 for script in named)

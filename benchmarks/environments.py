"""A virtual environment for each peer, in `.bench/environments/`, with what `requirements/NAME.txt` pins.

The `.txt` is made of the `.in` by `uv pip compile --python /usr/bin/python3.11 --no-header --no-annotate`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.samples import FOLDER, ROOT

REQUIREMENTS = Path(__file__).parent / "requirements"
BOOTSTRAP = ROOT / "scripts" / "bootstrap"
ENVIRONMENTS = FOLDER / "environments"
PYTHON = "/usr/bin/python3.11"
"""Debian's: Triton's binary embeds it, and starts with no other build of 3.11."""
INSTALLED = "installed.txt"


class NotInstalled(Exception):
    """A peer's environment could not be made."""


def interpreter(name: str | None) -> str:
    """The Python of an environment, which is made unless it has what is pinned already; of none, this one.

    Raises:
        NotInstalled: with the last line that the installer wrote.
    """
    if name is None:
        return sys.executable
    folder = ENVIRONMENTS / name
    python, pinned, marker = folder / "bin" / "python", REQUIREMENTS / f"{name}.txt", folder / INSTALLED
    if not marker.exists() or marker.read_text() != pinned.read_text():
        _install(folder, python, pinned)
        marker.write_text(pinned.read_text())
    return str(python)


def _install(folder: Path, python: Path, pinned: Path) -> None:
    uv = _run(str(BOOTSTRAP)).strip()
    _run(uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(folder))
    _run(uv, "pip", "sync", "--quiet", "--python", str(python), str(pinned))


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except OSError as error:
        raise NotInstalled(str(error)) from None
    except subprocess.CalledProcessError as error:
        raise NotInstalled(error.stderr.strip().splitlines()[-1]) from None

"""What cannot be traced, and the line of the user's code where it happens."""

from __future__ import annotations

import linecache
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, TracebackType

from layerscope_client.failures import LayerscopeError

LIBRARIES = ("keras", "tensorflow", "jax", "torch", "numpy", "optree", "absl")
"""Packages whose lines are not the user's."""


@dataclass(frozen=True)
class Line:
    """A line of source."""

    file: str
    number: int

    def __str__(self) -> str:
        source = linecache.getline(self.file, self.number).strip()
        return f"{self.file}:{self.number}" + (f": {source}" if source else "")


class Untraceable(LayerscopeError, ValueError):
    """A model, or a layer, whose code cannot be written as Keras' own layers and operations.

    Attributes:
        reason: what it does.
        layer: its name and class, `sampling (Sampling)`; empty for the whole model.
        line: where in the user's code; None if that is unknown.
        advice: what to do instead.
    """

    def __init__(self, reason: str, layer: str = "", line: Line | None = None, advice: str = "") -> None:
        self.reason, self.layer, self.line, self.advice = reason, layer, line, advice
        where = f"{layer}: " if layer else ""
        at = f" ({line})" if line is not None else ""
        super().__init__(f"{where}{reason}{at}" + (f". {advice}" if advice else ""))


class Refused(Exception):
    """What a layer's `call` does that cannot be traced; the recorder adds the layer and the line."""

    def __init__(self, reason: str, advice: str = "") -> None:
        self.reason, self.advice = reason, advice
        super().__init__(reason)


def called_line() -> Line | None:
    """Return the line of the user's code that is running."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_library(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None else Line(frame.f_code.co_filename, frame.f_lineno)


def raised_line(traceback: TracebackType | None) -> Line | None:
    """Return the innermost line of the user's code of an exception."""
    found = None
    while traceback is not None:
        if not _is_library(traceback.tb_frame.f_code.co_filename):
            found = Line(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


@cache
def _is_library(file: str) -> bool:
    """Whether a file is of Keras, of what it stands on, or of this package."""
    return file.startswith(_roots()) or "__autograph_generated_file" in file


@cache
def _roots() -> tuple[str, ...]:
    specs = [find_spec(name) for name in LIBRARIES]
    folders = [str(Path(spec.origin).parent) + "/" for spec in specs if spec is not None and spec.origin]
    standard = str(Path(linecache.__file__).parent)
    own = str(Path(__file__).parent) + "/"
    return (*folders, own, *(f"{standard}/{name}" for name in ("contextlib.py", "functools.py", "inspect.py")))

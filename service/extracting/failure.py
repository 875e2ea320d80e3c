"""The errors that end `layerscope extract`."""

from __future__ import annotations

from models.errors import LayerscopeError

USAGE, FAILED = 2, 1
"""Exit codes: of options that are wrong, as argparse has it, and of everything else."""


class ExtractionFailed(Exception):
    """An extraction does not begin or go on; the text says why."""

    code = FAILED


class WrongOption(ExtractionFailed):
    """An option is wrong, or does not go with another."""

    code = USAGE


def text_of(error: LayerscopeError) -> str:
    """Return an error in lines: what it is, and each problem with what to write instead."""
    lines = []
    for problem in error.problems:
        parts = [f"{problem.pointer}: {problem.message}" if problem.pointer else problem.message]
        parts += [f"expected {problem.expected}"] if problem.expected else []
        parts += [f"received {problem.received}"] if problem.received else []
        parts += [problem.suggestion] if problem.suggestion else []
        lines.append("; ".join(parts))
    return "\n".join(lines) or error.detail

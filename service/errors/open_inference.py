"""Errors below `/v2`: what the protocol's clients show of them is one string, `error`."""

from __future__ import annotations

from collections.abc import Iterable

from models.errors import Problem

ROOT = "/v2"
STATUS = {406: 400, 415: 400, 422: 400}
"""Statuses that servers of the protocol do not use, and what they answer instead."""


def speaks_protocol(path: str) -> bool:
    """Whether a path is one of the protocol's."""
    return path == ROOT or path.startswith(ROOT + "/")


def protocol_status(status: int) -> int:
    """The status that servers of the protocol answer."""
    return STATUS.get(status, status)


def in_one_line(detail: str, problems: Iterable[Problem]) -> str:
    """Everything that is to be said."""
    return "; ".join(map(_sentence, problems)) or detail


def _sentence(problem: Problem) -> str:
    where = f"{problem.pointer}: " if problem.pointer else ""
    facts = [
        f"expected {problem.expected}" if problem.expected else None,
        f"received {problem.received}" if problem.received else None,
        problem.suggestion,
    ]
    told = "; ".join(fact for fact in facts if fact)
    return f"{where}{problem.message} ({told})" if told else where + problem.message

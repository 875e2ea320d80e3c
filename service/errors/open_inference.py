"""Errors of the Open Inference Protocol, below `/v2`: its clients show one string, `error`."""

from __future__ import annotations

from collections.abc import Iterable

from models.errors import Problem

STATUS = {406: 400, 415: 400, 422: 400}
"""Statuses that servers of the protocol do not use, and what they return instead."""


def protocol_status(status: int) -> int:
    """Return the status that servers of the protocol use."""
    return STATUS.get(status, status)


def in_one_line(detail: str, problems: Iterable[Problem]) -> str:
    """Return all problems, or else the detail, as one line."""
    return "; ".join(map(_sentence, problems)) or detail


def _sentence(problem: Problem) -> str:
    where = f"{problem.pointer}: " if problem.pointer else ""
    facts = [
        f"expected {problem.expected}" if problem.expected else None,
        f"received {problem.received}" if problem.received else None,
        problem.suggestion,
    ]
    details = "; ".join(fact for fact in facts if fact)
    return f"{where}{problem.message} ({details})" if details else where + problem.message

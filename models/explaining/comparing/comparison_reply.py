"""Comparisons in replies: one entry a pair, with its figures."""

from __future__ import annotations

from typing import Any, NamedTuple

from models.explaining.comparing.comparison import ComparedRuns, Entry
from models.explaining.comparing.difference import Difference


class TensorOf(NamedTuple):
    """A tensor of one side."""

    address: str
    shape: tuple[int | None, ...]
    dtype: str


def entry_json(entry: Entry, a: TensorOf | None, b: TensorOf | None) -> dict[str, Any]:
    """Return the members of an entry: the status, the tensors of both sides, and their figures where they have any."""
    sides = {name: None if side is None else side._asdict() for name, side in (("a", a), ("b", b))}
    return {"status": entry.status, **sides, **figures_json(entry.difference)}


def figures_json(difference: Difference | None) -> dict[str, Any]:
    """Return the figures of a difference, infinite ones as floats; nothing where there is no difference."""
    if difference is None:
        return {}
    at = difference.at
    return {
        "max_abs": difference.max_abs,
        "mean_abs": difference.mean_abs,
        "rel_l2": difference.rel_l2,
        "cosine": difference.cosine,
        "snr_db": difference.snr_db,
        "max_ulp": difference.max_ulp,
        "argmax_agrees": difference.argmax_agrees,
        "at": None if at is None else {"index": list(at.index), "a": at.a, "b": at.b},
        "not_finite": difference.not_finite,
        "tolerance": difference.tolerance._asdict(),
    }


def summary_json(compared: ComparedRuns) -> dict[str, Any]:
    """Return what all entries come to."""
    return {"equal": compared.equal, "close": compared.close, "first_divergence": compared.first_divergence}

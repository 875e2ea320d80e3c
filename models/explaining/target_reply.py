"""A target in a reply: where it is, and each item's index and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.explaining.targets import Target, TargetTerm
from models.tensors.dtypes import Array
from models.views.labels import Names


def target_json(target: Target, values: Sequence[Array], picks: Sequence[Array], scores: Array) -> dict[str, Any]:
    """Return a target with the value of each item by term, and the units that an argmax picked; `scores` are the sums
    of the terms with their signs.
    """
    units, rows = iter(picks), []
    for term, value in zip(target.terms, values, strict=True):
        rows.append(_term_json(term, value, next(units) if term.is_argmax else None))
    minus = {"minus": rows[1]} if len(rows) > 1 else {}
    sign = {"sign": -1} if target.terms[0].sign < 0 else {}
    return {**rows[0], **minus, **sign, "scores": scores.tolist(), "is_default": target.is_default}


def labelled(reply: Mapping[str, Any], target: Target, labels: Mapping[str, Names]) -> dict[str, Any]:
    """Return a target of a reply with the class labels of its units, where the tensors' units have some; `labels` are
    by address.
    """
    own: dict[str, Any]
    own, *minus = [
        row | _label(term, row, labels.get(term.address, ()))
        for term, row in zip(target.terms, (reply, *([reply["minus"]] if "minus" in reply else [])), strict=True)
    ]
    return own | ({"minus": minus[0]} if minus else {})


def _label(term: TargetTerm, row: Mapping[str, Any], names: Names) -> dict[str, Any]:
    if not names:
        return {}
    if term.is_argmax:
        return {"labels": [names[unit] for unit in row["argmax"]]}
    unit = _unit(term)
    return {} if unit is None else {"label": names[unit]}


def _unit(term: TargetTerm) -> int | None:
    """Return the index on the last axis, where that is certain without the rank of the tensor."""
    parts = () if term.index is None else term.index.parts
    if not parts or not isinstance(parts[-1], int):
        return None
    return parts[-1] if None in parts or not _is_sum(term) else None


def _term_json(term: TargetTerm, values: Array, picks: Array | None) -> dict[str, Any]:
    picked = {} if picks is None else {"argmax": picks.tolist()}
    return {"address": term.address, "index": term.text or None, **picked, "values": values.tolist(),
            **({"summed": True} if _is_sum(term) else {})}  # fmt: skip


def _is_sum(term: TargetTerm) -> bool:
    """Whether axes are left free, which are summed."""
    return not term.is_argmax and (term.index is None or not all(isinstance(part, int) for part in term.index.parts))

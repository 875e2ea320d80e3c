"""Arithmetic in a reply: the value, its steps, and what it is computed from, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.explaining.arithmetic import Arithmetic
from models.explaining.arithmetic.steps import Outside, Step, Term
from models.explaining.reads.part import Part


def arithmetic_json(found: Arithmetic, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return the members of a reply. Without steps, `reason` says why."""
    reason = {} if found.reason is None else {"reason": found.reason}
    reads = [{"address": name, "box": part.box, "extent": part.extent} for name, part in parts.items()]
    return {
        "value": _number(found.value),
        "steps": [_step_json(step) for step in found.steps],
        **reason,
        "reads": reads,
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "address": step.address,
        "formula": step.formula,
        "terms": [_term_json(term) for term in step.listed()],
        "terms_total": step.terms_total,
        "bias": step.bias,
        "sum": step.total,
        "value": step.value,
        "ulps": step.ulps,
        **({} if step.outside is None else {"padding": _outside_json(step.outside)}),
    }


def _term_json(term: Term) -> dict[str, Any]:
    return {"name": term.name, "index": term.index, "value": term.value, "weight": term.weight, "product": term.product}


def _outside_json(outside: Outside) -> dict[str, Any]:
    return {"cells": outside.cells, "of": outside.of, "window": outside.positions}


def _number(value: Any) -> Any:
    """Return a number of NumPy as one of Python: a bool, an integer or a float."""
    number = value.item()
    return number if isinstance(number, bool | int) else float(number)

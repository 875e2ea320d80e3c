"""Admission of explanations by their plan: bytes of one pass, and multiply-adds and seconds of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.engine.admission import Bounds, Cost
from models.engine.explaining.addresses import explained_rows
from models.engine.explaining.traced_target import needed_from
from models.engine.plan import node_macs, total
from models.engine.rates import Rates
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.time_estimate import rounded, run_seconds
from models.engine.working_memory import is_known, working_bytes
from models.errors import TooLarge
from models.explaining.methods.method import Rows
from models.explaining.questions import Explanation

GRADIENT_BYTES = 2.5
"""Bytes of a pass with gradients by those of a plain one: every tensor is kept for the way back, which makes another of
its size; measured at 1.9 to 2.4.
"""
GRADIENT_WORK = 3
"""Multiply-adds of a pass with gradients by those of a plain one: back to a layer's input, and to its weights."""
PASS_ROWS = 32
"""Most rows of one pass: MobileNetV2 takes 27 ms a row with gradients in passes of 8, 20 in those of 16, 23 of 64."""


class Passes(NamedTuple):
    """The rows of one pass with gradients, and of one without; the cost of all passes."""

    rows: int
    score_rows: int
    cost: Cost


class RowsPlan(NamedTuple):
    """The bytes of one row, and the multiply-adds and seconds of all rows of all items; 0 where they are unknown."""

    items: int
    row_bytes: int
    macs: int
    seconds: float


def plan_rows(symbolic: SymbolicNetwork, addresses: Sequence[str], rows: Rows, rates: Rates | None) -> RowsPlan:
    """Plan the rows of every item; `addresses` are all that must be computed."""
    items = max(1, *(symbolic.shape(name)[0] or 1 for name in symbolic.network.inputs))
    nodes = needed_from(symbolic, addresses, ())
    row_bytes = max(1, int(GRADIENT_BYTES * working_bytes(symbolic, nodes) / items))
    work = rows.scores + GRADIENT_WORK * rows.gradients
    macs = work * (total(node_macs(symbolic, node) for node in nodes) or 0)
    return RowsPlan(items, row_bytes, macs, 0.0 if rates is None else work * run_seconds(symbolic, nodes, rates))


def explanation_price(symbolic: SymbolicNetwork, question: Explanation, rates: Rates | None) -> dict[str, Any]:
    """Return what an explanation takes, as `POST /v1/plan` tells it; null where a shape is free.

    Raises:
        InvalidOption: the method does not explain by an address.
    """
    to, rows = explained_rows(symbolic, question)
    addresses = [*question.target.addresses, *to]
    figures: dict[str, Any] = {"to": to, "gradient_rows": rows.gradients, "score_rows": rows.scores}
    if not is_known(symbolic, needed_from(symbolic, addresses, ())):
        return {**figures, "row_bytes": None, "macs": None, "seconds": None}
    plan = plan_rows(symbolic, addresses, rows, rates)
    seconds = None if rates is None else rounded(plan.seconds)
    return {**figures, "row_bytes": plan.row_bytes, "macs": plan.macs, "seconds": seconds}


def admit_rows(symbolic: SymbolicNetwork, addresses: Sequence[str], rows: Rows, bounds: Bounds) -> Passes:
    """Return how many rows a pass has. `symbolic` has the request's batch, whose every item takes `rows`; `addresses`
    are all that must be computed.

    Raises:
        TooLarge: one row does not fit, or all together take too long; with what would fit.
    """
    plan = plan_rows(symbolic, addresses, rows, None if bounds.time is None else bounds.time.rates)
    if plan.row_bytes > bounds.working:
        advice = "use a smaller input"
        raise _too_large("one item takes too much memory", bounds.working, plan.row_bytes, "bytes", advice)
    if plan.macs > bounds.macs:
        advice = _fewer(plan.items, plan.macs, bounds.macs)
        raise _too_large("the explanation takes too much work", bounds.macs, plan.macs, "multiply-adds", advice)
    if bounds.time is not None and plan.seconds > bounds.time.limit:
        advice, unit = _fewer(plan.items, plan.seconds, bounds.time.limit), "seconds by an estimate"
        raise _too_large("the explanation takes too long", bounds.time.limit, plan.seconds, unit, advice)
    fitting = bounds.working // plan.row_bytes
    without = int(GRADIENT_BYTES * bounds.working) // plan.row_bytes
    return Passes(min(PASS_ROWS, fitting), min(PASS_ROWS, without), Cost(plan.seconds, plan.macs))


def _too_large(message: str, limit: float, received: float, unit: str, advice: str) -> TooLarge:
    """Build the error; estimates have four digits."""
    expected, got = (f"{number:,}" if isinstance(number, int) else f"{number:,.4g}" for number in (limit, received))
    return TooLarge.at("", message, f"at most {expected} {unit}", f"{got} {unit}", advice)


def _fewer(items: int, received: float, limit: float) -> str:
    """Suggest a batch that fits, or fewer rows an item."""
    fitting = int(items * limit / received)
    return f"send at most {fitting} items at once" if fitting >= 1 else "ask for fewer steps, samples or windows"

"""Admission of two runs that are compared: what both take together, by their plans."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from models.engine.admission import Cost, reply_problem
from models.engine.execution import Execution
from models.engine.explaining.analysed_run import AnalysedRun
from models.engine.explaining.analysis_time import COMPARED_SECONDS, check_seconds
from models.errors import TooLarge
from models.explaining.comparing.subtraction import difference_dtype
from models.explaining.questions import Comparison
from models.tensors.dtypes import DTYPES


def admit_together(execution: Execution, sides: Sequence[AnalysedRun], question: Comparison) -> Cost:
    """Return the cost of two runs, each of which is admitted by itself. The first's tensors are held while the second
    computes.

    Raises:
        TooLarge: with what would fit.
        InvalidOption: a view does not fit the difference of its layer.
    """
    a, b = sides
    sent = _sent_bytes(a, b, question) if a.run.data else {}
    if sum(sent.values()) > a.run.max_bytes:
        raise TooLarge("", [reply_problem(a.plan.symbolic, sent, a.run.max_bytes)])
    working = max(a.cost.working_bytes, a.held_bytes + b.cost.working_bytes) + sum(sent.values())
    _check(working, execution.limits.max_working_bytes, "the activations of both sides", "bytes", _batch(a))
    weights = 0 if a.model is b.model else a.model.weight_bytes + b.model.weight_bytes
    _check(weights, execution.limits.max_model_bytes, "the weights of both sides", "bytes", 0)
    macs, elements = a.cost.macs + b.cost.macs, sum(prod(row.info.shape) for row in a.plan.rows)
    _check(macs, a.run.max_macs, "the work of both sides", "multiply-adds", _batch(a))
    seconds = a.cost.seconds + b.cost.seconds
    check_seconds(seconds + COMPARED_SECONDS * elements, execution.time, _batch(a))
    return Cost(seconds, macs)


def _sent_bytes(a: AnalysedRun, b: AnalysedRun, question: Comparison) -> dict[str, int]:
    """Return the bytes of each difference, after its view."""
    sizes, views = {}, a.run.views
    rows = {row.info.name: row.info for row in b.plan.rows}
    for row in a.plan.rows:
        other = next(pair[1] for pair in question.pairs if pair[0] == row.info.name)
        info = rows[other or ""]
        if info.shape == row.info.shape:
            dtype, address = difference_dtype(row.info.dtype, info.dtype), row.info.name
            view = views[address].row(info.shape, dtype, address) if address in views else None
            sizes[address] = prod(info.shape) * DTYPES[dtype].itemsize if view is None else view["bytes"]
    return sizes


def _check(received: int, limit: int, what: str, unit: str, batch: int) -> None:
    if received <= limit:
        return
    fitting = batch * limit // received
    advice = (
        f"a batch of at most {fitting} would fit" if fitting >= 1 else "use smaller inputs, or ask for fewer layers"
    )
    raise TooLarge.at("", f"{what} together are over the limit", f"at most {limit:,} {unit}", f"{received:,} {unit}",
                      advice)  # fmt: skip


def _batch(side: AnalysedRun) -> int:
    symbolic = side.plan.symbolic
    return max((symbolic.shape(name)[0] or 1 for name in symbolic.network.inputs), default=1)

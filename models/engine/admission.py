"""Admission control by planned cost: bytes to send, bytes and work to compute, seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from models.engine.plan import node_macs, total, view_row
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.time_estimate import TimeBudget, check_run
from models.engine.working_memory import inner_bytes, peak_inner, working_bytes
from models.errors import Problem, TooLarge
from models.layers.layer import Layer
from models.layers.sizes import Shape
from models.layers.smaller import FALLBACK, suggest_smaller
from models.networks.network import Node
from models.views.view import View


def sent_bytes(symbolic: SymbolicNetwork, outputs: Sequence[str], views: Mapping[str, View]) -> dict[str, int]:
    """Return the bytes of each output as sent, after its view. Every shape of `symbolic` is concrete.

    Raises:
        InvalidOption: a view does not fit its layer.
    """
    rows = {address: view_row(symbolic, address, views) for address in outputs}
    return {address: row["view"]["bytes"] if row else symbolic.nbytes(address) for address, row in rows.items()}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Upper bounds on one request: bytes sent, bytes while computing, multiply-adds, time (None: unbounded).

    Two bounds of one engine are equal if their bytes and multiply-adds are, since its time budget never changes.
    """

    sent: int
    working: int
    macs: int
    time: TimeBudget | None = field(default=None, compare=False)


class Cost(NamedTuple):
    """What a run costs by its plan: estimated seconds (0 where time is unbounded), multiply-adds (0: unknown), and
    bytes while it computes (0: not counted).
    """

    seconds: float
    macs: int
    working_bytes: int = 0


def admit(symbolic: SymbolicNetwork, requested: Mapping[str, int], bounds: Bounds, training: bool = False) -> Cost:
    """Return the cost of a run, or refuse it by the figures of the plan. Every shape of
    `symbolic` is concrete; `requested` has the bytes that each requested output is sent as.

    Raises:
        TooLarge: with the figures, and the selection, batch or argument that would fit.
    """
    if sum(requested.values()) > bounds.sent:
        raise TooLarge("", [reply_problem(symbolic, requested, bounds.sent)])
    needed = symbolic.needed(list(requested))
    working = working_bytes(symbolic, needed, training)
    if working > bounds.working:
        raise TooLarge("", [_working_problem(symbolic, needed, working, bounds.working, training)])
    macs = total(node_macs(symbolic, node) for node in needed)
    if macs is not None and macs > bounds.macs:
        raise TooLarge("", [_limit_problem("the work is over its limit", bounds.macs, macs, "multiply-adds")])
    seconds = 0.0 if bounds.time is None else check_run(symbolic, needed, bounds.time, training)
    return Cost(seconds, macs or 0, working)


def _limit_problem(message: str, limit: int, received: int, unit: str, suggestion: str | None = None) -> Problem:
    return Problem("", message, f"at most {limit:,} {unit}", f"{received:,} {unit}", suggestion)


def reply_problem(symbolic: SymbolicNetwork, requested: Mapping[str, int], limit: int) -> Problem:
    """Build the problem of outputs that are sent as so many bytes, with those that would fit."""
    fitting = _fitting(requested, limit)
    if fitting:
        suggestion = f"ask for fewer layers; these fit together: {', '.join(fitting)}"
    else:
        suggestion = _batch_suggestion(symbolic, sum(requested.values()), limit)
    problem = _limit_problem(
        "the activations asked for are over the limit", limit, sum(requested.values()), "bytes", suggestion
    )
    return Problem("/layers", problem.message, problem.expected, problem.received, problem.suggestion)


def _fitting(requested: Mapping[str, int], limit: int) -> list[str]:
    """Return the layers that fit when the smallest are taken first, in network order; at most twenty."""
    fitting: set[str] = set()
    remaining = limit
    for address, nbytes in sorted(requested.items(), key=lambda item: item[1]):
        if nbytes > remaining:
            break
        fitting.add(address)
        remaining -= nbytes
    return [address for address in requested if address in fitting][:20]


def _working_problem(
    symbolic: SymbolicNetwork, nodes: Sequence[Node], working: int, limit: int, training: bool
) -> Problem:
    """Build the problem; it points at the layer with the largest internal memory where that alone does not fit."""
    inner, largest = peak_inner(symbolic, nodes, training)
    outer = working - inner
    if largest is None or outer > limit:
        suggestion = _batch_suggestion(symbolic, working, limit)
        return _limit_problem("the activations to compute are over the limit", limit, working, "bytes", suggestion)
    own = inner_bytes(symbolic, largest, training)
    message = (
        f"{largest.address} has {own:,} bytes inside while it runs, which the activations to compute leave no room for"
    )
    suggestion = _suggestion(symbolic, largest, own, limit - outer)
    problem = _limit_problem(message, limit, working, "bytes", suggestion)
    return problem.under(largest.pointer)


def _suggestion(symbolic: SymbolicNetwork, node: Node, nbytes: int, remaining: int) -> str:
    """Suggest what would fit into the bytes that remain for the inside of a layer, which needs `nbytes` now."""
    shapes, outputs = symbolic.shapes(node.inputs), symbolic.shapes(node.outputs)
    element_bytes = nbytes / max(node.layer.inner(shapes, outputs), 1)

    def fits(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> bool:
        return layer.inner(shapes, outputs) * element_bytes <= remaining

    if not symbolic.keeps_batch_first((*node.inputs, *node.outputs)):
        return FALLBACK
    return suggest_smaller(node.layer, shapes, outputs, fits)


def _batch_suggestion(symbolic: SymbolicNetwork, nbytes: int, limit: int) -> str:
    batch = max((symbolic.shape(name)[0] or 1 for name in symbolic.network.inputs), default=1)
    fitting = batch * limit // max(nbytes, 1)
    return f"a batch of at most {fitting} would fit" if fitting >= 1 else "use a smaller input or fewer filters"

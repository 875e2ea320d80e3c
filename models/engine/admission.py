"""What is refused by its planned cost: bytes that would be sent, bytes and work to compute, seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.engine.plan import node_macs, total, viewed
from models.engine.seconds import Time, check_run
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.working import inner_bytes, peak_inner, working_bytes
from models.errors import Problem, TooLarge
from models.layers.easing import easier
from models.layers.layer import Layer, Shape
from models.networks.network import Node
from models.views.view import View


def sent_bytes(outline: SymbolicNetwork, outputs: Sequence[str], views: Mapping[str, View]) -> dict[str, int]:
    """Bytes of each output as it is sent, after its view. Every shape of `outline` is concrete.

    Raises:
        InvalidOption: a view does not fit its layer.
    """
    rows = {address: viewed(outline, address, views) for address in outputs}
    return {address: row["view"]["bytes"] if row else outline.nbytes(address) for address, row in rows.items()}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one request may take: bytes sent, bytes while it is computed, multiply-adds, time (None: any).

    Those of one engine are equal if they are in bytes and multiply-adds, since its time is always the same.
    """

    sent: int
    working: int
    macs: int
    time: Time | None = field(default=None, compare=False)


def admit(outline: SymbolicNetwork, wanted: Mapping[str, int], bounds: Bounds, training: bool = False) -> float:
    """The estimated seconds of a run, 0 where time is not bounded. Refuses, by the plan's figures, what would not fit.
    Every shape of `outline` is concrete, and `wanted` gives the bytes that each output asked for is sent as.

    Raises:
        TooLarge: with the figures, and the selection, batch or argument that would fit.
    """
    if sum(wanted.values()) > bounds.sent:
        raise TooLarge("", [_reply_problem(outline, wanted, bounds.sent)])
    needed = outline.needed(list(wanted))
    working = working_bytes(outline, needed, training)
    if working > bounds.working:
        raise TooLarge("", [_working_problem(outline, needed, working, bounds.working, training)])
    macs = total(node_macs(outline, node) for node in needed)
    if macs is not None and macs > bounds.macs:
        raise TooLarge("", [_limit_problem("the work is over its limit", bounds.macs, macs, "multiply-adds")])
    return 0.0 if bounds.time is None else check_run(outline, needed, bounds.time, training)


def _limit_problem(message: str, limit: int, received: int, unit: str, suggestion: str | None = None) -> Problem:
    return Problem("", message, f"at most {limit:,} {unit}", f"{received:,} {unit}", suggestion)


def _reply_problem(outline: SymbolicNetwork, wanted: Mapping[str, int], limit: int) -> Problem:
    fitting = _fitting(wanted, limit)
    if fitting:
        suggestion = f"ask for fewer layers; these fit together: {', '.join(fitting)}"
    else:
        suggestion = _batch_suggestion(outline, sum(wanted.values()), limit)
    problem = _limit_problem(
        "the activations asked for are over the limit", limit, sum(wanted.values()), "bytes", suggestion
    )
    return Problem("/layers", problem.message, problem.expected, problem.received, problem.suggestion)


def _fitting(wanted: Mapping[str, int], limit: int) -> list[str]:
    """The layers that fit when the smallest go first, in network order; at most twenty are named."""
    chosen: set[str] = set()
    left = limit
    for address, nbytes in sorted(wanted.items(), key=lambda item: item[1]):
        if nbytes > left:
            break
        chosen.add(address)
        left -= nbytes
    return [address for address in wanted if address in chosen][:20]


def _working_problem(
    outline: SymbolicNetwork, nodes: Sequence[Node], working: int, limit: int, training: bool
) -> Problem:
    """Points at the layer that has most of it inside, where that alone is what does not fit."""
    inner, largest = peak_inner(outline, nodes, training)
    outer = working - inner
    if largest is None or outer > limit:
        suggestion = _batch_suggestion(outline, working, limit)
        return _limit_problem("the activations to compute are over the limit", limit, working, "bytes", suggestion)
    own = inner_bytes(outline, largest, training)
    message = (
        f"{largest.address} has {own:,} bytes inside while it runs, which the activations to compute leave no room for"
    )
    suggestion = _easier(outline, largest, own, limit - outer)
    problem = _limit_problem(message, limit, working, "bytes", suggestion)
    return problem.under(largest.pointer)


def _easier(outline: SymbolicNetwork, node: Node, own: int, left: int) -> str:
    """What would fit into the bytes that are left for the inside of a layer, which has `own` of them."""
    shapes, outputs = outline.shapes(node.inputs), outline.shapes(node.outputs)
    each = own / max(node.layer.inner(shapes, outputs), 1)

    def fits(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> bool:
        return layer.inner(shapes, outputs) * each <= left

    return easier(node.layer, shapes, outputs, fits)


def _batch_suggestion(outline: SymbolicNetwork, nbytes: int, limit: int) -> str:
    batch = max((outline.shape(name)[0] or 1 for name in outline.network.inputs), default=1)
    fitting = batch * limit // max(nbytes, 1)
    return f"a batch of at most {fitting} would fit" if fitting >= 1 else "use a smaller input or fewer filters"

"""Estimated seconds of building or running a network: what cannot end in time is not started.

TensorFlow cannot be interrupted, so a run past its deadline costs an engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import keras

from models.engine.block_layer import BlockLayer, held_block
from models.engine.initial_weights import is_random
from models.engine.rates import Rates, factorisation
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.working_memory import is_skipped, step_network_of
from models.errors import Problem, TooLarge
from models.layers.layer import Layer
from models.layers.sizes import Shape, sizes_of
from models.layers.smaller import FALLBACK, suggest_smaller
from models.layers.work import Work
from models.networks.network import Node

TOLERATED = 3.0
"""Largest ratio of estimate to deadline: estimates may be three times too high, and legitimate networks must pass."""
NOTHING = Work()
"""The work of a call that computes nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class TimeBudget:
    """The rates of a machine and the deadline of one request. Each engine has one."""

    rates: Rates
    deadline: float

    @property
    def limit(self) -> float:
        """The largest estimate that is admitted."""
        return TOLERATED * self.deadline


def work_of(symbolic: SymbolicNetwork, node: Node, training: bool = False) -> Work:
    """Return the work of one call; free dimensions count as one, and the inside of a block is counted there."""
    if is_skipped(node, training):
        return NOTHING
    block = held_block(symbolic.layers[node.path])
    if block is not None:
        return _work_of_steps(block, symbolic.shape(node.inputs[0]))
    return node.layer.work(symbolic.shapes(node.inputs), symbolic.shapes(node.outputs))


def _work_of_steps(block: BlockLayer, shape: Shape) -> Work:
    """Return the work of a block that is applied to every step of an input of this shape."""
    step, steps = step_network_of(block, shape)
    return sum((work_of(step, node) for node in step.network.nodes), NOTHING).times(steps or 1)


def run_seconds(symbolic: SymbolicNetwork, nodes: Iterable[Node], rates: Rates, extra: Work = NOTHING) -> float:
    """Return the seconds of computing these calls and of the `extra` work."""
    return rates.seconds(sum((work_of(symbolic, node) for node in nodes), extra))


def input_work(symbolic: SymbolicNetwork) -> Work:
    """Return the work of copying the inputs of a network to TensorFlow."""
    return Work(moved=sizes_of([symbolic.shape(name) for name in symbolic.network.inputs]))


def layer_seconds(layer: keras.Layer, rates: Rates) -> float:
    """Return the seconds of drawing the weights of a layer; 0 once it has them."""
    return sum((_draw_seconds(variable, rates) for variable in layer.variables if variable._value is None), 0.0)


def _draw_seconds(variable: keras.Variable, rates: Rates) -> float:
    numbers, initializer = float(prod(variable.shape)), variable._initializer
    if isinstance(initializer, keras.initializers.Orthogonal):
        columns = variable.shape[-1]
        return numbers / rates.drawn + factorisation(numbers // columns, columns) / rates.factorised
    return numbers / (rates.drawn if is_random(initializer) else rates.moved)


def build_seconds(symbolic: SymbolicNetwork, rates: Rates) -> float:
    """Return the seconds of drawing the weights of a network."""
    return sum((layer_seconds(layer, rates) for layer in symbolic.layers.values()), 0.0)


def check_run(symbolic: SymbolicNetwork, nodes: Sequence[Node], time: TimeBudget, training: bool = False) -> float:
    """Return the estimated seconds of a run.

    Raises:
        TooLarge: it cannot end in time, pointing at the layer that takes most of it.
    """
    works = [work_of(symbolic, node, training) for node in nodes]
    seconds = time.rates.seconds(sum(works, input_work(symbolic)))
    if seconds > time.limit:
        slowest = max(range(len(nodes)), key=lambda number: time.rates.seconds(works[number]))
        raise TooLarge("", [_run_problem(symbolic, nodes[slowest], works[slowest], seconds, time)])
    return seconds


def _run_problem(symbolic: SymbolicNetwork, node: Node, work: Work, seconds: float, time: TimeBudget) -> Problem:
    own = time.rates.seconds(work)
    message = f"{node.address} would take too long: about {_formatted(own)} of {_formatted(seconds)} seconds"
    remaining = time.deadline - (seconds - own)
    suggestion = (
        _suggestion(symbolic, node, remaining, time.rates) if remaining > 0 else "use a smaller input, or fewer layers"
    )
    return Problem(node.pointer, message, _expected(time), f"about {_formatted(seconds)} seconds", suggestion)


def _suggestion(symbolic: SymbolicNetwork, node: Node, remaining: float, rates: Rates) -> str:
    """Suggest what would fit into the seconds that remain for the layer: an argument of it, a batch, or neither."""

    def fits(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> bool:
        return rates.seconds(layer.work(shapes, outputs)) <= remaining

    if not symbolic.keeps_batch_first((*node.inputs, *node.outputs)):
        return FALLBACK
    return suggest_smaller(node.layer, symbolic.shapes(node.inputs), symbolic.shapes(node.outputs), fits)


def check_build(symbolic: SymbolicNetwork, time: TimeBudget) -> None:
    """Refuse weights that cannot be drawn in time.

    Raises:
        TooLarge: pointing at the layer that takes most of it.
    """
    seconds = {path: layer_seconds(layer, time.rates) for path, layer in symbolic.layers.items()}
    total = sum(seconds.values())
    if total > time.limit:
        slowest = max(seconds, key=seconds.__getitem__)
        node = next(node for node in symbolic.network.nodes if node.path == slowest)
        message = (
            f"drawing the weights of {node.address} would take too long: about {_formatted(seconds[slowest])} seconds"
        )
        advice = "use fewer units or filters, or an initializer that draws numbers alone (GlorotUniform, HeNormal)"
        raise TooLarge.at(
            node.pointer,
            message,
            expected=_expected(time),
            received=f"about {_formatted(total)} seconds",
            suggestion=advice,
        )


def _expected(time: TimeBudget) -> str:
    return f"what ends within the deadline of {_formatted(time.deadline)} seconds, by an estimate for this machine"


def _formatted(seconds: float) -> str:
    """Format with two significant digits, as long as they are readable."""
    return f"{rounded(seconds):,g}" if seconds < 1e6 else "over 1,000,000"


def rounded(seconds: float) -> float:
    """Round to two digits: an estimate has no more."""
    return float(f"{seconds:.2g}")

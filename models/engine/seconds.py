"""Estimated seconds of building or running a network: what cannot end in time is not started.

TensorFlow cannot be interrupted, so a run past its deadline costs an engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import keras

from models.engine.block_layer import BlockLayer, held_block
from models.engine.rates import Rates, factorisation
from models.engine.symbolic_network import SymbolicNetwork
from models.engine.working import is_passed_over, step_outline
from models.errors import Problem, TooLarge
from models.layers.easing import suggest_smaller
from models.layers.layer import Layer, Shape, sizes_of
from models.layers.work import Work
from models.networks.network import Node

TOLERATED = 3.0
"""Largest ratio of estimate to deadline: estimates may be three times too high, and legitimate networks must pass."""
NOTHING = Work()


@dataclass(frozen=True, slots=True, eq=False)
class TimeBudget:
    """The rates of a machine and the deadline of one request. Each engine has one."""

    rates: Rates
    deadline: float

    @property
    def limit(self) -> float:
        """The largest estimate that is admitted."""
        return TOLERATED * self.deadline


def work_of(outline: SymbolicNetwork, node: Node, training: bool = False) -> Work:
    """Return the work of one call; free dimensions count as one, and the inside of a block is counted there."""
    if is_passed_over(node, training):
        return NOTHING
    block = held_block(outline.layers[node.path])
    if block is not None:
        return _work_of_steps(block, outline.shape(node.inputs[0]))
    return node.layer.work(outline.shapes(node.inputs), outline.shapes(node.outputs))


def _work_of_steps(block: BlockLayer, shape: Shape) -> Work:
    """Return the work of a block that is applied to every step of an input of this shape."""
    step, steps = step_outline(block, shape)
    return sum((work_of(step, node) for node in step.network.nodes), NOTHING).times(steps or 1)


def run_seconds(outline: SymbolicNetwork, nodes: Iterable[Node], rates: Rates, extra: Work = NOTHING) -> float:
    """Return the seconds of computing these calls and of the `extra` work."""
    return rates.seconds(sum((work_of(outline, node) for node in nodes), extra))


def input_work(outline: SymbolicNetwork) -> Work:
    """Return the work of copying the inputs of a network to TensorFlow."""
    return Work(moved=sizes_of([outline.shape(name) for name in outline.network.inputs]))


def layer_seconds(layer: keras.Layer, rates: Rates) -> float:
    """Return the seconds of drawing the weights of a layer; 0 once it has them."""
    return sum((_draw_seconds(variable, rates) for variable in layer.variables if variable._value is None), 0.0)


def _draw_seconds(variable: keras.Variable, rates: Rates) -> float:
    numbers, initializer = float(prod(variable.shape)), variable._initializer
    if isinstance(initializer, keras.initializers.Orthogonal):
        columns = variable.shape[-1]
        return numbers / rates.drawn + factorisation(numbers // columns, columns) / rates.factorised
    is_random = isinstance(initializer, keras.initializers.Initializer) and "seed" in initializer.get_config()
    return numbers / (rates.drawn if is_random else rates.moved)


def build_seconds(outline: SymbolicNetwork, rates: Rates) -> float:
    """Return the seconds of drawing the weights of a network."""
    return sum((layer_seconds(layer, rates) for layer in outline.layers.values()), 0.0)


def check_run(outline: SymbolicNetwork, nodes: Sequence[Node], time: TimeBudget, training: bool = False) -> float:
    """Return the estimated seconds of a run.

    Raises:
        TooLarge: it cannot end in time, pointing at the layer that takes most of it.
    """
    works = [work_of(outline, node, training) for node in nodes]
    seconds = time.rates.seconds(sum(works, input_work(outline)))
    if seconds > time.limit:
        slowest = max(range(len(nodes)), key=lambda number: time.rates.seconds(works[number]))
        raise TooLarge("", [_run_problem(outline, nodes[slowest], works[slowest], seconds, time)])
    return seconds


def _run_problem(outline: SymbolicNetwork, node: Node, work: Work, seconds: float, time: TimeBudget) -> Problem:
    own = time.rates.seconds(work)
    message = f"{node.address} would take too long: about {_formatted(own)} of {_formatted(seconds)} seconds"
    remaining = time.deadline - (seconds - own)
    suggestion = (
        _suggestion(outline, node, remaining, time.rates) if remaining > 0 else "use a smaller input, or fewer layers"
    )
    return Problem(node.pointer, message, _expected(time), f"about {_formatted(seconds)} seconds", suggestion)


def _suggestion(outline: SymbolicNetwork, node: Node, remaining: float, rates: Rates) -> str:
    """Suggest what would fit into the seconds that remain for the layer: an argument of it, a batch, or neither."""

    def fits(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> bool:
        return rates.seconds(layer.work(shapes, outputs)) <= remaining

    return suggest_smaller(node.layer, outline.shapes(node.inputs), outline.shapes(node.outputs), fits)


def check_build(outline: SymbolicNetwork, time: TimeBudget) -> None:
    """Refuse weights that cannot be drawn in time.

    Raises:
        TooLarge: pointing at the layer that takes most of it.
    """
    seconds = {path: layer_seconds(layer, time.rates) for path, layer in outline.layers.items()}
    total = sum(seconds.values())
    if total > time.limit:
        slowest = max(seconds, key=seconds.__getitem__)
        node = next(node for node in outline.network.nodes if node.path == slowest)
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

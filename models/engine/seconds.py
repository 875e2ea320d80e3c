"""How long a network will take here, estimated before it is built or run: what cannot end in time is not begun.

TensorFlow cannot be interrupted, so that a run past its deadline costs an engine.
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
from models.layers.easing import easier
from models.layers.layer import Layer, Shape, sizes_of
from models.layers.work import Work
from models.networks.network import Node

TOLERATED = 3.0
"""How many times the deadline an estimate may be: one may be three times wrong, and honest networks are not refused."""
NOTHING = Work()


@dataclass(frozen=True, slots=True, eq=False)
class Time:
    """What a machine can do, and how long it may take over one request. There is one in an engine."""

    rates: Rates
    deadline: float

    @property
    def limit(self) -> float:
        """The longest estimate that is begun."""
        return TOLERATED * self.deadline


def work_of(outline: SymbolicNetwork, node: Node, training: bool = False) -> Work:
    """What one call takes; free dimensions count as one, and what is inside a block is counted there."""
    if is_passed_over(node, training):
        return NOTHING
    block = held_block(outline.layers[node.path])
    if block is not None:
        return _work_of_steps(block, outline.shape(node.inputs[0]))
    return node.layer.work(outline.shapes(node.inputs), outline.shapes(node.outputs))


def _work_of_steps(block: BlockLayer, shape: Shape) -> Work:
    """Of a block that is applied to every step of an input of this shape."""
    one, steps = step_outline(block, shape)
    return sum((work_of(one, node) for node in one.network.nodes), NOTHING).times(steps or 1)


def run_seconds(outline: SymbolicNetwork, nodes: Iterable[Node], rates: Rates, besides: Work = NOTHING) -> float:
    """What computing these calls takes, and what has to be done besides."""
    return rates.seconds(sum((work_of(outline, node) for node in nodes), besides))


def feeding(outline: SymbolicNetwork) -> Work:
    """Copying the inputs of a network to where TensorFlow reads them."""
    return Work(moved=sizes_of([outline.shape(name) for name in outline.network.inputs]))


def layer_seconds(layer: keras.Layer, rates: Rates) -> float:
    """What drawing the weights of a layer takes; nothing, once it has them."""
    return sum((_drawing(variable, rates) for variable in layer.variables if variable._value is None), 0.0)


def _drawing(variable: keras.Variable, rates: Rates) -> float:
    numbers, initializer = float(prod(variable.shape)), variable._initializer
    if isinstance(initializer, keras.initializers.Orthogonal):
        columns = variable.shape[-1]
        return numbers / rates.drawn + factorisation(numbers // columns, columns) / rates.factorised
    is_random = isinstance(initializer, keras.initializers.Initializer) and "seed" in initializer.get_config()
    return numbers / (rates.drawn if is_random else rates.moved)


def build_seconds(outline: SymbolicNetwork, rates: Rates) -> float:
    """What drawing the weights of a network takes."""
    return sum((layer_seconds(layer, rates) for layer in outline.layers.values()), 0.0)


def check_run(outline: SymbolicNetwork, nodes: Sequence[Node], time: Time, training: bool = False) -> float:
    """The estimate of a run.

    Raises:
        TooLarge: it cannot end in time, pointing at the layer that takes most of it.
    """
    works = [work_of(outline, node, training) for node in nodes]
    seconds = time.rates.seconds(sum(works, feeding(outline)))
    if seconds > time.limit:
        slowest = max(range(len(nodes)), key=lambda number: time.rates.seconds(works[number]))
        raise TooLarge("", [_run_problem(outline, nodes[slowest], works[slowest], seconds, time)])
    return seconds


def _run_problem(outline: SymbolicNetwork, node: Node, work: Work, seconds: float, time: Time) -> Problem:
    own = time.rates.seconds(work)
    message = f"{node.address} would take too long: about {_shown(own)} of {_shown(seconds)} seconds"
    left = time.deadline - (seconds - own)
    suggestion = _easier(outline, node, left, time.rates) if left > 0 else "use a smaller input, or fewer layers"
    return Problem(node.pointer, message, _expected(time), f"about {_shown(seconds)} seconds", suggestion)


def _easier(outline: SymbolicNetwork, node: Node, left: float, rates: Rates) -> str:
    """What would fit into the seconds that are left for the layer: an argument of it, a batch, or neither."""

    def fits(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> bool:
        return rates.seconds(layer.work(shapes, outputs)) <= left

    return easier(node.layer, outline.shapes(node.inputs), outline.shapes(node.outputs), fits)


def check_build(outline: SymbolicNetwork, time: Time) -> None:
    """Refuses weights that cannot be drawn in time.

    Raises:
        TooLarge: pointing at the layer that takes most of it.
    """
    seconds = {path: layer_seconds(layer, time.rates) for path, layer in outline.layers.items()}
    total = sum(seconds.values())
    if total > time.limit:
        slowest = max(seconds, key=seconds.__getitem__)
        node = next(node for node in outline.network.nodes if node.path == slowest)
        message = f"drawing the weights of {node.address} would take too long: about {_shown(seconds[slowest])} seconds"
        advice = "use fewer units or filters, or an initializer that draws numbers alone (GlorotUniform, HeNormal)"
        raise TooLarge("", [Problem(node.pointer, message, _expected(time), f"about {_shown(total)} seconds", advice)])


def _expected(time: Time) -> str:
    return f"what ends within the deadline of {_shown(time.deadline)} seconds, by an estimate for this machine"


def _shown(seconds: float) -> str:
    """Three digits, as long as it makes sense to write them out."""
    return f"{rounded(seconds):,g}" if seconds < 1e6 else "over 1,000,000"


def rounded(seconds: float) -> float:
    """Two digits: an estimate has no more."""
    return float(f"{seconds:.2g}")

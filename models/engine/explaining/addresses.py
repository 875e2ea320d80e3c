"""The addresses that a target is explained by, and the rows that this takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidOption
from models.explaining.dependence import ancestors
from models.explaining.methods import methods
from models.explaining.methods.method import Method, Rows
from models.explaining.questions import Explanation
from models.explaining.targets import Target

Shapes = Mapping[str, tuple[int, ...]]


def explained_rows(symbolic: SymbolicNetwork, question: Explanation) -> tuple[tuple[str, ...], Rows]:
    """Return the addresses to explain by, and the rows that each item takes.

    Raises:
        InvalidOption: the method does not explain by one of them.
    """
    method = methods()[question.method]
    knobs, to = method.knobs.model_validate(question.knobs), question.to or _chosen(symbolic, method, question.target)
    shapes = _shapes(symbolic, to)
    method.check(shapes, knobs)
    return to, method.rows(shapes, knobs)


def shape_of(symbolic: SymbolicNetwork, address: str) -> tuple[int, ...]:
    return tuple(length or 0 for length in symbolic.reply_shape(address))


def _shapes(symbolic: SymbolicNetwork, to: Sequence[str]) -> Shapes:
    """Return the shapes of the addresses to explain by, the batch first."""
    for number, address in enumerate(to):
        dtype = symbolic.dtype(address)
        if not dtype.startswith(("float", "bfloat")):
            message = f"{address} has no gradient: its values are {dtype}, which do not change by degrees"
            raise InvalidOption.at(
                f"/to/{number}", message, "an address of floats", dtype, _float_after(symbolic, address)
            )
    return {address: shape_of(symbolic, address) for address in to}


def _float_after(symbolic: SymbolicNetwork, address: str) -> str | None:
    """Suggest the first tensor of floats that is computed from an address: embedded vectors, for ids."""
    reached = {address}
    for node in symbolic.network.nodes:
        if reached & set(node.reads):
            reached |= set(node.outputs)
            if symbolic.dtype(node.outputs[0]).startswith(("float", "bfloat")):
                return f'write "{node.outputs[0]}"'
    return None


def _chosen(symbolic: SymbolicNetwork, method: Method, target: Target) -> tuple[str, ...]:
    """Return the addresses that the method chooses of all floats that the target depends on."""
    known, network = ancestors(symbolic.network, target), symbolic.network
    order = [*network.inputs, *(output for node in network.nodes for output in node.outputs)]
    floats = [address for address in order if address in known and "float" in symbolic.dtype(address)]
    return tuple(method.chosen({address: shape_of(symbolic, address) for address in floats}))

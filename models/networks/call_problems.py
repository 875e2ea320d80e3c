"""Problems of layer calls: unknown keywords and addresses, wrong numbers of inputs, too many calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.errors import InvalidDocument, Problem, shown, suggest
from models.layers.block import Block
from models.layers.layer import Layer
from models.networks.calls import Call, Scope


def unknown_keyword(name: str, call: Call) -> Problem:
    """Build the problem of a keyword that the layer does not read."""
    known = sorted(call.layer.call_tensors())
    return Problem(
        f"{call.keywords_pointer()}/{name}",
        f"{call.layer.type_name()} reads no tensor called {shown(name)}",
        f"one of {', '.join(known)}" if known else "no keywords",
        shown(name),
        suggest(name, known),
    )


def check_count(layer: Layer, inputs: tuple[str, ...], pointer: str) -> None:
    """Check the number of inputs of a call.

    Raises:
        InvalidDocument: the layer reads another number.
    """
    low, high = (len(layer.input),) * 2 if isinstance(layer, Block) else layer.reads()
    if low <= len(inputs) and (high is None or len(inputs) <= high):
        return
    expected = f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
    message = f"{layer.type_name()} reads {expected} {'input' if expected == '1' else 'inputs'}"
    names = f", for {', '.join(layer.input)}" if isinstance(layer, Block) else ""
    raise InvalidDocument.at(pointer, message, expected=f"{expected} addresses{names}", received=f"{len(inputs)}")


def unresolved(
    address: str, scope: Scope, pointer: str, names: Mapping[str, str], ambiguous: Mapping[str, Sequence[str]]
) -> Problem:
    """Build the problem of an address that a list of layers lacks; `names` and `ambiguous` are the network's."""
    full = scope.prefix + address
    if full in ambiguous:
        several = [name.removeprefix(scope.prefix) for name in ambiguous[full]]
        message = f"{shown(address)} names several tensors"
        return Problem(pointer, message, f"one of {', '.join(several)}", shown(address), f'write "{several[0]}"')
    if address in scope.names:
        message = f"{shown(address)} cannot be computed first: it needs this layer, or one that does"
        return Problem(pointer, message, "layers that do not wait for each other", shown(address))
    inside = (name for name, canonical in names.items() if name == canonical and name.startswith(scope.prefix))
    known = [*scope.inputs, *scope.weights, *(name.removeprefix(scope.prefix) for name in inside)]
    return Problem(
        pointer,
        "no layer has this address",
        f"one of {', '.join(list(dict.fromkeys(known))[-20:])}",
        shown(address),
        suggest(address, known) or "name a layer of the same list",
    )


def too_many(pointer: str, maximum: int) -> Problem:
    """Build the problem of a network with too many calls."""
    return Problem(pointer, "the layers are called too often", f"at most {maximum:,} calls", "more")

"""Class labels of a network: the outputs that they name, and every tensor with the same units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models.errors import InvalidDocument, Problem, shown
from models.errors.problem import pointer_to
from models.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from models.networks.network import PRE, Network
from models.views.labels import Names

Lengths = Mapping[str, int | None]
"""The length of the last axis by output; None where that is free, or the batch."""
ACTIVATIONS = (Activation, ELU, LeakyReLU, PReLU, ReLU, Softmax)
POINTER = "/labels"


def labels_by_output(network: Network, lengths: Lengths | None) -> dict[str, Names]:
    """Return the labels of a network's document by output; `lengths` is None until the inputs are known.

    A list names the units of the one output that has as many.

    Raises:
        InvalidDocument: an output has another number of units, or a list fits none or several.
    """
    labels = network.document.labels
    if labels is None:
        return {}
    named: dict[str, Names]
    if isinstance(labels, dict):
        named = {_output(network, key): names for key, names in labels.items()}
    else:
        named = {_fitting(network, labels, lengths): labels}
    if lengths is not None:
        for output, names in named.items():
            _check_length(network, output, names, lengths.get(output))
    return named


def labels_by_tensor(network: Network, lengths: Lengths | None) -> dict[str, Names]:
    """Return the labels by address of every tensor with the units of an output that has some.

    Raises:
        InvalidDocument: as `labels_by_output`; or two outputs with the same units are named differently.
    """
    named: dict[str, Names] = {}
    for output, names in labels_by_output(network, lengths).items():
        for address in same_units(network, output):
            if named.setdefault(address, names) is not names and named[address] != names:
                message = f"{output} has the units of another output, under other names"
                raise InvalidDocument.at(
                    pointer_to(["labels", output]), message, expected="the same labels", received="others"
                )
    return named


def same_units(network: Network, output: str) -> Iterator[str]:
    """Yield the addresses of an output's units: the output, what it is inside blocks, and before its activation."""
    address = output
    while True:
        yield address
        node = network.node_of.get(address)
        if node is not None and node.is_block:
            address = node.inputs[node.outputs.index(address)]
        elif node is not None and isinstance(node.layer, ACTIVATIONS):
            address = node.inputs[0]
        else:
            break
    if address + PRE in network.pre_addresses:
        yield address + PRE


def outputs_of(network: Network) -> tuple[str, ...]:
    """Return the outputs of a network, each once."""
    return tuple(dict.fromkeys(network.outputs))


def _output(network: Network, key: str) -> str:
    """Return the output that a key of the labels names."""
    output = network.names.get(key)
    if output in network.outputs:
        return str(output)
    expected, received = f"one of {', '.join(outputs_of(network)[:20])}", shown(key)
    message = "this is no output of the network"
    raise InvalidDocument.at(pointer_to(["labels", key]), message, expected=expected, received=received)


def _fitting(network: Network, names: Names, lengths: Lengths | None) -> str:
    """Return the output whose units a list names. Of several with the same units it is the last one computed."""
    outputs = outputs_of(network)
    if len(outputs) == 1:
        return outputs[0]
    fitting = [output for output in outputs if lengths is None or lengths.get(output) == len(names)]
    covering = [output for output in fitting if set(fitting) <= set(same_units(network, output))]
    if covering:
        return covering[0]
    raise InvalidDocument("", [_ambiguous(fitting, names) if fitting else _unfitting(names, lengths or {})])


def _ambiguous(outputs: Sequence[str], names: Names) -> Problem:
    keys = ", ".join(f"{shown(output)}: […]" for output in outputs[:8])
    message = f"the network has several outputs that the labels may belong to: {', '.join(outputs[:20])}"
    received = f"an array of {len(names):,} labels"
    return Problem(POINTER, message, "an object of labels by output", received, f'write "labels": {{{keys}}}')


def _unfitting(names: Names, lengths: Lengths) -> Problem:
    units = ", ".join(f"{output}: {length or 'no fixed number'}" for output, length in list(lengths.items())[:20])
    message = "no output of the network has as many units as there are labels"
    return Problem(POINTER, message, f"as many labels as an output has units ({units})", f"{len(names):,} labels")


def _check_length(network: Network, output: str, names: Names, length: int | None) -> None:
    if length == len(names):
        return
    pointer = pointer_to(["labels", _key(network, output)]) if isinstance(network.document.labels, dict) else POINTER
    if length is None:
        message, expected = f"{output} has no fixed number of units", "an output whose last axis has a fixed length"
    else:
        message = "there are fewer labels than units" if len(names) < length else "there are more labels than units"
        expected = f"{length:,}, one for each unit of {output}"
    raise InvalidDocument.at(pointer, message, expected=expected, received=f"{len(names):,}")


def _key(network: Network, output: str) -> str:
    """Return the client's spelling of an output among the labels."""
    labels = network.document.labels
    return next(key for key in labels or () if network.names.get(key) == output)

"""Weights that a block owns: those that its layer added, and constants that its operations read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from layerscope_client.keras.entries import Entry, Weights, free_name
from layerscope_client.keras.evaluation import Evaluation
from layerscope_client.keras.graph import Tensor
from layerscope_client.keras.weight_names import own_name

CLASS_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")
"""Names of classes that a block may have."""
INPUT = "input"
"""The name of the one input of a block."""


class Owned:
    """The weights of one block by name, and their numbers."""

    def __init__(self, evaluation: Evaluation, owner: Any) -> None:
        self.evaluation, self._owner = evaluation, owner
        self._tensors: dict[str, Tensor] = {}

    def __bool__(self) -> bool:
        return bool(self._tensors)

    def own(self, tensor: Tensor, base: str = "constant") -> Tensor:
        """Add a fixed tensor, unless it is there."""
        if tensor not in self._tensors.values():
            name = base if tensor.variable is None else own_name(tensor.variable, self._owner)
            self._tensors[free_name(name, {INPUT, *self._tensors})] = tensor
        return tensor

    def own_all(self, layer: Any) -> None:
        """Add the weights that a layer added itself, whether or not its `call` reads them at inference."""
        known = {id(tensor.variable) for tensor in self._tensors.values() if tensor.variable is not None}
        for variable in [*layer._trainable_variables, *layer._non_trainable_variables]:
            if id(variable) not in known and variable.dtype != "string":
                dtype = keras.backend.standardize_dtype(variable.dtype)
                self.own(Tensor(tuple(variable.shape), dtype, variable=variable, is_fixed=True))

    def clear(self) -> None:
        """Own none any more."""
        self._tensors = {}

    def items(self) -> Iterable[tuple[str, Tensor]]:
        """Return names and tensors."""
        return self._tensors.items()

    def names(self) -> set[str]:
        """Return their names."""
        return set(self._tensors)

    def tensors(self) -> set[Tensor]:
        """Return the tensors."""
        return set(self._tensors.values())

    def arrays(self) -> Weights:
        """Return their numbers by name."""
        return {name: self.evaluation.array(tensor) for name, tensor in self._tensors.items()}

    def declared(self) -> dict[str, Any]:
        """Return them as a block declares them. Their numbers are sent; without, they would be zeros."""
        return {name: self._declared(tensor) for name, tensor in self._tensors.items()}

    def _declared(self, tensor: Tensor) -> dict[str, Any]:
        shape = list(self.evaluation.array(tensor).shape)
        declared: dict[str, Any] = {"shape": shape, "initializer": "zeros"}
        if tensor.variable is None or not tensor.variable.trainable:
            declared["trainable"] = False
        return declared if tensor.dtype == "float32" else declared | {"dtype": tensor.dtype}


def block_fields(
    inputs: Sequence[str], owned: Owned, layers: Sequence[dict[str, Any]], outputs: Sequence[str], layer: Any = None
) -> dict[str, Any]:
    """Return a block as a document writes it, but for its name and what it reads."""
    fields: dict[str, Any] = {"type": "Block"}
    if list(inputs) != [INPUT]:
        fields["input"] = list(inputs)
    if owned:
        fields["weights"] = owned.declared()
    if isinstance(layer, keras.layers.Layer):
        fields |= {"class_name": type(layer).__name__} if CLASS_NAME.fullmatch(type(layer).__name__) else {}
        fields |= {} if layer.trainable else {"trainable": False}
    return fields | {"layers": list(layers), "outputs": list(outputs)}


def input_names(reads: Sequence[Tensor], arguments: Mapping[str, Any], taken: set[str]) -> dict[Tensor, str]:
    """Name what a block reads: `input`, or if that is several, after the arguments of the call."""
    if len(reads) == 1:
        return {reads[0]: INPUT}
    argument = {value: name for name, value in arguments.items() if isinstance(value, Tensor)}
    names: dict[Tensor, str] = {}
    for tensor in reads:
        names[tensor] = free_name(argument.get(tensor, INPUT), {*taken, *names.values()})
    return names


def wrapped(entry: Entry, owned: Owned) -> Entry:
    """Return an operation that reads weights as a block that owns them."""
    reads = [tensor for tensor in entry.reads if tensor not in owned.tensors()]
    names = input_names(list(dict.fromkeys(reads)), {}, owned.names())
    addresses = names | {tensor: name for name, tensor in owned.items()}
    name = free_name(entry.base, addresses.values())
    layer = {**entry.fields, "name": name, "inputs": [addresses[tensor] for tensor in entry.reads]}
    outputs = [name if len(entry.outputs) == 1 else f"{name}#{number}" for number in range(len(entry.outputs))]
    fields = block_fields(list(names.values()), owned, [layer], outputs)
    return Entry(entry.key, entry.base, fields, list(names), entry.outputs, weights=owned.arrays())

"""The list of layers that a recorded call consists of: a document's, or a block's, with the weights that it owns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from layerscope_client.keras.catalogue import known_layer
from layerscope_client.keras.entries import Entry, NamedLayer, Weights, named_layers
from layerscope_client.keras.evaluation import Evaluation
from layerscope_client.keras.graph import Call, Rows, Tensor
from layerscope_client.keras.layers import fields_of
from layerscope_client.keras.names import base_name
from layerscope_client.keras.operands import Operands
from layerscope_client.keras.owned import Owned, block_fields, input_names, wrapped
from layerscope_client.keras.weight_names import layer_weights


@dataclass
class Shared:
    """What all lists of one document share. `live` are the tensors that its outputs need."""

    live: set[Tensor]
    evaluation: Evaluation


class LayerList:
    """Collects the layers of one list. `owner` is the layer whose `call` they are, `source` a tensor with the batch
    first.
    """

    def __init__(self, shared: Shared, owner: Any, source: Tensor, is_document: bool = False) -> None:
        self.shared, self.owner, self.source, self.is_document = shared, owner, source, is_document
        self.entries: list[Entry] = []
        self.owned = Owned(shared.evaluation, owner)
        self.addresses: dict[Tensor, str] = {}
        self._operands = Operands(self.owned, self.add_entry, source, can_compute=not is_document)

    def add_all(self, calls: Sequence[Call]) -> None:
        """Add the calls that the outputs need."""
        for call in calls:
            if self._is_live(call):
                self._add(call)

    def _is_live(self, call: Call) -> bool:
        if call.inside is not None and any(map(self._is_live, call.inside)):
            return True
        return any(tensor in self.shared.live and not tensor.is_fixed for tensor in call.outputs)

    def _add(self, call: Call) -> None:
        if call.inside is not None:
            self._add_block(call)
        elif isinstance(call.operation, keras.layers.Layer):
            self._add_layer(call)
        else:
            self._operands.add_operation(call)

    def add_entry(self, entry: Entry) -> None:
        """Add a layer. A document owns no weights: an operation that reads some is a block of its own there."""
        if self.is_document and self.owned:
            entry = wrapped(entry, self.owned)
            self.owned.clear()
        self.entries.append(entry)

    def _add_layer(self, call: Call) -> None:
        fields = fields_of(call.operation)
        known = known_layer(fields["type"])
        names = list(call.arguments)
        inputs = known.inputs if known.takes == "positional" else names[:1]
        reads = [
            tensor for name in inputs for tensor in keras.tree.flatten(call.arguments.get(name)) if tensor is not None
        ]
        given = {name: call.arguments[name] for name in names if name not in inputs}
        flags = {name: value for name, value in given.items() if name in known.flags and value is not None}
        tensors = {name: value for name, value in given.items() if name in known.tensors and _has_tensor(value)}
        base = base_name(call.operation, self.owner, self.is_document)
        entry = Entry(id(call.operation), base, fields | flags, [], call.outputs, weights=layer_weights(call.operation))
        entry.reads = [self._operands.with_batch(tensor) for tensor in reads]
        entry.keywords = {name: keras.tree.map_structure(self._named, value) for name, value in tensors.items()}
        self.entries.append(entry)

    def _named(self, tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else self._operands.with_batch(tensor)

    def _add_block(self, call: Call) -> None:
        """Add a layer of the user's as a block of what its `call` does; at inference it may do nothing."""
        source = next((tensor for tensor in call.tensors() if is_source(tensor)), self.source)
        inside = LayerList(self.shared, call.operation, source)
        inside.add_all(call.inside or ())
        returned = [tensor for tensor in dict.fromkeys(call.outputs) if not tensor.is_fixed]
        base = base_name(call.operation, self.owner, self.is_document)
        if inside.entries:
            self.entries.append(inside.as_block(base, returned, call))
        elif returned:
            self.entries.append(Entry(id(call.operation), base, {"type": "Identity"}, returned[:1], []))

    def as_block(self, base: str, returned: Sequence[Tensor], call: Call) -> Entry:
        """Return the list as a block that reads what it takes from elsewhere, the arguments of the call first."""
        self.owned.own_all(call.operation)
        outside = self._outside()
        given = [tensor for tensor in dict.fromkeys(call.tensors()) if tensor in outside]
        reads = list(dict.fromkeys([*given, *outside])) or [self.source]
        names = input_names(reads, call.arguments, self.owned.names())
        layers = self.written(names)
        outputs = [tensor for tensor in returned if tensor in self.addresses and tensor not in names]
        listed = [self.addresses[tensor] for tensor in outputs] or [layers[-1].name]
        written = [layer.written(self.addresses) for layer in layers]
        fields = block_fields(list(names.values()), self.owned, written, listed, call.operation)
        own = {*names, *self.owned.tensors()}
        inside = {tensor: address for tensor, address in self.addresses.items() if tensor not in own}
        return Entry(id(call.operation), base, fields, reads, outputs, weights=self.weights(layers), inside=inside)

    def _outside(self) -> list[Tensor]:
        """Return the tensors that the list reads from elsewhere."""
        made = {tensor for entry in self.entries for tensor in (*entry.outputs, *entry.inside)}
        read = [tensor for entry in self.entries for tensor in entry.tensors()]
        return list(dict.fromkeys(tensor for tensor in read if tensor not in made | self.owned.tensors()))

    def written(self, inputs: Mapping[Tensor, str]) -> list[NamedLayer]:
        """Name the layers, and find their addresses; `inputs` are the names of what is read from elsewhere."""
        self.addresses = {**inputs, **{tensor: name for name, tensor in self.owned.items()}}
        layers = named_layers(self.entries, self.addresses.values())
        for layer in layers:
            for tensor, address in layer.addresses():
                self.addresses.setdefault(tensor, address)
        return layers

    def weights(self, layers: Sequence[NamedLayer]) -> Weights:
        """Return the arrays of the list by name, its own first."""
        arrays = self.owned.arrays()
        for layer in layers:
            arrays |= {f"{layer.name}/{name}": array for name, array in layer.calls[0].weights.items()}
        return arrays


def is_source(tensor: Tensor) -> bool:
    """Whether a tensor has the batch alone in its first axis."""
    return not tensor.is_fixed and bool(tensor.shape) and tensor.shape[0] == Rows(1)


def _has_tensor(value: Any) -> bool:
    return any(isinstance(item, Tensor) for item in keras.tree.flatten(value))

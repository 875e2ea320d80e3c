"""The layers of one list of a document: calls of one layer joined, names given, addresses written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from layerscope_client.keras.graph import Tensor

FORBIDDEN = re.compile(r"[/@:#*?\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that no name of a document may have."""
MAX_NAME = 100
MAX_CALLS = 64
"""Most calls of one layer."""
Weights = dict[str, Any]
"""Arrays by name."""


@dataclass(eq=False)
class Entry:
    """One call of a layer, not yet named. Calls with the same `key`, `fields` and weights are one layer."""

    key: object
    base: str
    fields: dict[str, Any]
    reads: list[Tensor]
    outputs: list[Tensor]
    keywords: dict[str, Any] = field(default_factory=dict)
    """Tensors, or lists of them, that the call reads by name."""
    weights: Weights = field(default_factory=dict)
    inside: Mapping[Tensor, str] = field(default_factory=dict)
    """Addresses of what a block computes, in the block."""

    def tensors(self) -> Iterator[Tensor]:
        """Yield the tensors that the call reads."""
        yield from self.reads
        for value in self.keywords.values():
            yield from (value,) if isinstance(value, Tensor) else (tensor for tensor in value if tensor is not None)

    def is_shared_with(self, other: Entry) -> bool:
        """Whether another call is one of the same layer."""
        same = self.key == other.key and json.dumps(self.fields) == json.dumps(other.fields)
        return (
            same
            and self.weights.keys() == other.weights.keys()
            and all(
                array is other.weights[name] or np.array_equal(array, other.weights[name])
                for name, array in self.weights.items()
            )
        )


@dataclass
class NamedLayer:
    """A layer of the list: its name and its calls."""

    name: str
    calls: list[Entry]

    def addresses(self) -> Iterator[tuple[Tensor, str]]:
        """Yield the tensors that its calls give, with their addresses."""
        for number, call in enumerate(self.calls):
            address = self.name if len(self.calls) == 1 else f"{self.name}@{number}"
            several = len(call.outputs) > 1
            yield from ((tensor, f"{address}#{n}" if several else address) for n, tensor in enumerate(call.outputs))
            yield from ((tensor, f"{address}/{inner}") for tensor, inner in call.inside.items())

    def written(self, addresses: Mapping[Tensor, str]) -> dict[str, Any]:
        """Return the layer as a document writes it."""
        reads = [[addresses[tensor] for tensor in call.reads] for call in self.calls]
        keywords = [{name: _keyword(value, addresses) for name, value in call.keywords.items()} for call in self.calls]
        is_single = len(self.calls) == 1
        fields = dict(self.calls[0].fields)
        layer = {"type": fields.pop("type"), "name": self.name}
        layer |= {"inputs": reads[0]} if is_single else {"calls": reads}
        if any(keywords):
            layer["keywords"] = keywords[0] if is_single else keywords
        return layer | fields


def _keyword(value: Any, addresses: Mapping[Tensor, str]) -> Any:
    if isinstance(value, Tensor):
        return addresses[value]
    return [None if tensor is None else addresses[tensor] for tensor in value]


def named_layers(entries: Sequence[Entry], taken: Iterable[str]) -> list[NamedLayer]:
    """Join the calls of each layer, in the order of the first, and name them; `taken` are other names of the list."""
    layers: list[NamedLayer] = []
    of_key: dict[object, list[NamedLayer]] = {}
    for entry in entries:
        alike = of_key.setdefault(entry.key, [])
        known = next((layer for layer in alike if entry.is_shared_with(layer.calls[0])), None)
        if known is not None and len(known.calls) < MAX_CALLS:
            known.calls.append(entry)
        else:
            layers.append(NamedLayer("", [entry]))
            alike.insert(0, layers[-1])
    used = set(taken)
    for layer in layers:
        layer.name = free_name(layer.calls[0].base, used)
        used.add(layer.name)
    return layers


def free_name(base: str, taken: Iterable[str]) -> str:
    """Return a name that is legal and not taken: the base, or numbered as Keras numbers."""
    cleaned = FORBIDDEN.sub("_", base)[:MAX_NAME] or "layer"
    number, name = 0, cleaned
    while name in taken:
        number += 1
        name = f"{cleaned}_{number}"
    return name

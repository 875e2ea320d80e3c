"""What the service knows of Keras: its layers, its operations and its activations. Generated: see catalogue.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LayerType:
    """A class of keras.layers: the arguments of its constructor, and how its call takes tensors."""

    module: str
    fields: frozenset[str]
    takes: str
    """"one" tensor, a "list", or "positional" arguments."""
    inputs: tuple[str, ...]
    tensors: tuple[str, ...]
    """Tensors of the call besides the inputs."""
    flags: frozenset[str]
    """Other arguments of the call."""


@dataclass(frozen=True)
class OperationType:
    """A function of keras.ops, by the class with which Keras represents a call of it."""

    type: str
    operands: tuple[str, ...]
    constants: frozenset[str]
    """Operands that may be numbers, arrays and weights."""
    takes_list: bool
    tensors: tuple[str, ...]
    fields: frozenset[str]

    @property
    def base_name(self) -> str:
        """The name of a call without one: `matmul`."""
        return self.type.rpartition(".")[2]


@cache
def _loaded() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "catalogue.json").read_bytes())
    return loaded


@cache
def layer_type(name: str) -> LayerType | None:
    """Return the layer of this class; None if the service lacks it."""
    entry = _loaded()["layers"].get(name)
    if entry is None:
        return None
    return LayerType(
        entry["module"],
        frozenset(entry["fields"]),
        entry["takes"],
        tuple(entry["inputs"]),
        tuple(entry["tensors"]),
        frozenset(entry["flags"]),
    )


def known_layer(name: str) -> LayerType:
    """Return the layer of a class that the service has."""
    found = layer_type(name)
    if found is None:
        raise LookupError(name)
    return found


@cache
def operation_type(name: str) -> OperationType | None:
    """Return the operation of this class of Keras; None if the service lacks it."""
    entry = _loaded()["operations"].get(name)
    if entry is None:
        return None
    return OperationType(
        entry["type"],
        tuple(entry["operands"]),
        frozenset(entry["constants"]),
        entry["takes_list"],
        tuple(entry["tensors"]),
        frozenset(entry["fields"]),
    )


def is_activation(name: Any) -> bool:
    """Whether this is the name of an activation function of the service."""
    return isinstance(name, str) and name in (*_loaded()["activations"], "swish", "hard_swish")

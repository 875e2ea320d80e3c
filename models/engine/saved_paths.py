"""Paths of a network's variables in a Keras file, by the walk of Keras' saving_lib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
from keras.src.saving.keras_saveable import KerasSaveable  # private: pinned, and covered by a test
from keras.src.saving.saving_lib import _walk_saveable  # private, too
from keras.src.utils.naming import to_snake_case  # private, too

from models.engine.block_layer import BlockLayer
from models.engine.symbolic_network import SymbolicNetwork
from models.layers.block import Block
from models.networks.keras_order import OrderedLayer, keras_order
from models.networks.network import Node


class SavedPath(NamedTuple):
    """A path in a file, and the names of the layers on the way to it."""

    path: str
    layers: tuple[str, ...]

    def below(self, words: str) -> SavedPath:
        """Return a path deeper in the same layer."""
        return SavedPath(f"{self.path}/{words}", self.layers)


def saved_paths(symbolic: SymbolicNetwork) -> Iterator[tuple[SavedPath, keras.Variable]]:
    """Yield where Keras' saving_lib puts the variables of a network; nested models are `*0`, `*1`, …"""
    return _saved_paths(symbolic, keras_order(symbolic.network), "", ())


def _saved_paths(
    symbolic: SymbolicNetwork, level: Sequence[OrderedLayer], prefix: str, above: tuple[str, ...]
) -> Iterator[tuple[SavedPath, keras.Variable]]:
    """Yield the same for the layers of one level."""
    counts: dict[str, int] = {}
    models = iter(_model_keys([ordered.node for ordered in level if ordered.node.is_block]))
    for ordered in level:
        layers = (*above, ordered.node.path.rpartition("/")[2])
        if ordered.node.owns_weights:
            own = symbolic.layers[ordered.node.path].weights
            yield from ((SavedPath(f"{prefix}vars/{n}", above), variable) for n, variable in enumerate(own))
        elif ordered.node.is_block:
            yield from _saved_paths(symbolic, ordered.inner, f"{prefix}layers/{next(models)}/", layers)
        else:
            layer = symbolic.layers[ordered.node.path]
            saved = SavedPath(f"{prefix}layers/{_numbered(type(layer).__name__, counts)}", layers)
            yield from _layer_paths(layer, saved, set())


def _model_keys(nodes: Sequence[Node]) -> list[str]:
    """Return `*0`, `*1`, …, with Keras' names of the models of one level where all their classes are known."""
    classes = [node.layer.class_name for node in nodes if isinstance(node.layer, Block)]
    counts: dict[str, int] = {}
    if None in classes:
        return [f"*{number}" for number in range(len(nodes))]
    return [f"*{number}:{_numbered(str(word), counts)}" for number, word in enumerate(classes)]


def _numbered(class_name: str, counts: dict[str, int]) -> str:
    """Return the name of the next object of a class in one container: `conv2d`, `conv2d_1`."""
    base = to_snake_case(class_name)
    number = _next(counts, base)
    return f"{base}_{number}" if number else base


def _next(counts: dict[str, int], word: str) -> int:
    counts[word] = counts.get(word, -1) + 1
    return counts[word]


def _layer_paths(saveable: Any, saved: SavedPath, visited: set[int]) -> Iterator[tuple[SavedPath, keras.Variable]]:
    """Yield where saving_lib puts the variables of an object and of all it holds."""
    if id(saveable) in visited:
        return
    visited.add(id(saveable))
    if isinstance(saveable, BlockLayer):  # it represents a model
        symbolic = saveable.built_network
        yield from _saved_paths(symbolic, keras_order(symbolic.network), f"{saved.path}/", saved.layers)
        return
    if hasattr(saveable, "save_own_variables"):
        own: dict[str, keras.Variable] = {}
        saveable.save_own_variables(own)
        yield from ((saved.below(f"vars/{key}"), variable) for key, variable in own.items())
    for attribute, value in _walk_saveable(saveable):
        yield from _held_paths(value, saved.below(attribute), visited)


def _held_paths(held: Any, saved: SavedPath, visited: set[int]) -> Iterator[tuple[SavedPath, keras.Variable]]:
    """Yield the same for the value of an attribute: an object, or a container of objects."""
    if isinstance(held, KerasSaveable):
        yield from _layer_paths(held, saved, visited)
    elif isinstance(held, list | tuple | dict):
        counts: dict[str, int] = {}
        for item in held.values() if isinstance(held, dict) else held:
            if isinstance(item, KerasSaveable):
                yield from _layer_paths(item, saved.below(_numbered(type(item).__name__, counts)), visited)

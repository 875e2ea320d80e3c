"""A network's weights by name: what they are to be, where Keras keeps them, and their values from a file."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import keras
import numpy as np
from keras.src.saving.keras_saveable import KerasSaveable  # private: pinned, and covered by a test
from keras.src.saving.saving_lib import _walk_saveable  # likewise
from keras.src.utils.naming import to_snake_case  # likewise

from models.engine.block_layer import BlockLayer, held_block
from models.engine.initial_weights import initialize_weights
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidWeights, ModelDamaged, Problem
from models.layers.block import Block
from models.networks.keras_order import Placed, keras_order, layer_paths
from models.networks.network import Node
from models.tensors.dtypes import Array
from models.tensors.safetensors import read_safetensors
from models.weights.specs import WeightsFile, WeightSpec

UNNAMED = re.compile(r"variable(_\d+)?")


def named_weights(layer: keras.Layer) -> list[tuple[str, keras.Variable]]:
    """A layer's weights in `get_weights()` order, by name: `kernel`, `forward_lstm/lstm_cell/kernel`."""
    block = held_block(layer)
    held = {} if block is None else {id(one): name for name, one in network_weights(block.built_outline).items()}
    return [(held.get(id(variable)) or _below(variable, layer), variable) for variable in layer.weights]


def _below(variable: keras.Variable, layer: keras.Layer) -> str:
    """A variable's path inside its layer, without internal names."""
    parts = variable.path.split("/")
    inner = parts[parts.index(layer.name) + 1 :] if layer.name in parts else parts[-1:]
    if UNNAMED.fullmatch(inner[-1]):
        inner[-1] = _attribute(variable, layer)
    return "/".join(inner)


def _attribute(variable: keras.Variable, layer: keras.Layer) -> str:
    """What a layer calls a variable it gave no name: Keras' own name for it is a count of the whole process'."""
    held = ((name, value) for part in layer._flatten_layers() for name, value in vars(part).items())
    return str(next(name.lstrip("_") for name, value in held if value is variable))


def weight_paths(made: SymbolicNetwork) -> list[str]:
    """The paths of the layers in the order in which Keras lists their weights."""
    return list(layer_paths(keras_order(made.network)))


def network_weights(made: SymbolicNetwork) -> dict[str, keras.Variable]:
    """Every weight by name (`block/conv2d/kernel`), in the order of the whole model's `get_weights()`."""
    return {
        f"{path}/{name}": variable for path in weight_paths(made) for name, variable in named_weights(made.layers[path])
    }


def weight_specs(made: SymbolicNetwork) -> tuple[WeightSpec, ...]:
    """What a file of weights must hold; nothing need have been built."""
    places: dict[int, list[Place]] = {}
    for place, variable in _places(made, keras_order(made.network), "", ()):
        places.setdefault(id(variable), []).append(place)
    return tuple(_spec(name, variable, places[id(variable)]) for name, variable in network_weights(made).items())


def _spec(name: str, variable: keras.Variable, places: Sequence[Place]) -> WeightSpec:
    """The last place is the one that Keras reads last, where it reads a variable from several."""
    *copies, place = places
    shape, dtype = tuple(variable.shape), _dtype(variable)
    return WeightSpec(name, shape, dtype, place.path, place.layers, tuple(copy.path for copy in copies))


def _dtype(variable: keras.Variable) -> str:
    return str(keras.backend.standardize_dtype(variable.dtype))


class Place(NamedTuple):
    """A place in a file, and the names of the layers on the way to it."""

    path: str
    layers: tuple[str, ...]

    def below(self, words: str) -> Place:
        """A place deeper in the same layer."""
        return Place(f"{self.path}/{words}", self.layers)


def _places(
    made: SymbolicNetwork, level: Sequence[Placed], prefix: str, above: tuple[str, ...]
) -> Iterator[tuple[Place, keras.Variable]]:
    """Where Keras' saving_lib puts the variables of one level's layers; nested models are `*0`, `*1`, …"""
    counts: dict[str, int] = {}
    models = iter(_model_keys([placed.node for placed in level if placed.node.is_block]))
    for placed in level:
        layers = (*above, placed.node.path.rpartition("/")[2])
        if placed.node.is_block:
            yield from _places(made, placed.inner, f"{prefix}layers/{next(models)}/", layers)
        else:
            layer = made.layers[placed.node.path]
            place = Place(f"{prefix}layers/{_counted(type(layer).__name__, counts)}", layers)
            yield from _layer_places(layer, place, set())


def _model_keys(nodes: Sequence[Node]) -> list[str]:
    """`*0`, `*1`, …, with what Keras calls the models of one level where all their classes are known."""
    classes = [node.layer.class_name for node in nodes if isinstance(node.layer, Block)]
    counts: dict[str, int] = {}
    if None in classes:
        return [f"*{number}" for number in range(len(nodes))]
    return [f"*{number}:{_counted(str(word), counts)}" for number, word in enumerate(classes)]


def _counted(class_name: str, counts: dict[str, int]) -> str:
    """The name of the next object of a class in one container: `conv2d`, `conv2d_1`."""
    word = to_snake_case(class_name)
    number = _next(counts, word)
    return f"{word}_{number}" if number else word


def _next(counts: dict[str, int], word: str) -> int:
    counts[word] = counts.get(word, -1) + 1
    return counts[word]


def _layer_places(saveable: Any, place: Place, visited: set[int]) -> Iterator[tuple[Place, keras.Variable]]:
    """Where saving_lib puts the variables of an object and of all that hangs on it."""
    if id(saveable) in visited:
        return
    visited.add(id(saveable))
    if isinstance(saveable, BlockLayer):  # it stands for a model
        outline = saveable.built_outline
        yield from _places(outline, keras_order(outline.network), f"{place.path}/", place.layers)
        return
    if hasattr(saveable, "save_own_variables"):
        own: dict[str, keras.Variable] = {}
        saveable.save_own_variables(own)
        yield from ((place.below(f"vars/{key}"), variable) for key, variable in own.items())
    for attribute, held in _walk_saveable(saveable):
        yield from _held_places(held, place.below(attribute), visited)


def _held_places(held: Any, place: Place, visited: set[int]) -> Iterator[tuple[Place, keras.Variable]]:
    """The same for what an attribute holds: an object, or a container of some."""
    if isinstance(held, KerasSaveable):
        yield from _layer_places(held, place, visited)
    elif isinstance(held, list | tuple | dict):
        counts: dict[str, int] = {}
        for item in held.values() if isinstance(held, dict) else held:
            if isinstance(item, KerasSaveable):
                yield from _layer_places(item, place.below(_counted(type(item).__name__, counts)), visited)


def load(made: SymbolicNetwork, file: WeightsFile) -> None:
    """Gives an outline the weights of a canonical file; what is no weight (seeds) follows from the document.

    Raises:
        InvalidWeights: the file is for another network.
        ModelDamaged: it is gone, or its bytes are not those of its digest.
    """
    values = _values(file)
    variables = network_weights(made)
    _check(variables, values)
    for name, variable in variables.items():
        variable._initializer = _given(values[name])
        variable._deferred_initialize()
    initialize_weights(made)


def _values(file: WeightsFile) -> Mapping[str, Array]:
    """The tensors of a file, as views of it."""
    try:
        with open(file.path, "rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # nothing can be mapped of an empty file
        raise ModelDamaged("its weights are gone") from None
    if sha256(data).hexdigest() != file.digest:
        raise ModelDamaged("its weights are damaged")
    return read_safetensors(data)


def _given(values: Array) -> Any:
    """An initializer that gives these values; a copy, for TensorFlow would otherwise go on looking into the file."""
    return lambda shape, dtype: np.array(values)  # noqa: ARG005 (how Keras calls it)


def _check(variables: Mapping[str, keras.Variable], values: Mapping[str, Array]) -> None:
    expected = {name: (tuple(variable.shape), _dtype(variable)) for name, variable in variables.items()}
    received = {name: (array.shape, array.dtype.name) for name, array in values.items()}
    if expected != received:
        differing = next(name for name in [*expected, *received] if expected.get(name) != received.get(name))
        raise InvalidWeights("", [Problem("/weights", f"the stored weights are for another network: {differing}")])

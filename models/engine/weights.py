"""A network's weights by name: their specs, their places in Keras' files, and loading them from a file."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import keras
import numpy as np
from keras.src.saving.keras_saveable import KerasSaveable  # private: pinned, and covered by a test
from keras.src.saving.saving_lib import _walk_saveable  # private, too
from keras.src.utils.naming import to_snake_case  # private, too

from models.engine.block_layer import BlockLayer, held_block
from models.engine.initial_weights import initialize_weights
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidWeights, ModelDamaged
from models.layers.block import Block
from models.networks.keras_order import OrderedLayer, keras_order, layer_paths
from models.networks.network import Node
from models.tensors.dtypes import Array
from models.tensors.safetensors import read_safetensors
from models.weights.specs import WeightsFile, WeightSpec

UNNAMED = re.compile(r"variable(_\d+)?")


def named_weights(layer: keras.Layer) -> list[tuple[str, keras.Variable]]:
    """Return a layer's weights in `get_weights()` order, by name: `kernel`, `forward_lstm/lstm_cell/kernel`."""
    block = held_block(layer)
    block_names = (
        {} if block is None else {id(held): name for name, held in network_weights(block.built_outline).items()}
    )
    return [(block_names.get(id(variable)) or _relative_path(variable, layer), variable) for variable in layer.weights]


def _relative_path(variable: keras.Variable, layer: keras.Layer) -> str:
    """Return a variable's path inside its layer, without internal names."""
    parts = variable.path.split("/")
    inner = parts[parts.index(layer.name) + 1 :] if layer.name in parts else parts[-1:]
    if UNNAMED.fullmatch(inner[-1]):
        inner[-1] = _attribute(variable, layer)
    return "/".join(inner)


def _attribute(variable: keras.Variable, layer: keras.Layer) -> str:
    """Return the attribute that holds an unnamed variable: Keras names it by a counter of the whole process."""
    attributes = ((name, value) for part in layer._flatten_layers() for name, value in vars(part).items())
    return str(next(name.lstrip("_") for name, value in attributes if value is variable))


def weight_paths(network_outline: SymbolicNetwork) -> list[str]:
    """Return the paths of the layers in the order in which Keras lists their weights."""
    return list(layer_paths(keras_order(network_outline.network)))


def network_weights(network_outline: SymbolicNetwork) -> dict[str, keras.Variable]:
    """Return every weight by name (`block/conv2d/kernel`), in the order of the whole model's `get_weights()`."""
    return {
        f"{path}/{name}": variable
        for path in weight_paths(network_outline)
        for name, variable in named_weights(network_outline.layers[path])
    }


def weight_specs(network_outline: SymbolicNetwork) -> tuple[WeightSpec, ...]:
    """Return the weights that a file must hold; nothing need have been built."""
    places: dict[int, list[Place]] = {}
    for place, variable in _places(network_outline, keras_order(network_outline.network), "", ()):
        places.setdefault(id(variable), []).append(place)
    return tuple(
        _spec(name, variable, places[id(variable)]) for name, variable in network_weights(network_outline).items()
    )


def _spec(name: str, variable: keras.Variable, places: Sequence[Place]) -> WeightSpec:
    """Where Keras reads a variable from several places, the last one wins."""
    *copies, place = places
    shape, dtype = tuple(variable.shape), _dtype(variable)
    return WeightSpec(name, shape, dtype, place.path, place.layers, tuple(copy.path for copy in copies))


def _dtype(variable: keras.Variable) -> str:
    return str(keras.backend.standardize_dtype(variable.dtype))


class Place(NamedTuple):
    """A path in a file, and the names of the layers on the way to it."""

    path: str
    layers: tuple[str, ...]

    def below(self, words: str) -> Place:
        """Return a place deeper in the same layer."""
        return Place(f"{self.path}/{words}", self.layers)


def _places(
    network_outline: SymbolicNetwork, level: Sequence[OrderedLayer], prefix: str, above: tuple[str, ...]
) -> Iterator[tuple[Place, keras.Variable]]:
    """Yield where Keras' saving_lib puts the variables of one level's layers; nested models are `*0`, `*1`, …"""
    counts: dict[str, int] = {}
    models = iter(_model_keys([layer_entry.node for layer_entry in level if layer_entry.node.is_block]))
    for layer_entry in level:
        layers = (*above, layer_entry.node.path.rpartition("/")[2])
        if layer_entry.node.is_block:
            yield from _places(network_outline, layer_entry.inner, f"{prefix}layers/{next(models)}/", layers)
        else:
            layer = network_outline.layers[layer_entry.node.path]
            place = Place(f"{prefix}layers/{_numbered(type(layer).__name__, counts)}", layers)
            yield from _layer_places(layer, place, set())


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


def _layer_places(saveable: Any, place: Place, visited: set[int]) -> Iterator[tuple[Place, keras.Variable]]:
    """Yield where saving_lib puts the variables of an object and of all it holds."""
    if id(saveable) in visited:
        return
    visited.add(id(saveable))
    if isinstance(saveable, BlockLayer):  # it represents a model
        outline = saveable.built_outline
        yield from _places(outline, keras_order(outline.network), f"{place.path}/", place.layers)
        return
    if hasattr(saveable, "save_own_variables"):
        own: dict[str, keras.Variable] = {}
        saveable.save_own_variables(own)
        yield from ((place.below(f"vars/{key}"), variable) for key, variable in own.items())
    for attribute, value in _walk_saveable(saveable):
        yield from _held_places(value, place.below(attribute), visited)


def _held_places(held: Any, place: Place, visited: set[int]) -> Iterator[tuple[Place, keras.Variable]]:
    """Yield the same for the value of an attribute: an object, or a container of objects."""
    if isinstance(held, KerasSaveable):
        yield from _layer_places(held, place, visited)
    elif isinstance(held, list | tuple | dict):
        counts: dict[str, int] = {}
        for item in held.values() if isinstance(held, dict) else held:
            if isinstance(item, KerasSaveable):
                yield from _layer_places(item, place.below(_numbered(type(item).__name__, counts)), visited)


def load(network_outline: SymbolicNetwork, file: WeightsFile) -> None:
    """Load the weights of a canonical file into an outline; other variables (seeds) follow from the document.

    Raises:
        InvalidWeights: the file is for another network.
        ModelDamaged: it is missing, or its bytes do not match its digest.
    """
    values = _values(file)
    variables = network_weights(network_outline)
    _check(variables, values)
    for name, variable in variables.items():
        variable._initializer = _initializer_of(values[name])
        variable._deferred_initialize()
    initialize_weights(network_outline)


def _values(file: WeightsFile) -> Mapping[str, Array]:
    """Map the tensors of a file, as views of it."""
    try:
        with open(file.path, "rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # an empty file cannot be mapped
        raise ModelDamaged("its weights are gone") from None
    if sha256(data).hexdigest() != file.digest:
        raise ModelDamaged("its weights are damaged")
    return read_safetensors(data)


def _initializer_of(values: Array) -> Any:
    """Return an initializer that gives a copy of these values: TensorFlow would otherwise keep reading the file."""
    return lambda shape, dtype: np.array(values)  # noqa: ARG005 (how Keras calls it)


def _check(variables: Mapping[str, keras.Variable], values: Mapping[str, Array]) -> None:
    expected = {name: (tuple(variable.shape), _dtype(variable)) for name, variable in variables.items()}
    received = {name: (array.shape, array.dtype.name) for name, array in values.items()}
    if expected != received:
        differing = next(name for name in [*expected, *received] if expected.get(name) != received.get(name))
        raise InvalidWeights.at("/weights", f"the stored weights are for another network: {differing}")

"""A network's weights by name: their specs, and loading them from a file."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import keras
import numpy as np

from models.engine.block_layer import held_block
from models.engine.initial_weights import initialize_weights
from models.engine.saved_paths import SavedPath, saved_paths
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidWeights, ModelDamaged
from models.networks.keras_order import keras_order, layer_paths
from models.tensors.dtypes import DTYPES, Array
from models.tensors.safetensors import read_safetensors
from models.weights.specs import WeightsFile, WeightSpec

UNNAMED = re.compile(r"variable(_\d+)?")


def named_weights(layer: keras.Layer) -> list[tuple[str, keras.Variable]]:
    """Return a layer's weights in `get_weights()` order, by name: `kernel`, `forward_lstm/lstm_cell/kernel`."""
    block = held_block(layer)
    block_names = (
        {} if block is None else {id(held): name for name, held in network_weights(block.built_network).items()}
    )
    return [(block_names.get(id(variable)) or _relative_path(variable, layer), variable) for variable in layer.weights]


def _relative_path(variable: keras.Variable, layer: keras.Layer) -> str:
    """Return a variable's path inside its layer, without internal names."""
    parts = variable.path.split("/")
    inner = parts[parts.index(layer.name) + 1 :] if layer.name in parts else parts[-1:]
    if UNNAMED.fullmatch(inner[-1]):
        inner[-1] = _attribute(variable, layer) or inner[-1]
    return "/".join(inner)


def _attribute(variable: keras.Variable, layer: keras.Layer) -> str:
    """Return the attribute that holds an unnamed variable: Keras names it by a counter of the whole process. "" if none
    does: a block's own weight may have such a name.
    """
    attributes = ((name, value) for part in layer._flatten_layers() for name, value in vars(part).items())
    return str(next((name.lstrip("_") for name, value in attributes if value is variable), ""))


def weight_paths(symbolic: SymbolicNetwork) -> list[str]:
    """Return the paths of the layers in the order in which Keras lists their weights."""
    return list(layer_paths(keras_order(symbolic.network)))


def network_weights(symbolic: SymbolicNetwork) -> dict[str, keras.Variable]:
    """Return every weight by name (`block/conv2d/kernel`), in the order of the whole model's `get_weights()`."""
    return {
        f"{path}/{name}": variable
        for path in weight_paths(symbolic)
        for name, variable in named_weights(symbolic.layers[path])
    }


def weight_specs(symbolic: SymbolicNetwork) -> tuple[WeightSpec, ...]:
    """Return the weights that a file must hold; nothing need have been built."""
    paths: dict[int, list[SavedPath]] = {}
    for saved, variable in saved_paths(symbolic):
        paths.setdefault(id(variable), []).append(saved)
    trained = {id(variable) for layer in symbolic.layers.values() for variable in layer.trainable_weights}
    return tuple(
        _spec(name, variable, paths[id(variable)], id(variable) in trained)
        for name, variable in network_weights(symbolic).items()
    )


def _spec(name: str, variable: keras.Variable, paths: Sequence[SavedPath], trainable: bool) -> WeightSpec:
    """Return the spec of a variable. Where Keras reads it from several paths, the last one wins."""
    *copies, last = paths
    shape, dtype = tuple(variable.shape), _dtype(variable)
    return WeightSpec(name, shape, dtype, last.path, last.layers, tuple(copy.path for copy in copies), trainable)


def _dtype(variable: keras.Variable) -> str:
    return str(keras.backend.standardize_dtype(variable.dtype))


def load(symbolic: SymbolicNetwork, file: WeightsFile, like: SymbolicNetwork | None = None) -> None:
    """Load the weights of a canonical file into a network; other variables (seeds) follow from the document. The file
    is that of `like`, the same network under its own policy, if there is one: its numbers are cast.

    Raises:
        InvalidWeights: the file is for another network.
        ModelDamaged: it is missing, or its bytes do not match its digest.
    """
    values = _values(file)
    variables = network_weights(symbolic)
    _check(variables if like is None else network_weights(like), values)
    for name, variable in variables.items():
        variable._initializer = _initializer_of(values[name], _dtype(variable))
        variable._deferred_initialize()
    initialize_weights(symbolic)


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


def _initializer_of(values: Array, wanted: str) -> Any:
    """Return an initializer that gives a copy of these values: TensorFlow would otherwise keep reading the file."""
    return lambda shape, dtype: np.array(values, DTYPES[wanted])  # noqa: ARG005 (how Keras calls it)


def _check(variables: Mapping[str, keras.Variable], values: Mapping[str, Array]) -> None:
    expected = {name: (tuple(variable.shape), _dtype(variable)) for name, variable in variables.items()}
    received = {name: (array.shape, array.dtype.name) for name, array in values.items()}
    if expected != received:
        differing = next(name for name in [*expected, *received] if expected.get(name) != received.get(name))
        raise InvalidWeights.at("/weights", f"the stored weights are for another network: {differing}")

"""Construction of Keras layers from catalogue instances. No Keras deserialiser is involved."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from typing import Any

import keras

from models.engine.activation_functions import FUNCTIONS
from models.engine.block_layer import BlockLayer
from models.engine.operations import OperationLayer
from models.engine.random_crop import WholeImage
from models.engine.weights_layer import WeightsLayer
from models.layers.block import Block
from models.layers.block_weights import OwnWeights
from models.layers.constraints import Constraint
from models.layers.initializers import Initializer, Orthogonal
from models.layers.layer import Layer
from models.layers.named import Named
from models.layers.operations import Operation
from models.layers.regularizers import Regularizer

MAX_SEED = 2**31 - 1
"""Derived seeds are below this."""

REPLACED = {"RandomCrop": WholeImage}
"""Our sub-classes of Keras' layers that announce otherwise than they compute, by the name in keras.layers."""
SeedOf = Callable[[str], int]
"""Maps the name of a field to its seed, derived from the document's seed and the layer's address."""


class DerivedSeed(int):
    """A seed not set by the document: it may be derived again, for each variable separately."""


def derived_seed(seed: int, address: str, what: str) -> DerivedSeed:
    """Derive the seed of one thing inside one layer: the same on every machine, and different from all others."""
    digest = sha256(f"{seed}\0{address}\0{what}".encode()).digest()
    return DerivedSeed(int.from_bytes(digest[:4], "big") % MAX_SEED)


@keras.saving.register_keras_serializable(
    "layerscope"
)  # Bidirectional builds its second layer from the config of the first
class WidenedOrthogonal(keras.initializers.Orthogonal):  # type: ignore[misc]
    """Orthogonal, the default of recurrent layers, in bfloat16 too: TensorFlow factorises no matrix of that dtype, so
    it is drawn in float32 and cast.
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return the values."""
        if dtype != "bfloat16":
            return super().__call__(shape, dtype)
        return keras.ops.cast(super().__call__(shape, "float32"), dtype)


def create_layer(layer: Layer, name: str, seed_of: SeedOf) -> keras.Layer:
    """Return the Keras layer that `layer` describes, unbuilt, under an internal name that cannot collide.

    Layers inside another (a wrapped layer, a cell) take Keras' default names, so that the paths of their weights
    read as Keras' own: `forward_lstm/lstm_cell/kernel`.
    """
    if isinstance(layer, Operation):
        return OperationLayer(layer, name)
    if isinstance(layer, OwnWeights):
        initializers = {key: _keras_value(one.initializer, key, seed_of) for key, one in layer.weights}
        return WeightsLayer(layer, name, initializers)
    arguments = {field: _keras_value(value, field, seed_of) for field, value in layer.arguments().items()}
    made = REPLACED.get(layer.keras_name()) or getattr(_module(layer), layer.keras_name())
    return made(name=name, **arguments)


def _module(layer: Layer) -> Any:
    """Return the module of the Keras class: keras.layers, except for the few that keras.applications defines itself."""
    home = layer.keras_modules[0]
    return keras.layers if home == "keras.layers" else import_module(home)


def _keras_value(value: Any, field: str, seed_of: SeedOf, suffix: str = "") -> Any:
    match value:
        case Block():
            return BlockLayer(value, value.default_name() + suffix, seed_of(f"{field}/seed"))
        case Layer():
            return create_layer(value, value.default_name() + suffix, lambda inner: seed_of(f"{field}/{inner}"))
        case Named():
            return _named(value, field, seed_of)
        case list() | tuple() if any(isinstance(item, Layer) for item in value):
            numbered = enumerate(value)
            return [_keras_value(item, f"{field}/{n}", seed_of, f"_{n}" if n else "") for n, item in numbered]
        case None if field == "seed":
            return seed_of(field)
    return FUNCTIONS.get(value, value) if isinstance(value, str) else value


def _named(value: Named, field: str, seed_of: SeedOf) -> Any:
    """Return an initializer, regularizer or constraint object; random ones always get a seed."""
    arguments = {key: getattr(value, key) for key in type(value).model_fields if key != "type"}
    if "seed" in arguments and arguments["seed"] is None:
        arguments["seed"] = seed_of(field)
    if isinstance(value, Orthogonal):
        return WidenedOrthogonal(**arguments)
    return getattr(_module_of(value), type(value).__name__)(**arguments)


def _module_of(value: Named) -> Any:
    match value:
        case Initializer():
            return keras.initializers
        case Regularizer():
            return keras.regularizers
        case Constraint():
            return keras.constraints
    raise TypeError(type(value).__name__)

"""Initial weights of a network that was sent without any, drawn from its seed."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from models.engine.layer_checks import translating_weight_errors
from models.engine.layers import DerivedSeed, derived_seed
from models.engine.symbolic_network import SymbolicNetwork
from models.networks.network import Network


def initialize_weights(symbolic: SymbolicNetwork, like: SymbolicNetwork | None = None) -> None:
    """Draw the value of every uninitialised variable from (document seed, layer path, position). Numbers drawn in
    another dtype are other numbers: those of `like`, the same network under its own policy, are drawn and cast.

    Raises:
        InvalidDocument: TensorFlow cannot draw the weights of a layer in its dtype.
        TooLarge: they do not fit into memory.
    """
    nodes = {node.path: node for node in symbolic.network.nodes}
    for path, layer in symbolic.layers.items():
        with translating_weight_errors(nodes[path]):
            if like is not None:
                _cast_as_drawn(layer, like.layers[path])
            _fill(layer, symbolic.network, path)


def is_random(initializer: Any) -> bool:
    """Whether an initializer draws the values."""
    return isinstance(initializer, keras.initializers.Initializer) and "seed" in initializer.get_config()


def _fill(layer: keras.Layer, network: Network, path: str) -> None:
    """Draw the weights of one layer."""
    for number, variable in enumerate(layer.variables):
        if variable._value is None:
            variable._initializer = _seeded(variable._initializer, network, path, number)
            variable._deferred_initialize()
    for part in layer._flatten_layers():
        if isinstance(part, keras.layers.Normalization):
            part.finalize_state()  # it keeps a copy of its weights


def _cast_as_drawn(layer: keras.Layer, like: keras.Layer) -> None:
    """Let the uninitialised variables of a layer be drawn in the dtypes that those of another have."""
    for variable, drawn in zip(layer.variables, like.variables, strict=True):
        if variable._value is None and variable.dtype != drawn.dtype:
            variable._initializer = Cast(variable._initializer, drawn.dtype)


class Cast(keras.initializers.Initializer):  # type: ignore[misc]
    """What an initializer draws in one dtype, cast to that of the variable."""

    def __init__(self, drawn: Any, dtype: str) -> None:
        self.drawn, self.dtype = drawn, dtype

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Return the values."""
        return ops.cast(self.drawn(shape, dtype=self.dtype), dtype)


def _seeded(initializer: Any, network: Network, path: str, number: int) -> Any:
    """Return the initializer with a seed for this variable, unless the document sets one."""
    if isinstance(initializer, Cast):
        return Cast(_seeded(initializer.drawn, network, path, number), initializer.dtype)
    config = initializer.get_config() if isinstance(initializer, keras.initializers.Initializer) else {}
    if not isinstance(config.get("seed", 0), DerivedSeed | None):
        return initializer
    return type(initializer).from_config(config | {"seed": derived_seed(network.document.seed, path, str(number))})

"""What a layer really computes, where that need not be what Keras announces.

Most of Keras' layers announce their output's shape alone, and as its dtype the one that they compute in. That is so
where everything is float32. But integers and booleans are not cast on their way in, and many layers hand them on;
others cannot compute them at all, which shows only when they try. So these calls are traced, which runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any

import keras
import orjson
import tensorflow as tf
from keras.src.backend import get_keras_mask, set_keras_mask  # private: pinned, and covered by tests

from models.document import canonical
from models.engine.calling import as_list, call
from models.engine.compiled import without_gradients
from models.engine.kernels import missing_kernel
from models.engine.latest import Latest
from models.layers.layer import GRAPH_FIELDS, Layer

USUAL = "float32"
TRIED_LENGTH = 16
"""Longest axis of the weights that are drawn to see whether they can be."""
_DRAWN: Latest[tuple[type, int], None] = Latest(256)
"""Initializers that were seen to draw weights with as many axes."""
_KNOWN: Latest[bytes, tuple[str, ...]] = Latest(4096)
"""The dtypes of calls that were traced: the blocks of a network repeat, and a network is planned before it is run."""


def is_usual(made: keras.Layer, inputs: Sequence[Any], named: Mapping[str, Any]) -> bool:
    """Whether a layer, all that it holds, and all that it reads are float32, as Keras' announcements suppose; nothing
    is read by name, which they do not look at, and no mask but of the kind that Keras makes; and nothing needs a GPU,
    for which Keras looks when it runs.
    """
    if named or not all(one.dtype == USUAL and _has_usual_mask(one) for one in inputs):
        return False
    return all(map(_is_usual, made._flatten_layers()))


def _has_usual_mask(tensor: Any) -> bool:
    """Whether its mask, if it has one, says true or false of all axes but the last. Masks that are given to a model may
    be others.
    """
    mask = get_keras_mask(tensor)
    return mask is None or (mask.dtype == "bool" and len(mask.shape) == len(tensor.shape) - 1)


def _is_usual(part: keras.Layer) -> bool:
    needs_gpu = getattr(part, "use_cudnn", None) is True or getattr(part, "data_format", None) == "channels_first"
    return part.compute_dtype == part.variable_dtype == USUAL and not needs_gpu


def computed(
    layer: Layer,
    made: keras.Layer,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    announced: Sequence[keras.KerasTensor],
) -> list[keras.KerasTensor]:
    """The announced outputs of a built layer with the dtypes that they really have.

    Raises:
        TypeError, ValueError, tf.errors.OpError and others: TensorFlow cannot compute this, or not on this machine, or
            computes another shape.
    """
    dtypes = _KNOWN.get(_key(layer, inputs, named), lambda: _dtypes(layer, made, inputs, named, announced))
    return [_retyped(*pair) for pair in zip(announced, dtypes, strict=True)]


def _key(layer: Layer, inputs: Sequence[Any], named: Mapping[str, Any]) -> bytes:
    """What the dtypes of a call's outputs follow from: the layer's arguments, and all that it reads."""
    arguments = {name: value for name, value in canonical(layer).items() if name not in GRAPH_FIELDS - {"type"}}
    reads = [_said(one) for one in (*inputs, *as_list(list(named.values())))]
    return sha256(orjson.dumps([arguments, list(named), reads])).digest()


def _said(spec: Any) -> Any:
    if spec is None:
        return None
    return [spec.shape, spec.dtype, _said(get_keras_mask(spec))]


def _dtypes(
    layer: Layer,
    made: keras.Layer,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    announced: Sequence[keras.KerasTensor],
) -> tuple[str, ...]:
    """The dtypes of the outputs of one call, which is traced."""
    traced = tf.__internal__.FuncGraph("computed").as_default()
    with without_gradients(), traced as graph, keras.StatelessScope():
        given, others = keras.tree.map_structure(_placeholder, (list(inputs), dict(named)))
        found = as_list(call(layer, made, given, others, training=False))
    missing = missing_kernel(graph)
    if missing is not None:
        raise TypeError(missing)
    for spec, tensor in zip(announced, found, strict=True):
        if not tensor.shape.is_compatible_with(spec.shape):
            raise ValueError(f"the output is announced with the shape {spec.shape} and has {tuple(tensor.shape)}")
    return tuple(str(keras.backend.standardize_dtype(tensor.dtype)) for tensor in found)


def check_weights(made: keras.Layer) -> None:
    """Draws a little of every weight, to see whether that can be done: some initializers are for matrices alone.

    Raises:
        TypeError, ValueError, tf.errors.OpError and others: it cannot.
    """
    for variable in made.variables:
        if variable._value is None:
            known = isinstance(variable._initializer, keras.initializers.Initializer) and variable.dtype == USUAL
            if known:
                _DRAWN.get((type(variable._initializer), len(variable.shape)), partial(_draw, variable))
            else:
                _draw(variable)


def _draw(variable: keras.Variable) -> None:
    """Random integers are refused: Keras rounds the ends of their range, which leaves -1 and 0, or nothing at all."""
    initializer, dtype = variable._initializer, variable.dtype
    is_random = isinstance(initializer, keras.initializers.Initializer) and "seed" in initializer.get_config()
    if is_random and not keras.backend.is_float_dtype(dtype):
        raise TypeError(f"{type(initializer).__name__} draws fractions, which {dtype} does not hold")
    initializer(tuple(min(length, TRIED_LENGTH) for length in variable.shape), dtype=dtype)


def _placeholder(spec: Any) -> Any:
    """A tensor of a graph that stands for a symbolic one of Keras', with its mask."""
    if not isinstance(spec, keras.KerasTensor):
        return spec
    made = tf.compat.v1.placeholder(spec.dtype, spec.shape)
    mask = get_keras_mask(spec)
    if mask is not None:
        set_keras_mask(made, _placeholder(mask))
    return made


def _retyped(announced: keras.KerasTensor, dtype: str) -> keras.KerasTensor:
    """What Keras announced, in another dtype."""
    if dtype == announced.dtype:
        return announced
    made = keras.KerasTensor(announced.shape, dtype, name=announced.name)
    mask = get_keras_mask(announced)
    if mask is not None:
        set_keras_mask(made, mask)
    return made

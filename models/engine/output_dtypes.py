"""The output dtypes that a layer really computes, which may differ from those that Keras announces.

Most Keras layers announce only the shape of their output, and their compute dtype as its dtype. That is right where
everything is float32. But integers and booleans are not cast on input, and many layers pass them through; others
cannot compute them at all, which shows only when they run. So these calls are traced, which runs nothing.
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

from models.documents.document import canonical
from models.engine.compiled import without_gradients
from models.engine.initial_weights import is_random
from models.engine.kernels import missing_kernel
from models.engine.layer_calls import as_list, call
from models.layers.layer import GRAPH_FIELDS, Layer
from models.lru_cache import LruCache

DEFAULT_DTYPE = "float32"
TRIED_LENGTH = 16
"""Longest axis of the trial weights drawn to check an initializer."""
_CHECKED_INITIALIZERS: LruCache[tuple[type, int], None] = LruCache(256)
"""Initializers that are known to draw weights with this many axes."""
_TRACED_DTYPES: LruCache[bytes, tuple[str, ...]] = LruCache(4096)
"""Dtypes of traced calls: the blocks of a network repeat, and a network is planned before it is run."""


def is_default_dtype(keras_layer: keras.Layer, inputs: Sequence[Any], named: Mapping[str, Any]) -> bool:
    """Whether a layer, its inner layers and its inputs are all float32, as Keras' announcements assume; nothing is
    passed by name, which they ignore; masks are of the kind that Keras creates; and nothing needs a GPU, which Keras
    looks for at run time.
    """
    if named or not all(tensor.dtype == DEFAULT_DTYPE and _has_default_mask(tensor) for tensor in inputs):
        return False
    return all(map(_is_default, keras_layer._flatten_layers()))


def _has_default_mask(tensor: Any) -> bool:
    """Whether its mask, if any, is boolean and covers all axes but the last. Masks passed to a model may differ."""
    mask = get_keras_mask(tensor)
    return mask is None or (mask.dtype == "bool" and len(mask.shape) == len(tensor.shape) - 1)


def _is_default(part: keras.Layer) -> bool:
    needs_gpu = getattr(part, "use_cudnn", None) is True or getattr(part, "data_format", None) == "channels_first"
    dtypes = {part.compute_dtype, part.variable_dtype, getattr(part, "reverse_dtype", None) or DEFAULT_DTYPE}
    return dtypes == {DEFAULT_DTYPE} and not needs_gpu


def traced_outputs(
    layer: Layer,
    keras_layer: keras.Layer,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    announced: Sequence[keras.KerasTensor],
) -> list[keras.KerasTensor]:
    """Return the announced outputs of a built layer with the dtypes that it really computes.

    Raises:
        TypeError, ValueError, tf.errors.OpError and others: TensorFlow cannot compute this, or not on this machine, or
            computes another shape.
    """
    dtypes = _TRACED_DTYPES.get_or_make(
        _key(layer, inputs, named), lambda: _dtypes(layer, keras_layer, inputs, named, announced)
    )
    return [_with_dtype(*pair) for pair in zip(announced, dtypes, strict=True)]


def _key(layer: Layer, inputs: Sequence[Any], named: Mapping[str, Any]) -> bytes:
    """Return a digest of all that the output dtypes depend on: the layer's arguments and its inputs."""
    arguments = {name: value for name, value in canonical(layer).items() if name not in GRAPH_FIELDS - {"type"}}
    signatures = [_signature(tensor) for tensor in (*inputs, *as_list(list(named.values())))]
    return sha256(orjson.dumps([arguments, list(named), signatures])).digest()


def _signature(spec: Any) -> Any:
    if spec is None:
        return None
    return [spec.shape, spec.dtype, _signature(get_keras_mask(spec))]


def _dtypes(
    layer: Layer,
    keras_layer: keras.Layer,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    announced: Sequence[keras.KerasTensor],
) -> tuple[str, ...]:
    """Return the output dtypes of one call, by tracing it."""
    traced = tf.__internal__.FuncGraph("computed").as_default()
    with without_gradients(), traced as graph, keras.StatelessScope():
        tensors, keywords = keras.tree.map_structure(_placeholder, (list(inputs), dict(named)))
        outputs = as_list(call(layer, keras_layer, tensors, keywords, training=False))
    problem = missing_kernel(graph)
    if problem is not None:
        raise TypeError(problem)
    for spec, tensor in zip(announced, outputs, strict=True):
        if not tensor.shape.is_compatible_with(spec.shape):
            raise ValueError(f"the output is announced with the shape {spec.shape} and has {tuple(tensor.shape)}")
    return tuple(str(keras.backend.standardize_dtype(tensor.dtype)) for tensor in outputs)


def check_weights(keras_layer: keras.Layer) -> None:
    """Draw a little of every weight, to check that it can be drawn: some initializers are for matrices only.

    Raises:
        TypeError, ValueError, tf.errors.OpError and others: it cannot.
    """
    for variable in keras_layer.variables:
        if variable._value is None:
            is_standard = (
                isinstance(variable._initializer, keras.initializers.Initializer) and variable.dtype == DEFAULT_DTYPE
            )
            if is_standard:
                _CHECKED_INITIALIZERS.get_or_make(
                    (type(variable._initializer), len(variable.shape)), partial(_draw, variable)
                )
            else:
                _draw(variable)


def _draw(variable: keras.Variable) -> None:
    """Draw a sample. Random integers are refused: Keras rounds the bounds, which leaves only -1 and 0, or nothing."""
    initializer, dtype = variable._initializer, variable.dtype
    if is_random(initializer) and not keras.backend.is_float_dtype(dtype):
        raise TypeError(f"{type(initializer).__name__} draws fractions, which {dtype} does not hold")
    shape = tuple(min(length, TRIED_LENGTH) for length in variable.shape)
    _on_trial(initializer, shape)(shape, dtype=dtype)


def _on_trial(initializer: Any, shape: tuple[int, ...]) -> Any:
    """Return the initializer; that of spectrograms with a window as long as the first axis, which it requires."""
    if not isinstance(initializer, keras.initializers.STFT) or initializer.window is None:
        return initializer
    return type(initializer)(initializer.side, initializer.window[: shape[0]], initializer.scaling)


def _placeholder(spec: Any) -> Any:
    """Return a graph placeholder for a symbolic tensor of Keras, with its mask."""
    if not isinstance(spec, keras.KerasTensor):
        return spec
    placeholder = tf.compat.v1.placeholder(spec.dtype, spec.shape)
    mask = get_keras_mask(spec)
    if mask is not None:
        set_keras_mask(placeholder, _placeholder(mask))
    return placeholder


def _with_dtype(announced: keras.KerasTensor, dtype: str) -> keras.KerasTensor:
    """Return an announced output with another dtype."""
    if dtype == announced.dtype:
        return announced
    retyped = keras.KerasTensor(announced.shape, dtype, name=announced.name)
    mask = get_keras_mask(announced)
    if mask is not None:
        set_keras_mask(retyped, mask)
    return retyped

"""Operations of keras.ops that the service lacks, by those that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
from keras import ops

from layerscope_client.keras.catalogue import is_activation, operation_type


def equivalent(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[], Any] | None:
    """Return what computes the same as a call of an operation; None for the operation itself."""
    name = type(operation).__name__
    if name in REWRITTEN and (made := REWRITTEN[name](operation, *args, **kwargs)) is not None:
        return made
    if operation_type(name) is None and _is_plain_activation(operation, args, kwargs):
        return partial(keras.layers.Activation(keras.src.utils.naming.to_snake_case(name)), *args)
    return None


def _is_plain_activation(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an operation is an activation function with its default arguments."""
    name = keras.src.utils.naming.to_snake_case(type(operation).__name__)
    if not is_activation(name) or len(args) != 1 or kwargs:
        return False
    default = type(operation)()
    return all(
        value == getattr(default, key) for key, value in vars(operation).items() if isinstance(value, float | int)
    )


def _convert(operation: Any, x: Any, **_: Any) -> Callable[[], Any]:
    dtype = operation.dtype
    return lambda: x if dtype in {None, x.dtype} else ops.cast(x, dtype)


def _exclusive_or(_: Any, x1: Any, x2: Any) -> Callable[[], Any]:
    return lambda: ops.not_equal(ops.cast(x1, "bool"), ops.cast(x2, "bool"))


def _clip(operation: Any, x: Any) -> Callable[[], Any] | None:
    """Clip by tensors."""
    low, high = operation.x_min, operation.x_max
    if isinstance(low, int | float) and isinstance(high, int | float):
        return None
    return lambda: ops.minimum(ops.maximum(x, low), high)


def _get_item(_: Any, x: Any, key: Any) -> Callable[[], Any] | None:
    """Take a slice alone as a key of one, and elements that a tensor or an array names along one axis as a `take`."""
    items = list(key) if isinstance(key, tuple | list) else [key]
    named = [number for number, item in enumerate(items) if hasattr(item, "shape") and len(item.shape) > 0]
    if not named:
        return None if isinstance(key, int | tuple | list) else lambda: x[(key,)]
    others = [item for number, item in enumerate(items) if number != named[0]]
    if len(named) > 1 or any(item is not Ellipsis and item != slice(None) for item in others):
        return None
    axis = named[0] if Ellipsis not in others[: named[0]] else named[0] - len(items)
    return lambda: ops.take(x, items[named[0]], axis=axis)


def _expand_dims(operation: Any, x: Any) -> Callable[[], Any] | None:
    if isinstance(operation.axis, int):
        return None
    axes = [operation.axis] if isinstance(operation.axis, int) else list(operation.axis)
    rank = len(x.shape) + len(axes)

    def expand() -> Any:
        result = x
        for axis in sorted(axis % rank for axis in axes):
            result = ops.expand_dims(result, axis)
        return result

    return expand


def _relu(operation: Any, x: Any) -> Callable[[], Any]:
    """Keras' own activation function, which has more arguments than the operation."""
    arguments = (operation.max_value, operation.negative_slope, operation.threshold)
    return lambda: ops.relu(x) if arguments == (None, 0.0, 0.0) else keras.layers.ReLU(*arguments)(x)


def _number_of_axes(_: Any, x: Any) -> Callable[[], int]:
    return lambda: len(x.shape)


def _glu(operation: Any, x: Any) -> Callable[[], Any]:
    def gate() -> Any:
        first, second = ops.split(x, 2, axis=operation.axis)
        return first * ops.sigmoid(second)

    return gate


def _moments(operation: Any, x: Any) -> Callable[[], Any]:
    arguments = {"axis": operation.axes, "keepdims": operation.keepdims}
    return lambda: (ops.mean(x, **arguments), ops.var(x, **arguments))


def _divide_no_nan(_: Any, x1: Any, x2: Any) -> Callable[[], Any]:
    def divide() -> Any:
        is_zero = ops.equal(x2, 0)
        return ops.where(is_zero, ops.zeros_like(x1), x1 / ops.where(is_zero, ops.ones_like(x2), x2))

    return divide


def _dot(_: Any, x1: Any, x2: Any) -> Callable[[], Any] | None:
    """The product of two tensors that both depend on the input."""
    if not (isinstance(x1, keras.KerasTensor) and isinstance(x2, keras.KerasTensor)) or len(x2.shape) != 2:
        return None
    return lambda: ops.matmul(x1, x2)


def _full_like(_: Any, x: Any, fill_value: Any, dtype: Any = None) -> Callable[[], Any]:
    return lambda: ops.add(ops.zeros_like(x, dtype=dtype), fill_value)


def _nan_to_num(operation: Any, x: Any) -> Callable[[], Any] | None:
    if operation.posinf is None or operation.neginf is None:
        return lambda: ops.where(ops.isnan(x), float(operation.nan), x)
    return None


def _layer_normalization(operation: Any, x: Any, gamma: Any = None, beta: Any = None) -> Callable[[], Any]:
    def normalize() -> Any:
        axis = operation.axis
        mean, variance = ops.mean(x, axis=axis, keepdims=True), ops.var(x, axis=axis, keepdims=True)
        result = (x - mean) * ops.rsqrt(variance + operation.epsilon)
        result = result if gamma is None else result * gamma
        return result if beta is None else result + beta

    return normalize


REWRITTEN: Mapping[str, Callable[..., Callable[[], Any] | None]] = {
    "Clip": _clip,
    "ConvertToTensor": _convert,
    "DivideNoNan": _divide_no_nan,
    "Dot": _dot,
    "ExpandDims": _expand_dims,
    "GetItem": _get_item,
    "FullLike": _full_like,
    "Glu": _glu,
    "LayerNorm": _layer_normalization,
    "LogicalXor": _exclusive_or,
    "Moments": _moments,
    "NanToNum": _nan_to_num,
    "Ndim": _number_of_axes,
    "ReLU": _relu,
}
"""By the name of Keras' class."""

"""Functions of TensorFlow that an operation of Keras computes, too, with the arguments of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from layerscope_client.keras.untraceable import Refused


def _size(value: Any) -> Any:
    """Return sizes that may be in a tensor as numbers."""
    if isinstance(value, list | tuple):
        return tuple(_size(item) for item in value)
    return value if isinstance(value, int | type(None)) else keras.ops.convert_to_numpy(value).tolist()


def _axis(axis: Any) -> Any:
    return axis if axis is None or isinstance(axis, int) else _size(axis)


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda input_tensor, axis=None, keepdims=False: function(input_tensor, axis=_axis(axis), keepdims=keepdims)


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    return ops.matmul(ops.swapaxes(a, -1, -2) if transpose_a else a, ops.swapaxes(b, -1, -2) if transpose_b else b)


def _split(value: Any, num_or_size_splits: Any, axis: int = 0) -> Any:
    sizes = _size(num_or_size_splits)
    if isinstance(sizes, int):
        return ops.split(value, sizes, axis=axis)
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes) - 1)]
    return ops.split(value, ends, axis=axis)


def _gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0) -> Any:
    if batch_dims:
        raise Refused("tf.gather with batch_dims has no equivalent among keras.ops")
    return ops.take(params, indices, axis=0 if axis is None else axis)


def _squeeze(input: Any, axis: Any = None) -> Any:
    for one in sorted([axis] if isinstance(axis, int) else axis or [None], key=lambda n: -(n or 0)):
        input = ops.squeeze(input, axis=one)
    return input


def _clip(t: Any, low: Any, high: Any) -> Any:
    return ops.clip(t, low, high)


def _expand(input: Any, axis: int) -> Any:
    return ops.expand_dims(input, axis)


def _transpose(a: Any, perm: Any = None, conjugate: bool = False) -> Any:
    return ops.transpose(a, None if perm is None else _size(perm))


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Any:
    kind = mode.lower()
    return ops.pad(tensor, _size(paddings), kind, constant_values if kind == "constant" else None)


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    total = ops.sum(ops.square(x), axis=_axis(axis), keepdims=True)
    return x * ops.rsqrt(ops.maximum(total, epsilon))


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None:
        raise Refused("tf.where of a condition alone returns as many rows as there are true elements")
    return ops.where(condition, x, y)


def _one_hot(indices: Any, depth: Any, axis: int = -1, dtype: Any = "float32") -> Any:
    return ops.one_hot(indices, depth, axis=axis, dtype=dtype)


def _resize(images: Any, size: Any, method: str = "bilinear", antialias: bool = False) -> Any:
    return ops.image.resize(images, _size(size), interpolation=method, antialias=antialias)


def _square_difference(x: Any, y: Any) -> Any:
    return ops.square(x - y)


def _shape(input: Any, out_type: Any = None) -> tuple[Any, ...]:
    """Return the lengths; those of the batch and of free axes are taken from a real call."""
    return tuple(input.shape)


def _reshape(tensor: Any, shape: Any) -> Any:
    return ops.reshape(tensor, _size(shape))


def _tile(input: Any, multiples: Any) -> Any:
    return ops.tile(input, _size(multiples))


def _softmax(logits: Any, axis: int = -1) -> Any:
    return ops.softmax(logits, axis=axis)


def _cast(x: Any, dtype: Any) -> Any:
    return ops.cast(x, keras.backend.standardize_dtype(dtype))


def _like(function: Callable[..., Any]) -> Callable[..., Any]:
    def like(input: Any, dtype: Any = None) -> Any:
        return function(input, dtype=None if dtype is None else keras.backend.standardize_dtype(dtype))

    return like


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=0: function(x, axis=axis)


def _arg(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda input, axis=0, output_type=None: function(input, axis=axis)


def _einsum(equation: str, *inputs: Any) -> Any:
    return ops.einsum(equation, *inputs)


def _unary(**names: str) -> dict[str, Callable[..., Any]]:
    return {tf: (lambda x, own=getattr(ops, own): own(x)) for tf, own in names.items()}


def _binary(**names: str) -> dict[str, Callable[..., Any]]:
    return {tf: (lambda x, y, own=getattr(ops, own): own(x, y)) for tf, own in names.items()}


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{f"reduce_{tf}": _reduction(getattr(ops, own)) for tf, own in {
        "all": "all", "any": "any", "logsumexp": "logsumexp", "max": "max", "mean": "mean", "min": "min",
        "prod": "prod", "std": "std", "sum": "sum", "variance": "var",
    }.items()},
    **_unary(abs="abs", ceil="ceil", cos="cos", erf="erf", exp="exp", expm1="expm1", floor="floor", is_finite="isfinite",
             is_inf="isinf", is_nan="isnan", log="log", log1p="log1p", log_sigmoid="log_sigmoid",
             logical_not="logical_not", negative="negative", reciprocal="reciprocal", relu="relu", relu6="relu6",
             round="round", rsqrt="rsqrt", selu="selu", sigmoid="sigmoid", sign="sign", sin="sin", softplus="softplus",
             softsign="softsign", sqrt="sqrt", square="square", stop_gradient="stop_gradient", tan="tan", tanh="tanh",
             elu="elu", silu="silu", swish="silu"),
    **_binary(add="add", add_v2="add", divide="divide", truediv="divide", real_div="divide", equal="equal",
              floordiv="floor_divide", floormod="mod", greater="greater", greater_equal="greater_equal", less="less",
              less_equal="less_equal", logical_and="logical_and", logical_or="logical_or", maximum="maximum",
              minimum="minimum", mul="multiply", multiply="multiply", not_equal="not_equal", pow="power", sub="subtract",
              subtract="subtract", ),
    "add_n": lambda inputs: sum(inputs[1:], inputs[0]),
    "argmax": _arg(ops.argmax), "argmin": _arg(ops.argmin), "broadcast_to": lambda input, shape: ops.broadcast_to(input, _size(shape)),
    "cast": _cast, "clip_by_value": _clip, "concat": lambda values, axis: ops.concatenate(values, axis=_size(axis)),
    "cumprod": _cumulative(ops.cumprod), "cumsum": _cumulative(ops.cumsum), "einsum": _einsum,
    "depth_to_space": lambda input, block_size: ops.depth_to_space(input, block_size),
    "space_to_depth": lambda input, block_size: ops.space_to_depth(input, block_size),
    "expand_dims": _expand, "gather": _gather, "gelu": lambda features, approximate=False: ops.gelu(features, approximate),
    "identity": lambda input: input, "l2_normalize": _l2_normalize, "leaky_relu": lambda features, alpha=0.2: ops.leaky_relu(features, alpha),
    "log_softmax": lambda logits, axis=-1: ops.log_softmax(logits, axis=axis), "matmul": _matmul,
    "norm": lambda tensor, ord="euclidean", axis=None, keepdims=False: ops.norm(tensor, None if ord == "euclidean" else ord, axis, keepdims),
    "one_hot": _one_hot, "ones_like": _like(ops.ones_like), "zeros_like": _like(ops.zeros_like), "pad": _pad,
    "rank": lambda input: len(input.shape), "repeat": lambda input, repeats, axis=None: ops.repeat(input, _size(repeats), axis),
    "reshape": _reshape, "resize": _resize, "reverse": lambda tensor, axis: ops.flip(tensor, axis=_size(axis)),
    "roll": lambda input, shift, axis: ops.roll(input, shift, axis), "shape": _shape, "softmax": _softmax, "split": _split,
    "squared_difference": _square_difference, "squeeze": _squeeze, "stack": lambda values, axis=0: ops.stack(values, axis=axis),
    "tensordot": lambda a, b, axes: ops.tensordot(a, b, axes), "tile": _tile,
    "top_k": lambda input, k=1, sorted=True: ops.top_k(input, k, sorted), "transpose": _transpose,
    "unstack": lambda value, num=None, axis=0: ops.unstack(value, num, axis), "where": _where, "where_v2": _where,
}  # fmt: skip
"""By the last part of TensorFlow's name, with the names of its arguments."""

"""Functions of TensorFlow that an operation of Keras computes, too, with the arguments of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


def _gather(params: Any, indices: Any, axis: Any = None, batch_dims: int = 0) -> Any:
    """With `batch_dims`, every row has indices of its own."""
    if not batch_dims:
        return ops.take(params, indices, axis=0 if axis is None else axis)
    if axis not in (None, batch_dims) or len(indices.shape) != batch_dims + 1:
        raise Refused("tf.gather with these batch_dims has no equivalent among keras.ops")
    for _ in range(len(params.shape) - len(indices.shape)):
        indices = ops.expand_dims(indices, -1)
    return ops.take_along_axis(params, indices, axis=batch_dims)


def _squeeze(input: Any, axis: Any = None) -> Any:
    for one in sorted([axis] if isinstance(axis, int) else axis or [None], key=lambda n: -(n or 0)):
        input = ops.squeeze(input, axis=one)
    return input


def _transpose(a: Any, perm: Any = None) -> Any:
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


def _dtype(dtype: Any) -> str:
    return str(keras.backend.standardize_dtype(dtype))


def _cast(x: Any, dtype: Any) -> Any:
    return ops.cast(x, _dtype(dtype))


def _shape(input: Any, out_type: Any = None) -> tuple[Any, ...]:  # noqa: ARG001 (numbers have no dtype)
    """Return the lengths as numbers."""
    return tuple(input.shape)


def _like(function: Callable[..., Any]) -> Callable[..., Any]:
    def like(input: Any, dtype: Any = None) -> Any:
        return function(input, dtype=None if dtype is None else _dtype(dtype))

    return like


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=0: function(x, axis=axis)


def _arg(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda input, axis=0, output_type="int64": ops.cast(function(input, axis=axis), _dtype(output_type))


def _extract_patches(images: Any, sizes: Any, strides: Any, rates: Any = None, padding: str = "VALID") -> Any:
    rate = 1 if rates is None else rates[1]
    size = (sizes[1], sizes[2])
    return ops.image.extract_patches(images, size, tuple(strides[1:3]), rate, padding.lower())


def _convolve(input: Any, filters: Any, strides: Any, padding: str, dilations: Any = None) -> Any:
    return ops.conv(input, filters, _spatial(strides), padding.lower(), dilation_rate=_spatial(dilations or 1))


def _depthwise(input: Any, filters: Any, strides: Any, padding: str, dilations: Any = None) -> Any:
    return ops.depthwise_conv(
        input, filters, _spatial(strides), padding.lower(), dilation_rate=_spatial(dilations or 1)
    )


def _pool(function: Callable[..., Any]) -> Callable[..., Any]:
    def pool(input: Any, ksize: Any, strides: Any, padding: str) -> Any:
        return function(input, _spatial(ksize), _spatial(strides), padding.lower())

    return pool


def _spatial(sizes: Any) -> Any:
    """Return sizes along the spatial axes: of `[1, 2, 2, 1]` the middle."""
    return tuple(sizes[1:-1]) if isinstance(sizes, list | tuple) and len(sizes) > 3 else sizes


def _convert(value: Any, dtype: Any = None) -> Any:
    return ops.convert_to_tensor(value, dtype=None if dtype is None else keras.backend.standardize_dtype(dtype))


@dataclass(frozen=True)
class Function:
    """What computes the same with keras.ops. A positional one has other names for its arguments, in the same order."""

    compute: Callable[..., Any]
    is_positional: bool = False
    takes_several: bool = False
    """Whether it takes any number of tensors."""


POSITIONAL = {
    **{name: getattr(ops, name) for name in (
        "abs", "add", "ceil", "cos", "depth_to_space", "divide", "elu", "equal", "erf", "exp", "expand_dims", "expm1",
        "floor", "greater", "greater_equal", "less", "less_equal", "log", "log1p", "log_sigmoid", "logical_and",
        "logical_not", "logical_or", "maximum", "minimum", "multiply", "negative", "not_equal", "reciprocal", "relu",
        "relu6", "roll", "round", "rsqrt", "selu", "sigmoid", "sign", "silu", "sin", "softplus", "softsign",
        "space_to_depth", "sqrt", "square", "stop_gradient", "subtract", "tan", "tanh", "tensordot",
    )},
    "add_v2": ops.add, "bias_add": ops.add, "clip_by_value": ops.clip, "floor_div": ops.floor_divide,
    "floor_mod": ops.mod,
    "floordiv": ops.floor_divide, "floormod": ops.mod, "is_finite": ops.isfinite, "is_inf": ops.isinf,
    "is_nan": ops.isnan, "mul": ops.multiply, "neg": ops.negative, "pow": ops.power, "real_div": ops.divide,
    "squared_difference": _square_difference, "sub": ops.subtract, "swish": ops.silu, "truediv": ops.divide,
}  # fmt: skip
NAMED: Mapping[str, Callable[..., Any]] = {
    **{f"reduce_{theirs}": _reduction(getattr(ops, own)) for theirs, own in {
        "all": "all", "any": "any", "logsumexp": "logsumexp", "max": "max", "mean": "mean", "min": "min",
        "prod": "prod", "std": "std", "sum": "sum", "variance": "var",
    }.items()},
    "add_n": lambda inputs: sum(inputs[1:], inputs[0]),
    "argmax": _arg(ops.argmax),
    "argmin": _arg(ops.argmin),
    "avg_pool2d": _pool(ops.average_pool),
    "broadcast_to": lambda input, shape: ops.broadcast_to(input, _size(shape)),
    "cast": _cast,
    "concat": lambda values, axis: ops.concatenate(values, axis=_size(axis)),
    "conv2d": _convolve,
    "convert_to_tensor": _convert,
    "cumprod": _cumulative(ops.cumprod),
    "cumsum": _cumulative(ops.cumsum),
    "depthwise_conv2d": _depthwise,
    "extract_patches": _extract_patches,
    "gather": _gather,
    "gelu": lambda features, approximate=False: ops.gelu(features, approximate),
    "identity": lambda input: input,
    "l2_normalize": _l2_normalize,
    "leaky_relu": lambda features, alpha=0.2: ops.leaky_relu(features, alpha),
    "log_softmax": lambda logits, axis=-1: ops.log_softmax(logits, axis=axis),
    "matmul": _matmul,
    "max_pool2d": _pool(ops.max_pool),
    "norm": lambda tensor, axis=None, keepdims=False: ops.norm(tensor, axis=axis, keepdims=keepdims),
    "one_hot": _one_hot,
    "ones_like": _like(ops.ones_like),
    "pad": _pad,
    "rank": lambda input: len(input.shape),
    "repeat": lambda input, repeats, axis=None: ops.repeat(input, _size(repeats), axis),
    "reshape": lambda tensor, shape: ops.reshape(tensor, _size(shape)),
    "resize": _resize,
    "resize_images": _resize,
    "reverse": lambda tensor, axis: ops.flip(tensor, axis=_size(axis)),
    "shape": _shape,
    "softmax": lambda logits, axis=-1: ops.softmax(logits, axis=axis),
    "split": _split,
    "squeeze": _squeeze,
    "stack": lambda values, axis=0: ops.stack(values, axis=axis),
    "tile": lambda input, multiples: ops.tile(input, _size(multiples)),
    "top_k": lambda input, k=1, sorted=True: ops.top_k(input, k, sorted),
    "transpose": _transpose,
    "unstack": lambda value, num=None, axis=0: ops.unstack(value, num, axis),
    "where": lambda condition, x=None, y=None: _where(condition, x, y),
    "zeros_like": _like(ops.zeros_like),
}  # fmt: skip
FUNCTIONS: Mapping[str, Function] = {
    **{name: Function(compute, is_positional=True) for name, compute in POSITIONAL.items()},
    **{name: Function(compute) for name, compute in NAMED.items()},
    "einsum": Function(ops.einsum, takes_several=True),
}
"""By the last part of TensorFlow's name."""

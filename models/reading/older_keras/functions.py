"""Functions of TensorFlow between the layers of Keras-2 models, and the operations that compute the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

Fields = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """A function of TensorFlow as an operation: the arguments that are tensors, in the operation's order, those that
    are its fields, and those that are read with one value only.
    """

    op: str
    operands: tuple[str, ...]
    fields: Mapping[str, str] = field(default_factory=dict)
    """Names of TensorFlow's arguments, and the fields."""
    neutral: Mapping[str, Any] = field(default_factory=dict)
    defaults: Fields = field(default_factory=dict)
    """Values of fields that are not given, where the operation's own default differs."""
    convert: Callable[[Fields], Fields] | None = None
    of_float32: bool = False
    """Whether it computes the same on float32 only: Keras 3 returns the dtype that it is given."""
    key: Callable[[Any], list[Any]] | None = None
    """Makes the last operand of a slice."""

    @property
    def takes_list(self) -> bool:
        """Whether its first argument is a list of tensors."""
        return self.op in ("concatenate", "stack")

    @property
    def class_name(self) -> str:
        """The name of the class of Keras 3: `expand_dims` is ExpandDims."""
        return "".join(word.capitalize() for word in self.op.split("_"))


def _split(fields: Fields) -> Fields:
    """Return the sections of a split, or the places where those of given sizes end."""
    sizes = fields.pop("sizes")
    fields["indices_or_sections"] = list(accumulate(sizes))[:-1] if isinstance(sizes, list) else sizes
    return fields


def _norm(fields: Fields) -> Fields:
    """Return the least norm for the least sum of squares. Without an axis the norm would be that of the batch."""
    if "axis" not in fields:
        raise ValueError("axis")
    fields["epsilon"] = float(fields["epsilon"]) ** 0.5
    return fields


def _windows(axes: int, *names: str) -> Callable[[Fields], Fields]:
    """Return a conversion of sizes along all axes, `[1, 2, 2, 1]`, to those along the spatial ones."""

    def convert(fields: Fields) -> Fields:
        return fields | {name: _spatial(fields[name], axes) for name in names if name in fields}

    return convert


def _spatial(sizes: Any, axes: int) -> Any:
    if not isinstance(sizes, list) or len(sizes) != axes + 2:
        return sizes
    if sizes[0] != 1 or sizes[-1] != 1:  # windows over rows or channels
        raise ValueError(sizes)
    return sizes[1:-1]


def _pool(op: str, axes: int, data_format: str) -> Function:
    """Return a pooling function along so many axes."""
    return Function(
        op, ("input",), {"ksize": "pool_size", "strides": "strides", "padding": "padding"},
        {"data_format": data_format}, convert=_windows(axes, "pool_size", "strides"),
    )  # fmt: skip


def _key(spec: Any) -> list[Any]:
    """Return the key of a slice as Keras 3 writes it."""
    return [_index(item) for item in (spec if isinstance(spec, list) else [spec])]


def _index(item: Any) -> Any:
    if item is None or type(item) is int:
        return item
    if item.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    if not item.keys() <= {"start", "stop", "step"}:  # a tensor as an index
        raise ValueError(item.keys())
    return {"class_name": "__slice__", "config": {name: item.get(name) for name in ("start", "stop", "step")}}


def _binary(op: str, *names: str) -> dict[str, Function]:
    """Return a function of two tensors under all its names."""
    return dict.fromkeys(names, Function(op, ("x", "y")))


def _unary(argument: str, names: Mapping[str, str]) -> dict[str, Function]:
    """Return functions of one tensor by their names."""
    return {name: Function(op, (argument,)) for name, op in names.items()}


def _reduction(op: str, name: str) -> dict[str, Function]:
    fields = {"axis": "axis", "keepdims": "keepdims"}
    return {f"math.{name}": Function(op, ("input_tensor",), fields)}


AXIS = {"axis": "axis"}
CUMULATIVE = {"exclusive": False, "reverse": False}
MATMUL = {"transpose_a": False, "transpose_b": False, "adjoint_a": False, "adjoint_b": False, "a_is_sparse": False,
          "b_is_sparse": False, "output_type": None, "grad_a": False, "grad_b": False}  # fmt: skip
GATHER = Function("take", ("params", "indices"), AXIS, {"validate_indices": None, "batch_dims": 0}, {"axis": 0})
KERNEL = {"strides": "strides", "padding": "padding"}
TRANSPOSE = Function("transpose", ("a",), {"perm": "axes"}, {"conjugate": False})
FUNCTIONS: Mapping[str, Function] = {
    **_binary("add", "math.add", "__operators__.add", "add"),
    **_binary("subtract", "math.subtract", "__operators__.sub", "subtract"),
    **_binary("multiply", "math.multiply", "__operators__.mul", "multiply"),
    **_binary("divide", "math.divide", "math.truediv", "__operators__.truediv", "divide"),
    **_binary("power", "math.pow", "__operators__.pow", "pow"),
    **_binary("maximum", "math.maximum", "maximum"),
    **_binary("minimum", "math.minimum", "minimum"),
    **_binary("floor_divide", "math.floordiv", "__operators__.floordiv", "compat.v1.floor_div"),
    **_binary("mod", "math.floormod", "__operators__.mod"),
    **_binary("greater", "math.greater", "__operators__.gt"),
    **_binary("greater_equal", "math.greater_equal", "__operators__.ge"),
    **_binary("less", "math.less", "__operators__.lt"),
    **_binary("less_equal", "math.less_equal", "__operators__.le"),
    **_binary("equal", "math.equal", "__operators__.eq"),
    **_binary("not_equal", "math.not_equal", "__operators__.ne"),
    **_binary("logical_and", "math.logical_and", "__operators__.logical_and"),
    **_binary("logical_or", "math.logical_or", "__operators__.logical_or"),
    **_unary("x", {
        "math.abs": "absolute", "abs": "absolute", "math.ceil": "ceil", "math.cos": "cos", "math.erf": "erf",
        "math.exp": "exp", "exp": "exp", "math.expm1": "expm1", "math.floor": "floor", "math.is_finite": "isfinite",
        "math.is_inf": "isinf", "math.is_nan": "isnan", "math.log": "log",
        "math.log1p": "log1p", "math.log_sigmoid": "log_sigmoid", "math.logical_not": "logical_not",
        "math.negative": "negative", "__operators__.neg": "negative", "math.reciprocal": "reciprocal",
        "math.rsqrt": "rsqrt", "math.sigmoid": "sigmoid", "sigmoid": "sigmoid", "nn.sigmoid": "sigmoid",
        "math.sign": "sign", "math.sin": "sin", "math.sqrt": "sqrt", "sqrt": "sqrt", "math.square": "square",
        "square": "square", "math.tanh": "tanh", "tanh": "tanh", "nn.tanh": "tanh",
    }),
    **_unary("features", {
        "nn.elu": "elu", "nn.relu": "relu", "nn.relu6": "relu6", "nn.selu": "selu", "nn.softplus": "softplus",
        "math.softplus": "softplus", "nn.softsign": "softsign", "math.softsign": "softsign",
    }),
    "nn.silu": Function("silu", ("features",), neutral={"beta": 1.0}),
    "nn.swish": Function("silu", ("features",), neutral={"beta": 1.0}),
    "nn.gelu": Function("gelu", ("features",), {"approximate": "approximate"}, defaults={"approximate": False}),
    "nn.leaky_relu": Function(
        "leaky_relu", ("features",), {"alpha": "negative_slope"}, defaults={"negative_slope": 0.2}
    ),
    "nn.softmax": Function("softmax", ("logits",), AXIS),
    "nn.log_softmax": Function("log_softmax", ("logits",), AXIS),
    "math.l2_normalize": Function(
        "normalize", ("x",), {"axis": "axis", "epsilon": "epsilon"}, defaults={"order": 2, "epsilon": 1e-12},
        convert=_norm,
    ),
    **_reduction("mean", "reduce_mean"),
    **_reduction("sum", "reduce_sum"),
    **_reduction("max", "reduce_max"),
    **_reduction("min", "reduce_min"),
    **_reduction("prod", "reduce_prod"),
    **_reduction("std", "reduce_std"),
    **_reduction("var", "reduce_variance"),
    **_reduction("all", "reduce_all"),
    **_reduction("any", "reduce_any"),
    **_reduction("logsumexp", "reduce_logsumexp"),
    "math.cumprod": Function("cumprod", ("x",), AXIS, CUMULATIVE, {"axis": 0}),
    "math.cumsum": Function("cumsum", ("x",), AXIS, CUMULATIVE, {"axis": 0}),
    "linalg.matmul": Function("matmul", ("a", "b"), neutral=MATMUL),
    "__operators__.matmul": Function("matmul", ("x", "y")),
    "cast": Function("cast", ("x",), {"dtype": "dtype"}),
    "clip_by_value": Function("clip", ("t",), {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "compat.v1.transpose": TRANSPOSE,
    "transpose": TRANSPOSE,
    "concat": Function("concatenate", ("values",), AXIS),
    "expand_dims": Function("expand_dims", ("input",), AXIS),
    "identity": Function("Identity", ("input",)),
    "ones_like": Function("ones_like", ("input",), neutral={"dtype": None, "layout": None}),
    "zeros_like": Function("zeros_like", ("input",), neutral={"dtype": None, "layout": None}),
    "reshape": Function("reshape", ("tensor",), {"shape": "newshape"}),
    "reverse": Function("flip", ("tensor",), AXIS),
    "split": Function("split", ("value",), {"num_or_size_splits": "sizes", "axis": "axis"}, {"num": None},
                      {"axis": 0}, _split),
    "compat.v1.squeeze": Function("squeeze", ("input",), AXIS, {"squeeze_dims": None}),
    "squeeze": Function("squeeze", ("input",), AXIS),
    "stack": Function("stack", ("values",), AXIS, defaults={"axis": 0}),
    "stop_gradient": Function("stop_gradient", ("input",)),
    "tensordot": Function("tensordot", ("a", "b"), {"axes": "axes"}),
    "slice": Function("slice", ("input_", "begin"), {"size": "shape"}),
    "unstack": Function("unstack", ("value",), {"num": "num", "axis": "axis"}, defaults={"axis": 0}),
    "roll": Function("roll", ("input",), {"shift": "shift", "axis": "axis"}),
    "gather": GATHER,
    "compat.v1.gather": GATHER,
    "nn.max_pool1d": _pool("max_pool", 1, "NWC"),
    "nn.max_pool2d": _pool("max_pool", 2, "NHWC"),
    "compat.v1.nn.max_pool": _pool("max_pool", 2, "NHWC"),
    "nn.max_pool3d": _pool("max_pool", 3, "NDHWC"),
    "nn.avg_pool1d": _pool("average_pool", 1, "NWC"),
    "nn.avg_pool2d": _pool("average_pool", 2, "NHWC"),
    "compat.v1.nn.avg_pool": _pool("average_pool", 2, "NHWC"),
    "nn.avg_pool3d": _pool("average_pool", 3, "NDHWC"),
    "compat.v1.nn.conv2d": Function(
        "conv", ("input", "filter"), KERNEL | {"dilations": "dilation_rate"},
        {"use_cudnn_on_gpu": True, "data_format": "NHWC"}, convert=_windows(2, "strides", "dilation_rate"),
    ),
    "nn.convolution": Function(
        "conv", ("input", "filters"), KERNEL | {"dilations": "dilation_rate"}, {"data_format": None},
    ),
    "compat.v1.nn.depthwise_conv2d": Function(
        "depthwise_conv", ("input", "filter"), KERNEL | {"rate": "dilation_rate"}, {"data_format": "NHWC"},
        convert=_windows(2, "strides"),
    ),
    "nn.depth_to_space": Function("depth_to_space", ("input",), {"block_size": "block_size"}, {"data_format": "NHWC"}),
    "nn.space_to_depth": Function("space_to_depth", ("input",), {"block_size": "block_size"}, {"data_format": "NHWC"}),
    "image.resize": Function(
        "resize", ("images",), {"size": "size", "method": "interpolation", "antialias": "antialias"},
        {"preserve_aspect_ratio": False}, of_float32=True,
    ),
    "tile": Function("tile", ("input",), {"multiples": "repeats"}),
    "where": Function("where", ("condition", "x", "y")),
    "one_hot": Function(
        "one_hot", ("indices",), {"depth": "num_classes", "axis": "axis"},
        {"on_value": None, "off_value": None, "dtype": None},
    ),
    "__operators__.getitem": Function("get_item", ("tensor",), key=_key),
}  # fmt: skip
"""By the name in a layer's `function`."""

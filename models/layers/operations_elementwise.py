"""Element-wise operations on one tensor."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from models.layers.batch_axis import BatchAxis
from models.layers.constants import Number
from models.layers.fields import DType, NonNegative
from models.layers.layer import Example
from models.layers.operations import Operation
from models.layers.pointwise import Pointwise
from models.layers.sizes import Shape


class Elementwise(Pointwise, Operation):
    """Base of element-wise functions of one tensor."""

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Return the batch axis of the tensor, wherever it is."""
        return batches[0]


class NeuralElementwise(Elementwise):
    """Base of the element-wise functions in keras.ops.nn."""

    keras_module = "keras.src.ops.nn"


class AbsoluteOp(Elementwise):
    type: Literal["ops.absolute", "ops.abs"] = "ops.absolute"


class CeilOp(Elementwise):
    type: Literal["ops.ceil"] = "ops.ceil"


class ClipOp(Elementwise):
    type: Literal["ops.clip"] = "ops.clip"
    example = Example({"x_min": 0.0, "x_max": 1.0}, ((4, 3),))
    x_min: Number
    x_max: Number


class CosOp(Elementwise):
    type: Literal["ops.cos"] = "ops.cos"


class ExpOp(Elementwise):
    type: Literal["ops.exp"] = "ops.exp"


class Expm1Op(Elementwise):
    type: Literal["ops.expm1"] = "ops.expm1"


class FloorOp(Elementwise):
    type: Literal["ops.floor"] = "ops.floor"


class IsfiniteOp(Elementwise):
    type: Literal["ops.isfinite"] = "ops.isfinite"
    of_integers = True


class IsinfOp(Elementwise):
    type: Literal["ops.isinf"] = "ops.isinf"
    of_integers = False


class IsnanOp(Elementwise):
    type: Literal["ops.isnan"] = "ops.isnan"
    of_integers = False


class LogOp(Elementwise):
    type: Literal["ops.log"] = "ops.log"


class Log1pOp(Elementwise):
    type: Literal["ops.log1p"] = "ops.log1p"


class LogicalNotOp(Elementwise):
    type: Literal["ops.logical_not"] = "ops.logical_not"
    example = Example({}, ((4, 3),), "bool")


class NegativeOp(Elementwise):
    type: Literal["ops.negative"] = "ops.negative"


class OnesLikeOp(Elementwise):
    type: Literal["ops.ones_like"] = "ops.ones_like"
    not_taken = frozenset({"trainable", "activity_regularizer"})
    dtype: DType | None = None


class ReciprocalOp(Elementwise):
    type: Literal["ops.reciprocal"] = "ops.reciprocal"


class RoundOp(Elementwise):
    type: Literal["ops.round"] = "ops.round"
    decimals: Annotated[int, Field(ge=0, le=10)] = 0


class SignOp(Elementwise):
    type: Literal["ops.sign"] = "ops.sign"


class SinOp(Elementwise):
    type: Literal["ops.sin"] = "ops.sin"


class SqrtOp(Elementwise):
    type: Literal["ops.sqrt"] = "ops.sqrt"


class SquareOp(Elementwise):
    type: Literal["ops.square"] = "ops.square"


class TanhOp(Elementwise):
    type: Literal["ops.tanh"] = "ops.tanh"


class ZerosLikeOp(Elementwise):
    type: Literal["ops.zeros_like"] = "ops.zeros_like"
    not_taken = frozenset({"trainable", "activity_regularizer"})
    dtype: DType | None = None


class CastOp(Elementwise):
    type: Literal["ops.cast"] = "ops.cast"
    keras_module = "keras.src.ops.core"
    example = Example({"dtype": "float16"}, ((4, 3),))
    not_taken = frozenset({"trainable", "activity_regularizer"})
    dtype: DType


class StopGradientOp(Elementwise):
    type: Literal["ops.stop_gradient"] = "ops.stop_gradient"
    keras_module = "keras.src.ops.core"
    operands = ("variable",)


class ErfOp(Elementwise):
    type: Literal["ops.erf"] = "ops.erf"
    keras_module = "keras.src.ops.math"


class RsqrtOp(Elementwise):
    type: Literal["ops.rsqrt"] = "ops.rsqrt"
    keras_module = "keras.src.ops.math"


class CeluOp(NeuralElementwise):
    type: Literal["ops.celu"] = "ops.celu"
    alpha: float = 1.0


class EluOp(NeuralElementwise):
    type: Literal["ops.elu"] = "ops.elu"
    alpha: float = 1.0


class GeluOp(NeuralElementwise):
    type: Literal["ops.gelu"] = "ops.gelu"
    approximate: bool = True


class HardSigmoidOp(NeuralElementwise):
    type: Literal["ops.hard_sigmoid"] = "ops.hard_sigmoid"


class HardSiluOp(NeuralElementwise):
    type: Literal["ops.hard_silu", "ops.hard_swish"] = "ops.hard_silu"


class HardTanhOp(NeuralElementwise):
    type: Literal["ops.hard_tanh"] = "ops.hard_tanh"


class LeakyReluOp(NeuralElementwise):
    type: Literal["ops.leaky_relu"] = "ops.leaky_relu"
    negative_slope: NonNegative = 0.2


class LogSigmoidOp(NeuralElementwise):
    type: Literal["ops.log_sigmoid"] = "ops.log_sigmoid"


class ReluOp(NeuralElementwise):
    type: Literal["ops.relu"] = "ops.relu"


class Relu6Op(NeuralElementwise):
    type: Literal["ops.relu6"] = "ops.relu6"


class SeluOp(NeuralElementwise):
    type: Literal["ops.selu"] = "ops.selu"


class SigmoidOp(NeuralElementwise):
    type: Literal["ops.sigmoid"] = "ops.sigmoid"


class SiluOp(NeuralElementwise):
    type: Literal["ops.silu", "ops.swish"] = "ops.silu"


class SoftplusOp(NeuralElementwise):
    type: Literal["ops.softplus"] = "ops.softplus"


class SoftsignOp(NeuralElementwise):
    type: Literal["ops.softsign"] = "ops.softsign"

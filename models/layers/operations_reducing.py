"""Operations along axes: sums and means, maxima, softmax, norms."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.layers.axes import Axes, inner_axes, pointwise_along_channels
from models.layers.batch_axis import BatchAxis
from models.layers.constants import Number
from models.layers.faults import LayerFault
from models.layers.fields import Axis, DType, Length, NonNegative, Unset
from models.layers.fixed_values import Dense
from models.layers.layer import Example, Windows
from models.layers.operations import AlongOtherAxes, Operation
from models.layers.sizes import Shape, sizes_of
from models.layers.spatial import known_length
from models.limits import MAX_FEATURES


class AlongAxis(AlongOtherAxes):
    """Base of operations along explicit axes: Keras' default, all axes, includes the batch."""

    passes = 5
    example = Example({"axis": -1}, ((4, 3),))


class ShapePreserving(AlongAxis):
    """Base of operations whose output has the shape of the input."""

    axis: Axes = -1

    def windows(self, shape: Shape) -> Windows:
        return pointwise_along_channels(self.axis, shape)


class ReducingOperation(AlongAxis):
    """Base of operations that reduce every axis to one element."""

    passes = 3
    keepdims: bool = False

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the axes exist and exclude the batch; unless they are kept, the batch moves up."""
        removed = inner_axes("axis", self.axis, shapes[0], batches[0])
        return batches[0] if self.keepdims else batches[0].without(removed)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Some transform every number before the sum: the deviation from the mean, its square."""
        return 2 * sizes_of(shapes)


class AllOp(ReducingOperation):
    type: Literal["ops.all"] = "ops.all"
    example = Example({"axis": -1}, ((4, 3),), "bool")


class AnyOp(ReducingOperation):
    type: Literal["ops.any"] = "ops.any"
    example = Example({"axis": -1}, ((4, 3),), "bool")


class LogsumexpOp(ReducingOperation):
    type: Literal["ops.logsumexp"] = "ops.logsumexp"
    keras_module = "keras.src.ops.math"


class MaxOp(ReducingOperation):
    type: Literal["ops.max", "ops.amax"] = "ops.max"
    initial: Number | None = None


class MeanOp(ReducingOperation):
    type: Literal["ops.mean"] = "ops.mean"


class MinOp(ReducingOperation):
    type: Literal["ops.min", "ops.amin"] = "ops.min"
    initial: Number | None = None


class NormOp(ReducingOperation):
    type: Literal["ops.norm"] = "ops.norm"
    keras_module = "keras.src.ops.linalg"
    axis: Axis
    ord: Annotated[int, Field(ge=1, le=2)] | None = None


class ProdOp(ReducingOperation):
    type: Literal["ops.prod"] = "ops.prod"
    not_taken = frozenset({"trainable", "activity_regularizer"})
    dtype: Unset = None


class StdOp(ReducingOperation):
    type: Literal["ops.std"] = "ops.std"


class SumOp(ReducingOperation):
    type: Literal["ops.sum"] = "ops.sum"


class VarOp(ReducingOperation):
    type: Literal["ops.var"] = "ops.var"


class ArgmaxOp(ReducingOperation):
    type: Literal["ops.argmax"] = "ops.argmax"
    axis: Axis


class ArgminOp(ReducingOperation):
    type: Literal["ops.argmin"] = "ops.argmin"
    axis: Axis


class CumprodOp(AlongAxis):
    type: Literal["ops.cumprod"] = "ops.cumprod"
    not_taken = frozenset({"trainable", "activity_regularizer"})
    axis: Axis
    dtype: Unset = None


class CumsumOp(AlongAxis):
    type: Literal["ops.cumsum"] = "ops.cumsum"
    not_taken = frozenset({"trainable", "activity_regularizer"})
    axis: Axis
    dtype: Unset = None


class FlipOp(AlongAxis):
    type: Literal["ops.flip"] = "ops.flip"


class SortOp(ShapePreserving):
    type: Literal["ops.sort"] = "ops.sort"
    example = Example({}, ((4, 3),))
    axis: Axis = -1


class ArgsortOp(ShapePreserving):
    type: Literal["ops.argsort"] = "ops.argsort"
    example = Example({}, ((4, 3),))
    axis: Axis = -1


class SoftmaxOp(ShapePreserving):
    type: Literal["ops.softmax"] = "ops.softmax"
    keras_module = "keras.src.ops.nn"
    example = Example({}, ((4, 3),))


class LogSoftmaxOp(ShapePreserving):
    type: Literal["ops.log_softmax"] = "ops.log_softmax"
    keras_module = "keras.src.ops.nn"
    example = Example({}, ((4, 3),))
    axis: Axis = -1


class NormalizeOp(ShapePreserving):
    type: Literal["ops.normalize"] = "ops.normalize"
    keras_module = "keras.src.ops.nn"
    example = Example({}, ((4, 3),))
    axis: Axis = -1
    order: Annotated[int, Field(ge=1, le=8)] = 2
    epsilon: NonNegative | None = None


class OneHotOp(Operation):
    type: Literal["ops.one_hot"] = "ops.one_hot"
    keras_module = "keras.src.ops.nn"
    example = Example({"num_classes": 3}, ((4,),), "int32")
    input_rank: ClassVar[tuple[int, ...]] = tuple(range(1, 8))
    not_taken = frozenset({"trainable", "activity_regularizer"})
    num_classes: Annotated[int, Field(ge=1, le=MAX_FEATURES)]
    axis: Literal[-1] = -1
    dtype: DType | None = None  # type: ignore[assignment]
    sparse: Dense = False

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Return the batch axis of the tensor, which the new last axis leaves where it is."""
        return batches[0]


class TopKOp(Operation):
    """The largest numbers along the last axis, then their places."""

    type: Literal["ops.top_k"] = "ops.top_k"
    keras_module = "keras.src.ops.math"
    example = Example({"k": 2}, ((4, 3),))
    passes = 12
    k: Length
    sorted: bool = True

    def output_count(self) -> int:
        return 2

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Check that the last axis is not the batch."""
        inner_axes("inputs", -1, shapes[0], batches[0])
        return batches[0]

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the last axis has at least k numbers."""
        length = known_length(shapes[0], -1)
        if self.k > length:
            raise LayerFault("k", "there are fewer numbers than k", f"at most {length}", f"{self.k}")

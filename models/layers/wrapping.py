"""Wrappers around one other layer."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from models.layers.bidirectional import Bidirectional
from models.layers.block import Block
from models.layers.faults import LayerFault, fault
from models.layers.held import Held, OneOf, check_held
from models.layers.layer import Example, Layer, Windows
from models.layers.recurrent import Recurrent, SequenceRecurrent
from models.layers.recurrent_convolution import step_shape
from models.layers.sizes import Shape, sizes_of
from models.layers.spatial import shape_text
from models.layers.work import Work

MAX_NESTING = 4
"""Deepest nesting of wrappers."""
MAX_COPIES = 256
"""Maximum copies of a layer that one wrapper unrolls into the graph, at 5 ms each."""
RECURRENT_COPIES = 16
"""Copies that one loop counts as: unrolling it takes 80 ms."""


class TimeDistributed(Layer):
    """Applies a layer, or a block of layers, to every step of a sequence.

    Keras writes it out once for each step.
    """

    type: Literal["TimeDistributed"] = "TimeDistributed"
    example = Example({"layer": {"type": "Dense", "units": 3}}, ((4, 5),))
    input_rank = (3, 4, 5, 6, 7, 8)
    call_order = ("training", "mask")
    unsupported: ClassVar[frozenset[str]] = frozenset({"Pipeline", "Discretization", "Hashing", "IntegerLookup"})
    """Types whose output Keras announces wrongly, or not at all, inside TimeDistributed."""
    layer: Annotated[Layer, OneOf("AnyNode"), Held]

    @model_validator(mode="after")
    def _takes_its_dtype_from_the_layer(self) -> "TimeDistributed":
        """Require one dtype: Keras announces the wrapper's and returns the layer's."""
        if self.dtype != self.layer.dtype and not isinstance(self.layer, Block):
            raise fault("dtype", "the wrapper and its layer have different dtypes", "the same dtype in both")
        return self

    @model_validator(mode="after")
    def _holds_one_to_one(self) -> "TimeDistributed":
        if self.layer.keras_name() in self.unsupported:
            raise fault("held_layer", f"{self.layer.keras_name()} cannot be applied step by step", "another layer")
        if _nesting(self) > MAX_NESTING:
            raise fault("nesting", "the layers wrap each other too deeply", f"at most {MAX_NESTING} wrappers")
        if not _is_one_to_one(self.layer):
            raise fault(
                "held_layer",
                "only a layer from one tensor to one tensor can be applied step by step",
                "a layer with one input and one output",
                "leave return_state out" if self.layer.inputs_as == "one" else None,
            )
        return self

    def id_bound(self) -> int | None:
        return self.layer.id_bound()

    def has_activation(self) -> bool:
        return self.layer.has_activation()

    def check_output(self, shape: Shape) -> None:
        self.layer.check_output(step_shape(shape))

    def needs_lengths(self) -> bool:
        return True

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the inner layer accepts one step, and that the steps are few enough to unroll."""
        check_held("layer", self.layer, step_shape(shapes[0]))
        if _copies(self, shapes[0]) > MAX_COPIES:
            raise LayerFault(
                "inputs",
                "there are too many steps to write the layer out for each",
                f"at most {MAX_COPIES} steps, those of inner sequences multiplied",
                f"the shape {shape_text(shapes[0])}",
                "Dense, normalization and activations need no TimeDistributed: they keep steps apart anyway",
            )

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Steps × the inner layer."""
        steps, inner = shapes[0][1], self.layer.macs((step_shape(shapes[0]),), (step_shape(outputs[0]),))
        return None if steps is None or inner is None else steps * inner

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The separate steps, before and after, and the layer's temporary tensors for each: they may run at once."""
        inside = self.layer.inner((step_shape(shapes[0]),), (step_shape(outputs[0]),))
        return sizes_of(shapes) + sizes_of(outputs) + (shapes[0][1] or 1) * inside

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Steps × the inner layer."""
        step = self.layer.work((step_shape(shapes[0]),), (step_shape(outputs[0]),))
        return step.times(shapes[0][1] or 1) + Work(moved=2 * (sizes_of(shapes) + sizes_of(outputs)))


def _is_one_to_one(layer: Layer) -> bool:
    """Whether a layer is called on one tensor and returns one."""
    if isinstance(layer, Block):
        return len(layer.input) == 1 and (layer.outputs is None or len(layer.outputs) == 1)
    return layer.inputs_as == "one" and layer.output_count() == 1


def _nesting(layer: Layer) -> int:
    held = getattr(layer, "layer", None)
    return 1 + _nesting(held) if isinstance(held, Layer) else 0


def _copies(layer: Layer, shape: Shape) -> int:
    """Count the copies of the innermost graph for an input of this shape; free steps count as one."""
    match layer:
        case TimeDistributed():
            return (shape[1] or 1) * _copies(layer.layer, step_shape(shape))
        case Bidirectional():
            return 2 * _copies(layer.layer, shape)
        case SequenceRecurrent(unroll=True):
            return RECURRENT_COPIES + (shape[1] or 1)
        case Recurrent():
            return RECURRENT_COPIES
    return 1


class SpectralNormalization(Layer):
    """Divides a layer's kernel by its largest singular value, in training mode.

    At inference it is as it was left.
    """

    type: Literal["SpectralNormalization"] = "SpectralNormalization"
    example = Example({"layer": {"type": "Conv2D", "filters": 2, "kernel_size": 3}}, ((6, 6, 1),))
    kernels: ClassVar[frozenset[str]] = frozenset(
        {"Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D"}
        | {"Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"}
    )
    """The types with one kernel. Keras also accepts Embedding, and rounds its vectors to the ids' integers."""
    layer: Annotated[Layer, OneOf("AnyLayer"), Held]
    power_iterations: Annotated[int, Field(ge=1, le=100)] = 1

    @model_validator(mode="after")
    def _holds_a_kernel(self) -> "SpectralNormalization":
        if self.layer.keras_name() not in self.kernels:
            expected = ", ".join(sorted(self.kernels))
            raise fault("held_layer", f"{self.layer.keras_name()} has no kernel to normalize", f"one of {expected}")
        return self

    def needs_lengths(self) -> bool:
        return self.layer.needs_lengths()

    def has_activation(self) -> bool:
        return self.layer.has_activation()

    def check_output(self, shape: Shape) -> None:
        self.layer.check_output(shape)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        check_held("layer", self.layer, shapes[0])

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Return the multiply-adds of the inner layer."""
        return self.layer.macs(shapes, outputs)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        return self.layer.inner(shapes, outputs)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        return self.layer.work(shapes, outputs)

    def windows(self, shape: Shape) -> Windows:
        return self.layer.windows(shape)

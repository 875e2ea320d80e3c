"""What every layer type declares: Keras' arguments as fields, and the facts that Keras does not give.

A type is one class. The union, the OpenAPI document, `/v1/layers`, the constructor call and the
parametrised tests all derive from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, get_args

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from models.layers.fields import DType, LayerName
from models.layers.inputs import CallKeywords, CallPositional, Calls, LayerInputs
from models.layers.masks import fits
from models.layers.named import STRICT, snake_case
from models.layers.receptive_field import Window
from models.layers.regularizers import AnyRegularizer
from models.layers.work import Work

Shape = tuple[int | None, ...]
"""A tensor's shape, the batch first; None is a free dimension."""
Windows = tuple[Window, ...] | None
"""One window per spatial axis; None where an output does not look through a window of its own."""


@dataclass(frozen=True)
class Example:
    """A layer that works when posted: its arguments and the shapes of its inputs, without batch."""

    arguments: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    dtype: str = "float32"


class Layer(BaseModel):
    """Base of the catalogue. Fields are Keras' constructor arguments, verbatim, with Keras' defaults."""

    model_config = STRICT

    example: ClassVar[Example]
    """Minimal arguments and input shapes that build and run."""
    input_rank: ClassVar[int | tuple[int, ...] | None] = None
    """Axes an input must have, the batch included: one number, several allowed, or None for any."""
    input_count: ClassVar[tuple[int, int | None]] = (1, 1)
    """Fewest and most inputs (None: no bound)."""
    inputs_as: ClassVar[str] = "one"
    """How Keras' call takes them: "one" tensor, a "list", or "positional" arguments."""
    operands: ClassVar[tuple[str, ...]] = ()
    """For operations: the arguments that are tensors, or constants in place of tensors."""
    keras_modules: ClassVar[tuple[str, ...]] = ("keras.layers",)
    """How the modules begin that Keras writes for the class when it serialises it."""
    standalone: ClassVar[bool] = True
    """False for what only another layer can hold (the recurrent cells)."""
    training_only: ClassVar[bool] = False
    """True for layers that are the identity at inference (Dropout, augmentation)."""
    reproducible: ClassVar[bool] = True
    """False for layers that, in training mode, draw numbers no seed fixes (AugMix)."""
    runs_directly: ClassVar[bool] = False
    """True for layers of few operations of which Keras, without a compiled function, computes the same bits: no loop
    over time steps, and no addition that Keras takes for that of a bias when the batch is one.
    """
    call_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that Keras takes when the layer is called (`use_causal_mask`), not when it is made."""
    call_inputs: ClassVar[tuple[str, ...]] = ("inputs",)
    """What Keras' call names the arguments that the inputs are."""
    call_order: ClassVar[tuple[str, ...]] = ()
    """What Keras' call takes by position behind the inputs: tensors (`initial_state`, `mask`), flags between them."""
    sets_held: ClassVar[frozenset[str]] = frozenset()
    """For wrappers: arguments of Keras' that the wrapper itself sets in the layers it holds."""
    later: ClassVar[frozenset[str]] = frozenset()
    """Fields that the type was given after networks with it had been registered: at their defaults they are no part of
    the canonical form, so that no id changes.
    """
    not_taken: ClassVar[frozenset[str]] = frozenset()
    """Fields of this base that Keras' constructor of the type does not know; they keep their defaults."""

    passes: ClassVar[int] = 2
    """How often a call goes over what it has inside."""
    multiplies: ClassVar[str] = "matrix"
    """Which multiply-adds of `Work` those of this type are."""

    name: LayerName | None = None
    inputs: LayerInputs = None
    calls: Calls = None
    keywords: CallKeywords = None
    positional: CallPositional = None
    trainable: bool = True
    dtype: DType | None = None
    activity_regularizer: AnyRegularizer | None = None

    @classmethod
    def type_name(cls) -> str:
        """The first of the names that `type` may have."""
        return str(get_args(cls.model_fields["type"].annotation)[0])

    @classmethod
    def keras_name(cls) -> str:
        """The class' name in keras.layers."""
        return cls.__name__

    @classmethod
    def call_tensors(cls) -> tuple[str, ...]:
        """Tensors that Keras' call takes beside the inputs, in its order."""
        return tuple(name for name in cls.call_order if name not in cls.call_fields | {"training"})

    @classmethod
    def call_names(cls) -> tuple[str, ...]:
        """The arguments of Keras' call that are tensors, in its order."""
        return (cls.operands or cls.call_inputs) + cls.call_tensors()

    @classmethod
    def summary(cls) -> str:
        """One sentence on what it computes."""
        return (vars(cls).get("__doc__") or "").strip().split("\n")[0]

    @classmethod
    def default_name(cls) -> str:
        """The name Keras would give the first instance."""
        return snake_case(cls.__name__)

    def reads(self) -> tuple[int, int | None]:
        """Fewest and most inputs of this instance (None: no bound)."""
        return self.input_count

    def arguments(self) -> dict[str, Any]:
        """Keras' constructor arguments: every field but those that place the layer in a graph or go to its call."""
        left_out = GRAPH_FIELDS | self.call_fields | self.not_taken
        return {field: getattr(self, field) for field in type(self).model_fields if field not in left_out}

    def call_arguments(self) -> dict[str, Any]:
        """Keras' keyword arguments of every call, beside the inputs."""
        return {field: getattr(self, field) for field in sorted(self.call_fields)}

    def has_activation(self) -> bool:
        """Whether the last step is an activation, whose input `address:pre` names."""
        return False

    def output_count(self) -> int:
        """How many tensors one call returns."""
        return 1

    def mixes_batch(self) -> bool:
        """Whether, at inference too, what one row of a batch gives depends on the others."""
        return any(isinstance(held, Layer) and held.mixes_batch() for held in vars(self).values())

    def id_bound(self) -> int | None:
        """For layers that look integers up: the first id that is out of range. Ids are checked as the layer runs."""
        return None

    def needs_lengths(self) -> bool:
        """Whether TensorFlow must know every length of the input (but the batch) when it traces the layer."""
        return False

    def settled(self, shapes: tuple[Shape, ...], output: Shape) -> Shape:
        """Keras' output shape, with the lengths filled in that it leaves free although the inputs' settle them."""
        return output

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Refuse input shapes that Keras or TensorFlow would take and get wrong.

        Raises:
            LayerFault: naming the argument at fault, before TensorFlow sees anything.
        """

    def check_output(self, shape: Shape) -> None:
        """Refuse an output that the layer's own last step would not take.

        Raises:
            LayerFault: naming the argument at fault.
        """

    def check_keywords(self, shapes: tuple[Shape, ...], keywords: Mapping[str, tuple[Shape, ...]]) -> None:
        """A mask must have the leading axes of what it masks: TensorFlow reads as much of it as it needs.

        Raises:
            LayerFault: naming the keyword at fault.
        """
        for mask in keywords.get("mask", ()) if self.inputs_as == "one" else ():
            if not fits(mask, shapes[0]):
                raise LayerFault(
                    "keywords/mask", "the mask does not fit the input", f"the leading axes of {shapes[0]}", f"{mask}"
                )

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Multiply-adds of one call on concrete shapes; None when a shape is free. Element-wise work counts none."""
        return 0

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Numbers in the tensors that are there at once inside one call, besides what it reads and returns; free
        dimensions count as one. Most layers take a step or two, each of which makes another tensor like the output.
        """
        return sizes_of(outputs)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """What one call takes of a machine's time; free dimensions count as one."""
        moved = sizes_of(shapes) + sizes_of(outputs) + self.passes * self.inner(shapes, outputs)
        return Work(**{self.multiplies: self.macs(shapes, outputs) or 0}, moved=moved, launches=1)

    def costly(self) -> str | None:
        """The argument, a number or one for each axis, that a call costs less of when it is less."""
        return None

    def windows(self, shape: Shape) -> Windows:
        """What one output element sees of the input along each spatial axis."""
        return None


GRAPH_FIELDS = frozenset({"type", "name", "inputs", "calls", "keywords", "positional"})


class LayerFault(Exception):
    """An argument of a layer that does not fit the shapes it meets."""

    def __init__(self, field: str, message: str, expected: str, received: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.field, self.message, self.expected = field, message, expected
        self.received, self.suggestion = received, suggestion


def fault(code: str, message: str, expected: str, suggestion: str | None = None) -> PydanticCustomError:
    """An error of a field or of several together, for use inside validators."""
    return PydanticCustomError(code, message, {"expected": expected, "suggestion": suggestion})


def size_of(shape: Shape) -> int | None:
    """The number of elements; None when a dimension is free."""
    total = 1
    for dimension in shape:
        if dimension is None:
            return None
        total *= dimension
    return total


def least_size(shape: Shape) -> int:
    """The number of elements when every free dimension is one."""
    return prod(1 if dimension is None else dimension for dimension in shape)


def sizes_of(shapes: Sequence[Shape]) -> int:
    """The elements of several tensors, likewise."""
    return sum(map(least_size, shapes))

"""Base class of layer types: Keras' arguments as fields, and facts that Keras does not expose.

A type is one class. The union, the OpenAPI document, `/v1/layers`, the constructor call and the
parametrised tests all derive from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel

from models.layers.batch_axis import BatchAxis, first_axis
from models.layers.faults import LayerFault
from models.layers.fields import DType, LayerName
from models.layers.inputs import CallKeywords, CallPositional, Calls, LayerInputs
from models.layers.masks import fits
from models.layers.named import STRICT, snake_case
from models.layers.receptive_field import Window
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape, sizes_of
from models.layers.work import Work

Windows = tuple[Window, ...] | None
"""One window per spatial axis; None if an output does not see the input through one window."""


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
    """Minimum and maximum number of inputs (None: unbounded)."""
    inputs_as: ClassVar[str] = "one"
    """How Keras' call takes the inputs: "one" tensor, a "list", or "positional" arguments."""
    operands: ClassVar[tuple[str, ...]] = ()
    """For operations: the arguments that are tensors, or constants in place of tensors."""
    keras_modules: ClassVar[tuple[str, ...]] = ("keras.layers",)
    """Prefixes of the module names that Keras writes when it serialises the class."""
    standalone: ClassVar[bool] = True
    """False for types that only other layers can hold (the recurrent cells)."""
    training_only: ClassVar[bool] = False
    """True for layers that are the identity at inference (Dropout, augmentation)."""
    reproducible: ClassVar[bool] = True
    """False for layers whose random numbers in training mode are not fixed by a seed (AugMix)."""
    same_shape_in_training: ClassVar[bool] = True
    """False for layers that return another shape in training mode than at inference (RandomCrop)."""
    runs_directly: ClassVar[bool] = False
    """True for layers of few operations that compute the same bits without a compiled function: no loop over time
    steps, and no addition that Keras mistakes for that of a bias when the batch is one.
    """
    broadcasts_directly: ClassVar[bool] = False
    """Whether that is so for inputs of different shapes, too, if they have the same rank."""
    call_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that are arguments of Keras' call (`use_causal_mask`), not of the constructor."""
    per_call: ClassVar[frozenset[str]] = frozenset()
    """Those of `call_fields` that may be a list, with a value for each of the layer's `calls`."""
    call_inputs: ClassVar[tuple[str, ...]] = ("inputs",)
    """Names of the input arguments of Keras' call."""
    call_order: ClassVar[tuple[str, ...]] = ()
    """Positional arguments of Keras' call after the inputs: tensors (`initial_state`, `mask`), flags between them."""
    sets_held: ClassVar[frozenset[str]] = frozenset()
    """For wrappers: Keras' arguments that the wrapper itself sets on the layers it holds."""
    later: ClassVar[frozenset[str]] = frozenset()
    """Fields added after networks with the type had been registered: at their defaults they are not part of the
    canonical form, so that no id changes.
    """
    not_taken: ClassVar[frozenset[str]] = frozenset()
    """Fields of this base that Keras' constructor of the type does not accept; they keep their defaults."""

    passes: ClassVar[int] = 2
    """Number of passes of one call over its temporary tensors."""
    multiplies: ClassVar[str] = "matrix"
    """The field of `Work` that counts the multiply-adds of this type."""

    name: LayerName | None = None
    inputs: LayerInputs = None
    calls: Calls = None
    keywords: CallKeywords = None
    positional: CallPositional = None
    trainable: bool = True
    dtype: DType | None = None
    activity_regularizer: AnyRegularizer | None = None

    @classmethod
    @cache
    def type_name(cls) -> str:
        """Return the canonical value of `type`."""
        return str(get_args(cls.model_fields["type"].annotation)[0])

    @classmethod
    def keras_name(cls) -> str:
        """Return the name of the class in keras.layers."""
        return cls.__name__

    @classmethod
    @cache
    def call_tensors(cls) -> tuple[str, ...]:
        """Return the tensor arguments of Keras' call other than the inputs, in its order."""
        return tuple(name for name in cls.call_order if name not in cls.call_fields | {"training"})

    @classmethod
    @cache
    def call_names(cls) -> tuple[str, ...]:
        """Return all tensor arguments of Keras' call, in its order."""
        return (cls.operands or cls.call_inputs) + cls.call_tensors()

    @classmethod
    def summary(cls) -> str:
        """Return one sentence on what the layer computes."""
        return (vars(cls).get("__doc__") or "").strip().split("\n")[0]

    @classmethod
    def default_name(cls) -> str:
        """Return the name that Keras would give the first instance."""
        return snake_case(cls.__name__)

    def reads(self) -> tuple[int, int | None]:
        """Return the minimum and maximum number of inputs of this instance (None: unbounded)."""
        return self.input_count

    def arguments(self) -> dict[str, Any]:
        """Return Keras' constructor arguments: every field except graph fields and arguments of the call."""
        excluded = GRAPH_FIELDS | self.call_fields | self.not_taken
        return {field: getattr(self, field) for field in type(self).model_fields if field not in excluded}

    def on_call(self, number: int) -> Self:
        """Return the layer with the arguments of one of its calls."""
        listed = {name: value[number] for name in self.per_call if isinstance(value := getattr(self, name), list)}
        return self.model_copy(update=listed) if listed else self

    def call_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of every call of the Keras layer, without the inputs."""
        return {field: getattr(self, field) for field in sorted(self.call_fields)}

    def has_activation(self) -> bool:
        """Whether the last step is an activation, whose input `address:pre` names."""
        return False

    def output_count(self) -> int:
        """Return the number of tensors that one call returns."""
        return 1

    def mixes_batch(self) -> bool:
        """Whether the result of one row of a batch depends on the others even at inference."""
        return any(isinstance(held, Layer) and held.mixes_batch() for held in vars(self).values())

    def batch_axis(self, shapes: tuple[Shape, ...], batches: Sequence[BatchAxis]) -> BatchAxis:
        """Return the batch axis of the outputs for tensors with these, keyword arguments included. A layer computes
        each row of the first axis on its own, and keeps it.

        Raises:
            LayerFault: the batch is another axis, or the tensors have its rows in different orders.
        """
        return first_axis(batches)

    def id_bound(self) -> int | None:
        """Return, for lookup layers, the first id that is out of range. Ids are checked when the layer runs."""
        return None

    def needs_lengths(self) -> bool:
        """Whether TensorFlow must know every length of the input (except the batch) when it traces the layer."""
        return False

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Return the shapes of the outputs, where Keras announces others than it computes, or leaves lengths free that
        the inputs determine.
        """
        return announced

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Refuse input shapes that Keras or TensorFlow would accept and compute wrongly.

        Raises:
            LayerFault: naming the argument at fault, before TensorFlow is called.
        """

    def check_output(self, shape: Shape) -> None:
        """Refuse an output that the layer's own last step would not accept.

        Raises:
            LayerFault: naming the argument at fault.
        """

    def check_masks(self, shapes: tuple[Shape, ...], masks: tuple[Shape | None, ...], *, named: bool) -> None:
        """Check the masks of the inputs, one each: those of the call if they are `named`, else those that Keras adds.

        Raises:
            LayerFault: Keras would apply one to other axes than it is made for.
        """

    def check_keywords(self, shapes: tuple[Shape, ...], keywords: Mapping[str, tuple[Shape, ...]]) -> None:
        """Check that masks have the leading axes of what they mask: TensorFlow reads only as much as it needs.

        Raises:
            LayerFault: naming the keyword at fault.
        """
        for mask in keywords.get("mask", ()) if self.inputs_as == "one" else ():
            if not fits(mask, shapes[0]):
                raise LayerFault(
                    "keywords/mask", "the mask does not fit the input", f"the leading axes of {shapes[0]}", f"{mask}"
                )

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Return the multiply-adds of one call; None if a shape is free. Element-wise work counts as 0."""
        return 0

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Return the peak size of temporary tensors in one call, without inputs and outputs; free dimensions count as
        one. Most layers take a step or two, each of which allocates another tensor like the output.
        """
        return sizes_of(outputs)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Return the work of one call; free dimensions count as one."""
        moved = sizes_of(shapes) + sizes_of(outputs) + self.passes * self.inner(shapes, outputs)
        return Work(**{self.multiplies: self.macs(shapes, outputs) or 0}, moved=moved, launches=1)

    def costly(self) -> str | None:
        """Return the numeric argument, of one or several axes, whose reduction makes a call cheaper."""
        return None

    def windows(self, shape: Shape) -> Windows:
        """Return the part of the input that one output element sees along each spatial axis."""
        return None


GRAPH_FIELDS = frozenset({"type", "name", "inputs", "calls", "keywords", "positional"})
"""Fields about a layer's calls in the graph, not about its computation."""

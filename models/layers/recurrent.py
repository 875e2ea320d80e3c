"""Recurrent layers over sequences of vectors, (batch, steps, features)."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

from models.layers.activation_names import FusedActivation
from models.layers.faults import LayerFault
from models.layers.fields import AnyCase
from models.layers.fixed_values import Stateless
from models.layers.layer import Example, Layer
from models.layers.recurrent_cells import AnyCell, Cells, DenseRecurrence, cells_macs
from models.layers.sizes import Shape, least_size
from models.layers.spatial import known_length, shape_text
from models.layers.work import READ_AHEAD, Work

MAX_STEPS = 16_384
"""Maximum steps of a recurrence: TensorFlow cannot be interrupted inside one."""
MAX_UNROLLED = 256
"""Maximum steps of an unrolled graph."""


class Recurrent(Layer):
    """Base of layers that run along the second axis of the input."""

    input_rank = 3
    passes = 4
    call_inputs = ("sequences",)
    call_order = ("initial_state", "mask")
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: Stateless = False

    @abstractmethod
    def states(self) -> int:
        """Return the number of state tensors after the last step."""

    def output_count(self) -> int:
        return 1 + self.states() if self.return_state else 1

    def check_keywords(self, shapes: tuple[Shape, ...], keywords: Mapping[str, tuple[Shape, ...]]) -> None:
        """Check the number of initial states: Keras ignores some that are too many."""
        super().check_keywords(shapes, keywords)
        check_states(keywords.get("initial_state", ()), self.states())

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the steps are few enough for a deadline."""
        steps = shapes[0][1]
        if steps is not None and steps > MAX_STEPS:
            raise LayerFault("inputs", "the sequence has too many steps", f"at most {MAX_STEPS} steps", str(steps))

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The sequence time-major and as a list of steps; the outputs also, if returned; one step's tensors."""
        returned = 2 * least_size(outputs[0]) if self.return_sequences else 0
        return 2 * least_size(shapes[0]) + returned + self.step_size(shapes, outputs)

    def step_size(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Return the size of one step's temporary tensors: its gates, the states before and after."""
        step = least_size(outputs[0]) // (shapes[0][1] or 1 if self.return_sequences else 1)
        return 12 * step

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Add the steps, which run one after the other."""
        return super().work(shapes, outputs) + Work(steps=shapes[0][1] or 1)


def check_states(shapes: Sequence[Shape], count: int, units: int | None = None) -> None:
    """Raise LayerFault if initial states differ from the layer's in number or, given `units`, from (batch, units)."""
    states = "one initial state" if count == 1 else f"{count} initial states"
    if shapes and len(shapes) != count:
        message = f"the layer starts from {states}"
        raise LayerFault("keywords/initial_state", message, f"{count}", f"{len(shapes)}")
    for number, shape in enumerate(shapes):
        if units is not None and (len(shape) != 2 or shape[1] not in (None, units)):
            expected, received = f"(batch, {units})", f"{shape_text(shape)} as number {number}"
            raise LayerFault("keywords/initial_state", "the initial state does not fit the layer", expected, received)


class SequenceRecurrent(Recurrent):
    """Base of recurrent layers that Keras can unroll and whose steps are matrix products."""

    unroll: bool = False

    @abstractmethod
    def step_macs(self, features: int) -> int:
        """Return the multiply-adds of one step of one row."""

    def needs_lengths(self) -> bool:
        return self.unroll

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        super().check_shapes(shapes)
        known_length(shapes[0], 2)
        steps = shapes[0][1]
        if self.unroll and steps is not None and steps > MAX_UNROLLED:
            raise LayerFault(
                "unroll",
                "the sequence is too long to unroll",
                f"at most {MAX_UNROLLED} steps",
                f"{steps} steps",
                "set unroll to false",
            )

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Rows × steps × one step."""
        batch, steps, features = shapes[0]
        if batch is None or steps is None or features is None:
            return None
        return batch * steps * self.step_macs(features)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Add reading the weights in every step."""
        read = (shapes[0][1] or 1) * self.step_macs(shapes[0][2] or 1)
        return super().work(shapes, outputs) + Work(moved=read / READ_AHEAD)


class DenseRecurrent(SequenceRecurrent, DenseRecurrence):
    """Base of recurrent layers with a cell of their own."""

    later = frozenset({"zero_output_for_mask"})
    zero_output_for_mask: bool = False

    def states(self) -> int:
        return self.state_count

    def check_keywords(self, shapes: tuple[Shape, ...], keywords: Mapping[str, tuple[Shape, ...]]) -> None:
        """Check that every initial state is a vector of `units`."""
        super().check_keywords(shapes, keywords)
        check_states(keywords.get("initial_state", ()), self.states(), self.units)

    def step_macs(self, features: int) -> int:
        return DenseRecurrence.step_macs(self, features)


CuDNN = Annotated[Literal["auto"] | bool, AnyCase]


class SimpleRNN(DenseRecurrent):
    """Runs along a sequence, each step a dense layer of the input and of the last output."""

    type: Literal["SimpleRNN"] = "SimpleRNN"
    example = Example({"units": 4}, ((5, 8),))


class GRU(DenseRecurrent):
    """Runs gated recurrent units along a sequence."""

    type: Literal["GRU"] = "GRU"
    example = Example({"units": 4}, ((5, 8),))
    gates = 3
    recurrent_activation: FusedActivation = "sigmoid"
    reset_after: bool = True
    use_cudnn: CuDNN = "auto"


class LSTM(DenseRecurrent):
    """Runs long short-term memory units along a sequence."""

    type: Literal["LSTM"] = "LSTM"
    example = Example({"units": 4}, ((5, 8),))
    gates = 4
    state_count: ClassVar[int] = 2
    recurrent_activation: FusedActivation = "sigmoid"
    unit_forget_bias: bool = True
    use_cudnn: CuDNN = "auto"


class RNN(SequenceRecurrent):
    """A recurrent layer around a cell, or around several cells applied in order."""

    type: Literal["RNN"] = "RNN"
    example = Example({"cell": {"type": "LSTMCell", "units": 4}}, ((5, 8),))
    cell: AnyCell | Cells
    zero_output_for_mask: bool = False

    def states(self) -> int:
        cells = self.cell if isinstance(self.cell, list) else [self.cell]
        return sum(cell.state_count for cell in cells)

    def step_macs(self, features: int) -> int:
        return cells_macs(self.cell, features) if isinstance(self.cell, list) else self.cell.step_macs(features)

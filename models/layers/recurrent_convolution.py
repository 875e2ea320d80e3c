"""Convolutional LSTMs, whose input and state are images: (batch, steps, *spatial axes, channels)."""

from math import prod
from typing import Literal

from models.layers.activation_names import FusedActivation
from models.layers.convolution import Convolution, StridesOrDilation
from models.layers.fields import Features, Padding, Sizes1D, Sizes2D, Sizes3D
from models.layers.layer import Example, Layer, Windows
from models.layers.recurrent import Recurrent
from models.layers.recurrent_cells import Recurrence
from models.layers.sizes import Shape, size_of
from models.layers.spatial import known_length
from models.layers.work import SCATTER_COST, VECTOR_CHANNELS, Work


class ConvLSTM(Recurrent, Recurrence, StridesOrDilation, Convolution):
    """Base of the convolutional LSTMs: four gates, each a convolution of the input and one of the state."""

    runs_directly = False
    later = frozenset({"zero_output_for_mask"})
    gates = 4
    state_count = 2
    filters: Features
    padding: Padding = "valid"
    activation: FusedActivation = "tanh"
    recurrent_activation: FusedActivation = "sigmoid"
    unit_forget_bias: bool = True
    zero_output_for_mask: bool = False

    def has_activation(self) -> bool:
        """Return False: the activation is inside the recurrence."""
        return False

    def states(self) -> int:
        return self.state_count

    def windows(self, shape: Shape) -> Windows:
        """Return None: an output sees all steps at once."""
        return None

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the axes of the image are known: the state is as large."""
        Recurrent.check_shapes(self, shapes)
        step = step_shape(shapes[0])
        for axis in self.spatial_axes():
            known_length(step, axis)
        Convolution.check_shapes(self, (step,))

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """As in any recurrence, with images as gates, plus the blocks of dilated kernels."""
        return Recurrent.inner(self, shapes, outputs) + self._step_block_numbers(shapes)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Steps that run one after the other, with eight convolutions each."""
        steps = shapes[0][1] or 1
        windows = (self.macs(shapes, outputs) or 0) / self.filters if self.filters < VECTOR_CHANNELS else 0
        return Layer.work(self, shapes, outputs) + Work(moved=SCATTER_COST * windows, steps=steps, launches=16 * steps)

    def _step_block_numbers(self, shapes: tuple[Shape, ...]) -> int:
        """Return the numbers in the blocks of one step's dilated convolutions, for two gates at once."""
        return 2 * self.block_numbers(step_shape(shapes[0]), self.filters)

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Steps × gates × state elements × kernel volume × (input channels + filters)."""
        channels = step_shape(shapes[0])[self.channel_axis()]
        state = size_of(step_shape(outputs[0]) if self.return_sequences else outputs[0])
        steps = shapes[0][1]
        if state is None or steps is None or channels is None:
            return None
        return steps * self.gates * state * prod(self.kernel_size) * (channels + self.filters)


def step_shape(shape: Shape) -> Shape:
    """Return the shape of one step of a sequence."""
    return (shape[0], *shape[2:])


class ConvLSTM1D(ConvLSTM):
    """An LSTM over steps that are sequences, with convolutions in place of its matrix products."""

    type: Literal["ConvLSTM1D"] = "ConvLSTM1D"
    example = Example({"filters": 2, "kernel_size": 3}, ((3, 8, 2),))
    input_rank = 4
    spatial_rank = 1
    kernel_size: Sizes1D
    strides: Sizes1D = (1,)
    dilation_rate: Sizes1D = (1,)


class ConvLSTM2D(ConvLSTM):
    """An LSTM over steps that are images, with convolutions in place of its matrix products."""

    type: Literal["ConvLSTM2D"] = "ConvLSTM2D"
    example = Example({"filters": 2, "kernel_size": 3}, ((3, 8, 8, 1),))
    input_rank = 5
    spatial_rank = 2
    kernel_size: Sizes2D
    strides: Sizes2D = (1, 1)
    dilation_rate: Sizes2D = (1, 1)


class ConvLSTM3D(ConvLSTM):
    """An LSTM over steps that are volumes, with convolutions in place of its matrix products."""

    type: Literal["ConvLSTM3D"] = "ConvLSTM3D"
    multiplies = "volume"
    example = Example({"filters": 2, "kernel_size": 2}, ((2, 4, 4, 4, 1),))
    input_rank = 6
    spatial_rank = 3
    kernel_size: Sizes3D
    strides: Sizes3D = (1, 1, 1)
    dilation_rate: Sizes3D = (1, 1, 1)

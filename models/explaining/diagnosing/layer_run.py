"""One call of a layer in a run: its tensors, its weights, and its place in the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from models.explaining.diagnosing.channels import ChannelFigures, channel_figures
from models.explaining.diagnosing.endings import Ending, ending_of, unwrapped
from models.images.scale import Scale
from models.layers.layer import Layer
from models.tensors.dtypes import FLOATS, Array


@dataclass(frozen=True)
class LayerRun:
    """One call of a layer, as findings see it. Tensors have the batch first."""

    address: str
    layer: Layer
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    before: Array | None = None
    """What a fused activation is applied to."""
    weights: Mapping[str, Array] = field(default_factory=dict)
    """By the layer's own names: `kernel`, `forward_lstm/lstm_cell/kernel`."""
    items: int = 1
    """How many items of the batch are distinct: copies of a picture say no more than one of them."""
    is_output: bool = False
    """Whether the network returns it."""
    from_input: tuple[bool, ...] = ()
    """Which of `inputs` are inputs of the network."""
    readers: tuple[Layer, ...] = ()
    """The layers that read its outputs."""
    scale: Scale | None = None
    """How the network expects the pictures among `inputs` to be scaled."""
    channel_axis: int = -1
    """The axis of the channels in the outputs."""
    input_rms: float = 1.0
    """The root mean square of the network's inputs."""
    is_repeated: bool = False
    """Whether another call of the layer comes before: its weights have been looked at."""

    @property
    def output(self) -> Array:
        """The first tensor that it returns."""
        return self.outputs[0]

    @property
    def kind(self) -> Layer:
        """The layer that computes: what a wrapper applies to each step, or the layer itself."""
        return unwrapped(self.layer)

    @property
    def is_float(self) -> bool:
        """Whether it returns floating-point numbers."""
        return self.output.dtype in FLOATS

    @cached_property
    def ending(self) -> Ending | None:
        """The activation that it ends with, or is; None without one whose shape is known."""
        return ending_of(self.layer)

    @property
    def activated(self) -> Array | None:
        """What the activation is applied to: `:pre`, or the input of a layer that is one."""
        if self.kind.has_activation():
            return self.before
        return None if self.ending is None else self.inputs[0]

    @cached_property
    def channels(self) -> ChannelFigures:
        """Figures of each channel of the output."""
        return channel_figures(self.output, self.channel_axis)

    @cached_property
    def activated_channels(self) -> ChannelFigures | None:
        """Figures of each channel of what the activation is applied to."""
        return None if self.activated is None else channel_figures(self.activated, self.channel_axis)

    def weight(self, name: str) -> Array | None:
        """Return the weight of this name, also inside a wrapper."""
        found = (weight for key, weight in self.weights.items() if key.rpartition("/")[2] == name)
        return next(found, None)

"""Bidirectional recurrent layers."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.layers.faults import fault
from models.layers.fields import AnyCase
from models.layers.fixed_values import NoWeights
from models.layers.held import Held, check_held
from models.layers.layer import Example, Layer
from models.layers.recurrent import GRU, LSTM, RNN, SimpleRNN, check_states
from models.layers.recurrent_convolution import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from models.layers.sizes import Shape, sizes_of
from models.layers.work import Work

AnyRecurrent = Annotated[
    SimpleRNN | GRU | LSTM | RNN | ConvLSTM1D | ConvLSTM2D | ConvLSTM3D, Field(discriminator="type"), Held
]


class Bidirectional(Layer):
    """A recurrent layer, and a second one that reads the sequence from its end."""

    type: Literal["Bidirectional"] = "Bidirectional"
    example = Example({"layer": {"type": "LSTM", "units": 3}}, ((5, 8),))
    input_rank = (3, 4, 5, 6)
    call_inputs = ("sequences",)
    call_order = ("initial_state", "mask")
    sets_held = frozenset({"zero_output_for_mask"})
    layer: AnyRecurrent
    merge_mode: Annotated[Literal["sum", "mul", "ave", "concat"], AnyCase] | None = "concat"
    weights: NoWeights = None
    backward_layer: AnyRecurrent | None = None

    @model_validator(mode="after")
    def _opposite_directions(self) -> "Bidirectional":
        backwards = self.backward_layer.go_backwards if self.backward_layer else True
        if self.layer.go_backwards == backwards:
            raise fault(
                "go_backwards",
                "both layers read the sequence in the same direction",
                "go_backwards true in one of the two layers, false in the other",
                "leave go_backwards out of layer, and set it in backward_layer",
            )
        return self

    @model_validator(mode="after")
    def _one_dtype(self) -> "Bidirectional":
        """Require one dtype: Keras announces the wrapper's and returns the layers' states unchanged."""
        if {layer.dtype for layer in (self.layer, self.backward_layer or self.layer)} != {self.dtype}:
            raise fault("dtype", "the wrapper and its layers have different dtypes", "the same dtype in all of them")
        return self

    @model_validator(mode="after")
    def _same_outputs(self) -> "Bidirectional":
        other = self.backward_layer
        if other is not None and _output_form(other) != _output_form(self.layer):
            raise fault(
                "backward_layer",
                "the two layers do not give outputs of the same kind",
                "the same type, size, return_sequences and return_state in both layers",
            )
        return self

    def output_count(self) -> int:
        """Count one merged sequence or two, and the states of both layers."""
        sequences = 2 if self.merge_mode is None else 1
        return sequences + 2 * (self.layer.output_count() - 1)

    def check_keywords(self, shapes: tuple[Shape, ...], keywords: Mapping[str, tuple[Shape, ...]]) -> None:
        """Check the initial states: those of `layer`, then those of `backward_layer`."""
        super().check_keywords(shapes, keywords)
        check_states(keywords.get("initial_state", ()), 2 * self.layer.states())

    def needs_lengths(self) -> bool:
        return self.layer.needs_lengths() or (self.backward_layer or self.layer).needs_lengths()

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        check_held("layer", self.layer, shapes[0])
        if self.backward_layer is not None:
            check_held("backward_layer", self.backward_layer, shapes[0])

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Sum over both layers."""
        forward, backward = (layer.macs(shapes, self._layer_outputs(outputs)) for layer in self._layers())
        return None if forward is None or backward is None else forward + backward

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Sum over both layers, plus the output of each and the reversed sequence."""
        inside = sum(layer.inner(shapes, self._layer_outputs(outputs)) for layer in self._layers())
        return inside + 2 * sizes_of(self._layer_outputs(outputs)) + sizes_of(shapes[:1])

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Sum over both layers."""
        forward, backward = (layer.work(shapes, self._layer_outputs(outputs)) for layer in self._layers())
        return forward + backward

    def _layers(self) -> tuple[AnyRecurrent, AnyRecurrent]:
        return self.layer, self.backward_layer or self.layer

    def _layer_outputs(self, outputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Return the output shapes of one of the two layers."""
        shape = outputs[0]
        joined = self.merge_mode == "concat" and shape[-1] is not None
        return ((*shape[:-1], (shape[-1] or 0) // 2) if joined else shape,)


OUTPUT_FIELDS = ("return_sequences", "return_state", "units", "filters", "kernel_size", "strides", "dilation_rate",
                 "padding", "data_format")  # fmt: skip


def _output_form(layer: AnyRecurrent) -> list[object]:
    """Return what determines the shapes of a layer's outputs."""
    cells = layer.cell if isinstance(layer, RNN) else None
    several = cells if isinstance(cells, list) else getattr(cells, "cells", [cells] if cells else [])
    return [
        type(layer),
        *(getattr(layer, field, None) for field in OUTPUT_FIELDS),
        [(type(c), c.units) for c in several],
    ]

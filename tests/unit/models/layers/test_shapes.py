"""Shape checks, multiply-adds and receptive fields of layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from models.engine.layers import create_layer, derived_seed
from models.layers.activation import PReLU, ReLU, Softmax
from models.layers.convolution import Conv1D, Conv2D
from models.layers.convolution_depthwise import DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from models.layers.convolution_transposed import Conv2DTranspose
from models.layers.core import Dense, Embedding
from models.layers.einsum import EinsumDense
from models.layers.faults import LayerFault
from models.layers.layer import Layer
from models.layers.margins import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from models.layers.merging import Add, Concatenate, Dot, Subtract
from models.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from models.layers.pooling import AveragePooling1D, MaxPooling1D, MaxPooling2D
from models.layers.pooling_global import AdaptiveMaxPooling1D, GlobalMaxPooling2D
from models.layers.receptive_field import AxisField, ReceptiveField, Window
from models.layers.regularization import Dropout, SpatialDropout2D
from models.layers.reshaping import Flatten, Permute, Reshape, UpSampling2D
from models.layers.sizes import Shape

IMAGE = (None, 28, 28, 3)


def refusal(layer: Layer, *shapes: Shape) -> LayerFault:
    with pytest.raises(LayerFault) as refused:
        layer.check_shapes(shapes)
    return refused.value


def conv2d(**arguments: Any) -> Conv2D:
    return Conv2D.model_validate({"filters": 8, "kernel_size": 3} | arguments)


def einsum(equation: str, output_shape: Any, **arguments: Any) -> EinsumDense:
    return EinsumDense.model_validate({"equation": equation, "output_shape": output_shape} | arguments)


REFUSED = [
    (conv2d(kernel_size=5), [(None, 4, 9, 1)], "kernel_size"),
    (conv2d(dilation_rate=2), [(None, 4, 9, 1)], "kernel_size"),
    (conv2d(groups=4), [IMAGE], "groups"),
    (conv2d(), [(None, 28, 28, None)], "inputs"),
    (conv2d(data_format="channels_first"), [(None, None, 28, 28)], "inputs"),
    (Conv2DTranspose(filters=2, kernel_size=3), [(None, 8, 8, None)], "inputs"),
    (Dense(units=2), [(None, None)], "inputs"),
    (MaxPooling2D(pool_size=3), [(None, 2, 9, 1)], "pool_size"),
    (MaxPooling2D(pool_size=(2, 10), padding="same"), [(None, 9, 9, 1)], "pool_size"),
    (MaxPooling2D(pool_size=4, data_format="channels_first"), [(None, 9, 3, 9)], "pool_size"),
    (AdaptiveMaxPooling1D(output_size=1), [(None, 5, 1)], "output_size"),
    (AdaptiveMaxPooling1D(output_size=3), [(None, 1, 1)], "output_size"),
    (Softmax(axis=-2), [(None, 4)], "axis"),
    (Softmax(axis=2), [(None, 4)], "axis"),
    (Softmax(axis=[1, -1]), [(None, 4)], "axis"),
    (UnitNormalization(axis=-2), [(None, 4)], "axis"),
    (LayerNormalization(axis=-3), [(None, 4, 4)], "axis"),
    (LayerNormalization(), [(None, 4, None)], "inputs"),
    (RMSNormalization(axis=1), [(None, 4, 4)], "axis"),
    (RMSNormalization(axis=[1, 3]), [(None, 4, 4, 4)], "axis"),
    (BatchNormalization(axis=-2), [(None, 4)], "axis"),
    (BatchNormalization(), [(None, None)], "inputs"),
    (GroupNormalization(), [IMAGE], "groups"),
    (GroupNormalization(groups=2), [IMAGE], "groups"),
    (PReLU(shared_axes=3), [(None, 4, 4)], "shared_axes"),
    (PReLU(shared_axes=2), [(None, None, 4)], "inputs"),
    (Add(), [(None, 4, 3), (None, 4, 2)], "inputs"),
    (Add(), [(None, 4, 3), (None, 4)], "inputs"),
    (Concatenate(axis=-2), [(None, 4), (None, 4)], "axis"),
    (Concatenate(), [(None, 4, 3), (None, 5, 3)], "inputs"),
    (Concatenate(), [(None, 4, 3), (None, 3)], "inputs"),
    (Dot(axes=-1), [(None, 4, 3), (None, 4, 2)], "axes"),
    (Dot(axes=[-3, 1]), [(None, 4, 3), (None, 4, 3)], "axes"),
    (Cropping2D(cropping=((2, 2), (0, 0))), [(None, 4, 9, 1)], "cropping"),
    (Cropping1D(cropping=3), [(None, 6, 1)], "cropping"),
    (Reshape(target_shape=[4, 4]), [(None, 15)], "target_shape"),
    (Reshape(target_shape=[4, -1]), [(None, 15)], "target_shape"),
    (Permute(dims=[2, 1]), [(None, 3)], "dims"),
    (einsum("abc,cd->abd", [None, 5]), [(None, 4)], "equation"),
    (einsum("...b,bc->...c", 5), [(4,)], "equation"),
    (einsum("abc,cd->abd", [7, 5]), [(None, 6, 3)], "output_shape"),
    (einsum("ab,bc->ac", 5), [(None, None)], "output_shape"),
]


@pytest.mark.parametrize(("layer", "shapes", "field"), REFUSED)
def test_invalid_shapes_are_rejected(layer: Layer, shapes: list[Shape], field: str) -> None:
    """The fault has the field, the expected and the received value."""
    fault = refusal(layer, *shapes)
    assert fault.field == field
    assert fault.message
    assert fault.expected
    assert fault.received


ACCEPTED = [
    (conv2d(kernel_size=5), [(None, 5, None, 1)]),
    (conv2d(kernel_size=5, padding="same"), [(None, 2, 2, 1)]),
    (conv2d(groups=4), [(None, 28, 28, 8)]),
    (MaxPooling2D(pool_size=9, padding="same"), [(None, 9, 9, 1)]),
    (MaxPooling2D(pool_size=99), [(None, None, None, 1)]),
    (AdaptiveMaxPooling1D(output_size=9), [(None, 5, 1)]),
    (Softmax(axis=[1, 2]), [(None, 4, 4)]),
    (LayerNormalization(axis=[-1, 1]), [(None, 4, None, 4)]),
    (RMSNormalization(axis=[3, 2]), [(None, 4, 4, 4)]),
    (GroupNormalization(groups=-1), [IMAGE]),
    (BatchNormalization(axis=1), [(None, 3, None, None)]),
    (PReLU(shared_axes=[1, 2]), [(None, None, None, 3)]),
    (Add(), [(None, 4, 3), (None, 1, 3), (None, 3)]),
    (Subtract(), [(None, None, 3), (None, 4, 3)]),
    (Concatenate(axis=1), [(None, 4, 3), (None, None, 3)]),
    (Dot(axes=[2, 1]), [(None, 4, 3), (None, 3, 7)]),
    (Reshape(target_shape=[-1, 5]), [(None, None, 3)]),
    (Reshape(target_shape=[-1, 5]), [(None, 15)]),
    (Cropping1D(cropping=(2, 3)), [(None, 6, 1)]),
    (einsum("abc,cd->abd", [None, 5]), [(None, None, 3)]),
    (einsum("ab...,bc->ac...", 5), [(None, 4)]),
]


@pytest.mark.parametrize(("layer", "shapes"), ACCEPTED)
def test_valid_shapes_are_accepted(layer: Layer, shapes: list[Shape]) -> None:
    """Free dimensions included."""
    layer.check_shapes(tuple(shapes))


NONSENSE = [
    (Softmax, {"axis": 0}),
    (Concatenate, {"axis": 0}),
    (LayerNormalization, {"axis": [0, 1]}),
    (BatchNormalization, {"axis": 0}),
    (BatchNormalization, {"renorm_clipping": {"rmin": 2.0, "rmax": 1.0}}),
    (GroupNormalization, {"groups": 0}),
    (Dot, {"axes": [0, 1]}),
    (Dot, {"axes": [1]}),
    (PReLU, {"shared_axes": -1}),
    (Conv2D, {"filters": 3, "kernel_size": 3, "strides": 2, "dilation_rate": 2}),
    (Conv2D, {"filters": 3, "kernel_size": 3, "groups": 2}),
    (Conv2DTranspose, {"filters": 3, "kernel_size": 3, "output_padding": 1}),
    (DepthwiseConv2D, {"kernel_size": 3, "strides": [1, 2]}),
    (SeparableConv2D, {"filters": 3, "kernel_size": 3, "strides": [2, 1]}),
    (Reshape, {"target_shape": [-1, -1]}),
    (Reshape, {"target_shape": [0]}),
    (Permute, {"dims": [1, 3]}),
    (Permute, {"dims": [1, 1]}),
    (Dense, {"units": 3, "lora_rank": 2}),
    (Dense, {"units": 3, "quantization_config": {}}),
    (Dense, {"units": 3, "activation": "glu"}),
    (Embedding, {"input_dim": 3, "output_dim": 3, "weights": [[0.0]]}),
    (SpatialDropout2D, {"rate": 0.5, "trainable": False}),
    (UpSampling2D, {"size": 65}),
    (EinsumDense, {"equation": "ab,bc", "output_shape": 3}),
    (EinsumDense, {"equation": "ab,bc->ba", "output_shape": 3}),
    (EinsumDense, {"equation": "ab,ac->bc", "output_shape": 3}),
    (EinsumDense, {"equation": "aab,bc->ac", "output_shape": 3}),
    (EinsumDense, {"equation": "ab,bc->ad", "output_shape": 3}),
    (EinsumDense, {"equation": "ab,bd->ac", "output_shape": 3}),
    (EinsumDense, {"equation": "ab,bc->ac", "output_shape": [3, 3]}),
    (EinsumDense, {"equation": "ab,bc->ac", "output_shape": [None]}),
    (EinsumDense, {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "a"}),
    (EinsumDense, {"equation": "a...,bc->a...", "output_shape": 3}),
]


@pytest.mark.parametrize(("cls", "arguments"), NONSENSE)
def test_invalid_arguments_are_rejected_without_a_shape(cls: type[Layer], arguments: dict[str, Any]) -> None:
    """If no input could be valid."""
    with pytest.raises(ValidationError):
        cls.model_validate(arguments)


def test_faults_contain_a_suggestion() -> None:
    """After the expected and the received shapes."""
    fault = refusal(Concatenate(axis=-1), (None, 4, 3), (None, 5, 3))
    assert fault.message == "the inputs differ along another axis than 2"
    assert fault.expected == "shapes like the first, (None, 4, 3), except along axis 2"
    assert fault.received == "(None, 4, 3) and (None, 5, 3)"
    assert fault.suggestion is not None


MACS = [
    (Dense(units=10), [(2, 16)], (2, 10), 2 * 10 * 16),
    (Dense(units=10), [(2, 5, 16)], (2, 5, 10), 2 * 5 * 10 * 16),
    (conv2d(padding="same"), [(1, 28, 28, 3)], (1, 28, 28, 8), 28 * 28 * 8 * 9 * 3),
    (conv2d(groups=4), [(1, 6, 6, 8)], (1, 4, 4, 8), 4 * 4 * 8 * 9 * 2),
    (DepthwiseConv2D(kernel_size=3, depth_multiplier=2), [(1, 6, 6, 3)], (1, 4, 4, 6), 4 * 4 * 6 * 9),
    (SeparableConv1D(filters=5, kernel_size=3), [(2, 6, 4)], (2, 4, 5), 2 * 4 * (4 * 3 + 4 * 5)),
    (Conv2DTranspose(filters=5, kernel_size=3, strides=2), [(1, 4, 4, 3)], (1, 9, 9, 5), 4 * 4 * 3 * 9 * 5),
    (einsum("abc,cd->abd", [None, 5]), [(2, 6, 3)], (2, None, 5), 2 * 6 * 3 * 5),
    (einsum("...b,bc->...c", 5), [(2, 6, 7, 3)], (2, 6, 7, 5), 2 * 6 * 7 * 3 * 5),
    (einsum("ab...,bc->ac...", 5), [(2, 3, 7)], (2, 5, 7), 2 * 3 * 5 * 7),
    (einsum("abc,bd->abd", [4, 5]), [(2, 4, 3)], (2, 4, 5), 2 * 4 * 3 * 5),
    (Dot(axes=[2, 1]), [(2, 3, 4), (2, 4, 5)], (2, 3, 5), 2 * 3 * 5 * 4),
    (MaxPooling2D(), [(1, 4, 4, 3)], (1, 2, 2, 3), 0),
    (BatchNormalization(), [(1, 4, 4, 3)], (1, 4, 4, 3), 0),
    (conv2d(), [(1, None, 28, 3)], (1, None, 26, 8), None),
]


@pytest.mark.parametrize(("layer", "shapes", "output", "expected"), MACS)
def test_multiply_adds_match_hand_computed_ones(
    layer: Layer, shapes: list[Shape], output: Shape, expected: int | None
) -> None:
    """None where a dimension is unknown."""
    assert layer.macs(tuple(shapes), (output,)) == expected


WINDOWS = [
    (conv2d(padding="same"), IMAGE, (Window(3, 1, 1, 1), Window(3, 1, 1, 1))),
    (conv2d(strides=2, padding="same"), IMAGE, (Window(3, 2, 1, 0), Window(3, 2, 1, 0))),
    (MaxPooling2D(), IMAGE, (Window(2, 2, 1, 0), Window(2, 2, 1, 0))),
    (MaxPooling2D(pool_size=3, strides=1, padding="same"), IMAGE, (Window(3, 1, 1, 1), Window(3, 1, 1, 1))),
    (ZeroPadding2D(padding=((1, 2), (3, 4))), IMAGE, (Window(before=1), Window(before=3))),
    (Cropping2D(cropping=((1, 2), (3, 4))), IMAGE, (Window(before=-1), Window(before=-3))),
    (ReLU(), IMAGE, (Window(), Window())),
    (BatchNormalization(axis=1), IMAGE, (Window(), Window())),
    (Dropout(rate=0.5), IMAGE, (Window(), Window())),
    (Dense(units=4), IMAGE, (Window(), Window())),
    (Add(), IMAGE, (Window(), Window())),
    (Concatenate(axis=3), IMAGE, (Window(), Window())),
    (Softmax(), IMAGE, (Window(), Window())),
    (einsum("abcd,de->abce", [None, None, 5]), IMAGE, (Window(), Window())),
    (Concatenate(axis=1), IMAGE, None),
    (Softmax(axis=1), IMAGE, None),
    (LayerNormalization(axis=[1, 2, 3]), IMAGE, None),
    (GroupNormalization(groups=3), IMAGE, None),
    (einsum("abcd,be->aecd", [5, None, None]), IMAGE, None),
    (Flatten(), IMAGE, None),
    (UpSampling2D(), IMAGE, None),
    (Permute(dims=[2, 1, 3]), IMAGE, None),
    (GlobalMaxPooling2D(), IMAGE, None),
    (Conv2DTranspose(filters=2, kernel_size=3), IMAGE, None),
]


@pytest.mark.parametrize(("layer", "shape", "expected"), WINDOWS)
def test_windows_match_hand_computed_ones(layer: Layer, shape: Shape, expected: tuple[Window, ...] | None) -> None:
    """One per spatial axis, or None where positions are mixed."""
    assert layer.windows(shape) == expected


def test_receptive_field_of_a_small_network() -> None:
    """A 3×3 `same` convolution on 28 pixels, then a pool of 2: 4 pixels every 2 from -1."""
    pixels = ReceptiveField("input", (AxisField(), AxisField()))
    convolved = pixels.through(conv2d(padding="same").windows(IMAGE) or ())
    assert convolved == ReceptiveField("input", (AxisField(3, 1, -1),) * 2)
    pooled = convolved.through(MaxPooling2D().windows((None, 28, 28, 8)) or ())
    assert pooled == ReceptiveField("input", (AxisField(4, 2, -1),) * 2)


LENGTH = 17
SEEN = [
    Conv1D(filters=2, kernel_size=3),
    Conv1D(filters=2, kernel_size=4, padding="same"),
    Conv1D(filters=2, kernel_size=5, strides=3, padding="same"),
    Conv1D(filters=2, kernel_size=3, dilation_rate=2, padding="causal"),
    DepthwiseConv1D(kernel_size=4, strides=2, padding="same"),
    DepthwiseConv1D(kernel_size=3, strides=2, dilation_rate=2, padding="same"),
    SeparableConv1D(filters=2, kernel_size=3, dilation_rate=3),
    MaxPooling1D(pool_size=3),
    MaxPooling1D(pool_size=4, strides=2, padding="same"),
    AveragePooling1D(pool_size=5, strides=1, padding="same"),
    ZeroPadding1D(padding=(3, 1)),
    Cropping1D(cropping=(2, 4)),
    LayerNormalization(),
    PReLU(),
]


@pytest.mark.parametrize("layer", SEEN, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("position", [0, 1, 4])
def test_windows_match_the_dependencies_of_outputs(layer: Layer, position: int) -> None:
    """Exactly the inputs in the window's range can change an output, its ends included."""
    made = create_layer(layer, "l0", lambda field: derived_seed(0, "l0", field))
    x = np.random.default_rng(0).random((LENGTH + 1, LENGTH, 2), "float32")
    x[:] = x[:1]
    x[np.arange(LENGTH), np.arange(LENGTH), 0] += 100
    y = keras.ops.convert_to_numpy(made(x))[:, position]
    changed = set(np.flatnonzero((y[:-1] != y[-1]).any(axis=-1)))
    (window,) = layer.windows((None, LENGTH, 2)) or ()
    field = AxisField().through(window)
    first = (field.offset or 0) + position * field.stride
    inside = set(range(first, first + field.size, window.dilation)) & set(range(LENGTH))
    assert changed == inside

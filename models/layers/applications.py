"""Layers that keras.applications makes for itself: Keras' own, though not exported."""

from __future__ import annotations

from typing import Literal

from models.layers.fields import Features
from models.layers.layer import Example, Shape
from models.layers.merging import ElementwiseMerging
from models.layers.pointwise import Pointwise
from models.layers.spatial import check_channels


class LayerScale(Pointwise):
    """Multiplies each channel by a learned number (ConvNeXt)."""

    type: Literal["LayerScale"] = "LayerScale"
    example = Example({"init_values": 0.5, "projection_dim": 3}, ((4, 4, 3),))
    keras_modules = ("keras.src.applications.convnext",)
    init_values: float
    projection_dim: Features

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        check_channels("projection_dim", self.projection_dim, shapes[0])


class CustomScaleLayer(ElementwiseMerging):
    """The first input plus the second times `scale` (InceptionResNetV2)."""

    type: Literal["CustomScaleLayer"] = "CustomScaleLayer"
    example = Example({"scale": 0.5}, ((4, 3), (4, 3)))
    keras_modules = ("keras.src.applications.inception_resnet_v2",)
    input_count = (2, 2)
    scale: float

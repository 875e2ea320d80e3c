"""Layers that keras.applications defines for itself and Keras does not export."""

from typing import Literal

from models.layers.faults import LayerFault
from models.layers.fields import Features
from models.layers.layer import Example
from models.layers.merging import ElementwiseMerging
from models.layers.pointwise import Pointwise
from models.layers.sizes import Shape
from models.layers.spatial import check_channels, shapes_text


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

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Require equal ranks: axes of length 1 broadcast, and with fewer axes the batch would align with another."""
        super().check_shapes(shapes)
        if len(shapes[0]) != len(shapes[1]):
            received = shapes_text(shapes)
            raise LayerFault(
                "inputs", "the inputs do not have the same number of axes", "as many axes in both", received
            )

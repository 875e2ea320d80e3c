"""Pipeline: image layers applied in order as one layer."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from models.layers.faults import LayerFault
from models.layers.fixed_values import AlwaysTrainable, NoDType, NoRegularizer
from models.layers.held import Held, OneOf, check_held
from models.layers.image import Image
from models.layers.layer import Example, Layer, Windows
from models.layers.pointwise import pointwise
from models.layers.sizes import Shape, least_size
from models.layers.spatial import shape_text

MAX_BETWEEN = 2**26
"""Maximum size of a tensor between two layers of a pipeline, which plans do not show."""


class Pipeline(Layer):
    """Applies scaling, image and augmentation layers in order.

    Other layers are listed in the document itself: Keras builds a pipeline's layers while it traces them, which
    no layer with weights or with constants of its own (Normalization) survives.
    """

    type: Literal["Pipeline"] = "Pipeline"
    example = Example({"layers": [{"type": "Rescaling", "scale": 0.5}, {"type": "RandomFlip"}]}, ((8, 8, 3),))
    not_taken = frozenset({"trainable", "dtype", "activity_regularizer"})
    trainable: AlwaysTrainable = True
    dtype: NoDType = None
    activity_regularizer: NoRegularizer = None
    layers: Annotated[list[Annotated[Layer, OneOf("AnyImageLayer"), Held]], Field(min_length=1, max_length=64)]

    def needs_lengths(self) -> bool:
        return any(layer.needs_lengths() for layer in self.layers)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that each layer accepts the output of the previous one."""
        for number, (layer, shape) in enumerate(self._steps(shapes[0])):
            if least_size(shape) > MAX_BETWEEN:
                raise LayerFault(
                    f"layers/{number}",
                    "the images are too large in the middle of the pipeline",
                    f"at most {MAX_BETWEEN} numbers in a batch",
                    f"the shape {shape_text(shape)}",
                    "resize to a smaller height and width",
                )
            check_held(f"layers/{number}", layer, shape)

    def windows(self, shape: Shape) -> Windows:
        """Pointwise, if every layer is."""
        all_pointwise = all(layer.windows(before) == pointwise(before) for layer, before in self._steps(shape))
        return pointwise(shape) if all_pointwise else None

    def _steps(self, shape: Shape) -> Iterator[tuple[Layer, Shape]]:
        """Yield each layer with the shape of its input."""
        for layer in self.layers:
            yield layer, shape
            shape = layer.output_image(shape) if isinstance(layer, Image) else shape

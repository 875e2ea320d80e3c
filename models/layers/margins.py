"""Layers that add or remove margins along the spatial axes."""

from typing import Any, Literal

from models.layers.faults import LayerFault
from models.layers.fields import Margins1D, Margins2D, Margins3D
from models.layers.layer import Example, Windows
from models.layers.receptive_field import Window
from models.layers.sizes import Shape, sizes_of
from models.layers.spatial import Spatial, SpatialAxes

Pairs = tuple[tuple[int, int], ...]


class Cropping(SpatialAxes):
    """Base of cropping layers."""

    runs_directly = True

    cropping: tuple[Any, ...]

    def pairs(self) -> Pairs:
        """Return the (before, after) margins cut off each spatial axis."""
        return (self.cropping,) if self.spatial_rank == 1 else self.cropping

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Axes may be cropped one after the other."""
        return sizes_of(shapes) + sizes_of(outputs)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that something is left along every axis."""
        lengths = self.spatial_shape(shapes[0])
        if any(length is not None and sum(pair) >= length for pair, length in zip(self.pairs(), lengths, strict=True)):
            raise LayerFault(
                "cropping",
                "nothing is left of the input",
                f"less than {list(lengths)} in all along the spatial axes",
                str([list(pair) for pair in self.pairs()]),
                "crop less, or use a larger input",
            )

    def windows(self, shape: Shape) -> Windows:
        return tuple(Window(before=-before) for before, _ in self.pairs())


class Cropping1D(Cropping):
    """Cuts steps off the beginning and the end of a sequence."""

    type: Literal["Cropping1D"] = "Cropping1D"
    example = Example({}, ((5, 2),))
    input_rank = 3
    spatial_rank = 1
    cropping: Margins1D = (1, 1)


class Cropping2D(Cropping, Spatial):
    """Cuts rows and columns off the edges of images."""

    type: Literal["Cropping2D"] = "Cropping2D"
    example = Example({"cropping": 1}, ((5, 6, 2),))
    input_rank = 4
    spatial_rank = 2
    cropping: Margins2D = ((0, 0), (0, 0))


class Cropping3D(Cropping, Spatial):
    """Cuts margins off the three axes of a volume."""

    type: Literal["Cropping3D"] = "Cropping3D"
    example = Example({}, ((3, 4, 5, 2),))
    input_rank = 5
    spatial_rank = 3
    cropping: Margins3D = ((1, 1), (1, 1), (1, 1))


class ZeroPadding(Spatial):
    """Base of zero padding layers."""

    runs_directly = True

    padding: tuple[Any, ...]

    def pairs(self) -> Pairs:
        """Return the (before, after) margins added to each spatial axis."""
        return (self.padding,) if self.spatial_rank == 1 else self.padding

    def windows(self, shape: Shape) -> Windows:
        return tuple(Window(before=before) for before, _ in self.pairs())


class ZeroPadding1D(ZeroPadding):
    """Adds steps of zeros before and after a sequence."""

    type: Literal["ZeroPadding1D"] = "ZeroPadding1D"
    example = Example({}, ((3, 2),))
    input_rank = 3
    spatial_rank = 1
    padding: Margins1D = (1, 1)


class ZeroPadding2D(ZeroPadding):
    """Adds rows and columns of zeros around images."""

    type: Literal["ZeroPadding2D"] = "ZeroPadding2D"
    example = Example({}, ((3, 4, 2),))
    input_rank = 4
    spatial_rank = 2
    padding: Margins2D = ((1, 1), (1, 1))


class ZeroPadding3D(ZeroPadding):
    """Adds margins of zeros around the three axes of a volume."""

    type: Literal["ZeroPadding3D"] = "ZeroPadding3D"
    example = Example({}, ((2, 3, 4, 2),))
    input_rank = 5
    spatial_rank = 3
    padding: Margins3D = ((1, 1), (1, 1), (1, 1))

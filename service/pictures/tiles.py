"""Arrangement of a tensor as maps in rows and columns.

With two spatial axes each channel is a map, in a near-square sheet of all channels; the sheets of the batch's items are
below one another. A third spatial axis (depth) runs along the columns, with the channels below one another. With one
spatial axis each item is a map with the channels as its width, in a near-square sheet of all items. Without spatial
axes there is one map, with a row for each item and a column for each unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isqrt

from models.errors import InvalidOption
from models.tensors.dtypes import Array
from models.views.tensor_type import AXES, NAMELESS

SPATIAL = "dthw"


@dataclass(frozen=True)
class Tiles:
    """Arrangement of maps as (blocks, maps per block, height, width); each block starts a row."""

    shape: tuple[int, int, int, int]
    columns: int
    order: str
    """The present axes, in the order of the shape."""

    @property
    def rows(self) -> int:
        """Rows per block."""
        return ceil(self.shape[1] / self.columns)

    def of(self, array: Array, axes: str) -> Array:
        """Return the maps of an array with these axes."""
        return array.transpose([axes.index(axis) for axis in self.order]).reshape(self.shape)


def tile(shape: tuple[int, ...], axes: str) -> Tiles:
    """Return the arrangement of a tensor with named axes."""
    length = dict(zip(axes, shape, strict=True))
    spatial = [axis for axis in SPATIAL if axis in axes]
    n, c = length.get("n", 1), length.get("c", 1)
    if not spatial:
        return Tiles((1, 1, n, c), 1, _present("nc", axes))
    if len(spatial) == 1:
        return Tiles((1, n, length[spatial[0]], c), _columns(n), _present("n" + spatial[0] + "c", axes))
    *deep, high, wide = spatial
    size = (length[high], length[wide])
    order = _present("nc" + "".join(spatial), axes)
    if deep and length[deep[0]] > 1:
        return Tiles((n, c * length[deep[0]], *size), length[deep[0]], order)
    return Tiles((n, c, *size), _columns(c), order) if c > 1 else Tiles((1, n, *size), _columns(n), order)


def _present(order: str, axes: str) -> str:
    return "".join(axis for axis in order if axis in axes)


def _columns(count: int) -> int:
    """Return the columns of a near-square sheet that is not higher than wide."""
    return isqrt(count - 1) + 1


def named_axes(axes: str, address: str) -> str:
    """Return the axes' names; views of large tensors have none, and get default names by rank.

    Raises:
        InvalidOption: there are more than five axes.
    """
    if NAMELESS not in axes:
        return axes
    if len(axes) in AXES:
        return AXES[len(axes)]
    message = f"{address}: there is no picture of a tensor of {len(axes)} axes"
    raise InvalidOption.at(
        "/slice", message, expected="at most five axes", received=f"{len(axes)}", suggestion='write "slice": "0"'
    )


def kernel_axes(rank: int) -> str:
    """Return the axes of weights; of a kernel (…, in, out) each filter is a block, its inputs along the columns."""
    return {1: "c", 3: "tcn", 4: "hwdc", 5: "dhwcn"}.get(rank, AXES.get(rank, NAMELESS * rank))

"""What to write in place of a layer that costs too much: an argument or a batch with which it would fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.layers.layer import Layer, Shape
from models.layers.spatial import SpatialAxes

Fits = Callable[[Layer, tuple[Shape, ...], tuple[Shape, ...]], bool]
"""Whether a layer on inputs and outputs of these shapes is within a limit."""
OTHERWISE = "use a smaller input, or fewer features"


def easier(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...], fits: Fits) -> str:
    """The largest batch that fits, else the largest value of the argument that costs most, else a smaller input."""
    batch = shapes[0][0] if shapes and shapes[0] else None
    rows = _largest(batch or 1, lambda rows: fits(layer, _rows(shapes, rows), _rows(outputs, rows)))
    if rows:
        return f"a batch of at most {rows} would fit"
    field = layer.costly()
    if field is None:
        return OTHERWISE
    one = _rows(shapes, 1)
    grown = _grown(layer, one, _rows(outputs, 1))
    value = _largest(_most(getattr(layer, field)), lambda value: fits(_with(layer, field, value), one, grown))
    rest = "" if batch in (None, 1) else " and a batch of 1"
    return f"a {field} of at most {value}{rest} would fit" if value else OTHERWISE


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number below `most` that fits, where all that are less than one that fits do, too; 0 for none."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _rows(shapes: tuple[Shape, ...], rows: int) -> tuple[Shape, ...]:
    return tuple((rows, *shape[1:]) for shape in shapes)


def _grown(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """What the outputs may become with another value of the argument: along the spatial axes as long as the input."""
    if not isinstance(layer, SpatialAxes) or len(shapes[0]) != len(outputs[0]):
        return outputs
    first = list(outputs[0])
    for axis in layer.spatial_axes():
        first[axis] = max(first[axis] or 1, shapes[0][axis] or 1)
    return (tuple(first), *outputs[1:])


def _most(value: Any) -> int:
    return int(max(value)) if isinstance(value, tuple) else int(value)


def _with(layer: Layer, field: str, value: int) -> Layer:
    """The layer with an argument of at most `value` along every axis."""
    given = getattr(layer, field)
    smaller = tuple(min(value, one) for one in given) if isinstance(given, tuple) else value
    return layer.model_copy(update={field: smaller})

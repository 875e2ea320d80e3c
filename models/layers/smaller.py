"""Suggestions for a layer that costs too much: a batch or an argument value with which it would fit."""

from collections.abc import Callable
from typing import Any

from models.layers.layer import Layer
from models.layers.sizes import Shape
from models.layers.spatial import SpatialAxes

Fits = Callable[[Layer, tuple[Shape, ...], tuple[Shape, ...]], bool]
"""Whether a layer on inputs and outputs of these shapes is within a limit."""
FALLBACK = "use a smaller input, or fewer features"


def suggest_smaller(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...], fits: Fits) -> str:
    """Suggest the largest batch that fits, else the largest value of the costliest argument, else a smaller input."""
    batch = shapes[0][0] if shapes and shapes[0] else None
    rows = _largest(batch or 1, lambda rows: fits(layer, _with_rows(shapes, rows), _with_rows(outputs, rows)))
    if rows:
        return f"a batch of at most {rows} would fit"
    field = layer.costly()
    if field is None:
        return FALLBACK
    row = _with_rows(shapes, 1)
    outputs_bound = _bound_outputs(layer, row, _with_rows(outputs, 1))
    value = _largest(
        _maximum(getattr(layer, field)), lambda value: fits(_limit_argument(layer, field, value), row, outputs_bound)
    )
    rest = "" if batch in (None, 1) else " and a batch of 1"
    return f"a {field} of at most {value}{rest} would fit" if value else FALLBACK


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number below `most` that fits, by bisection (`fits` is monotonic); 0 for none."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _with_rows(shapes: tuple[Shape, ...], rows: int) -> tuple[Shape, ...]:
    return tuple((rows, *shape[1:]) for shape in shapes)


def _bound_outputs(layer: Layer, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Return upper bounds of the outputs for any value of the argument: spatial axes as long as the input."""
    if not isinstance(layer, SpatialAxes) or len(shapes[0]) != len(outputs[0]):
        return outputs
    first = list(outputs[0])
    for axis in layer.spatial_axes():
        first[axis] = max(first[axis] or 1, shapes[0][axis] or 1)
    return (tuple(first), *outputs[1:])


def _maximum(value: Any) -> int:
    return int(max(value)) if isinstance(value, tuple | list) else int(value)


def _limit_argument(layer: Layer, field: str, value: int) -> Layer:
    """Return the layer with an argument of at most `value` along every axis."""
    current = getattr(layer, field)
    several = isinstance(current, tuple | list)
    smaller = type(current)(min(value, size) for size in current) if several else value
    return layer.model_copy(update={field: smaller})

"""Arguments that Keras leaves open and takes from the shape of a tensor, which a document has to name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.layers.layer import Layer
from models.layers.operations_joining import UnstackOp
from models.reading.keras_json.calls import KerasCall


def inferred(cls: type[Layer] | None, fields: dict[str, Any], calls: Sequence[KerasCall]) -> dict[str, Any]:
    """Return the number of tensors of an `unstack` without one: the length of the axis that is unstacked."""
    if cls is not UnstackOp or fields.get("num") is not None:
        return {}
    axis = fields.get("axis")
    shapes = [shape for call in calls for shape in call.shapes]
    if type(axis) is not int or not shapes or not -len(shapes[0]) <= axis < len(shapes[0]):
        return {}
    return {"num": shapes[0][axis]}

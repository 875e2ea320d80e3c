"""Layers held by other layers: fields they may not set, and reporting of their faults."""

from dataclasses import dataclass
from typing import Any

from pydantic import AfterValidator, GetCoreSchemaHandler

from models.layers.faults import LayerFault, fault
from models.layers.layer import Layer
from models.layers.sizes import Shape

PLACEMENT_FIELDS = ("inputs", "calls", "keywords", "positional")
"""The fields that place a layer in a graph."""


def _check_unplaced(layer: Layer) -> Layer:
    """Refuse graph fields on a held layer, whose input comes from its holder."""
    for name in sorted(layer.per_call):
        if getattr(layer, name) is not False:
            message = f"{name} is an argument of the call, and the layer around this one calls it without"
            raise fault("held_layer", message, "false", "leave it out")
    if any(getattr(layer, field) is not None for field in PLACEMENT_FIELDS):
        raise fault(
            "held_layer",
            "a layer inside another takes its input from it",
            "a layer without inputs, calls and keywords",
            "move them to the outer layer",
        )
    return layer


Held = AfterValidator(_check_unplaced)
"""Annotation of a field that holds a layer."""
UNIONS: dict[str, Any] = {}
"""Unions of layers by name, which `models.layers` adds once it has declared every type."""


@dataclass(frozen=True)
class OneOf:
    """Annotation of a field that holds any layer of a union, which has the holder among its own: it is looked up when
    the holder's validator is built.
    """

    union: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of the union."""
        return handler.generate_schema(UNIONS[self.union])


def check_held(field: str, layer: Layer, shape: Shape) -> None:
    """Refuse shapes that the layer in `field` would refuse on its own.

    Raises:
        LayerFault: its field starts with `field`, as in "layer/kernel_size".
    """
    _check_rank(field, layer, shape)
    try:
        layer.check_shapes((shape,))
    except LayerFault as inner:
        path = f"{field}/{inner.field}".rstrip("/")
        raise LayerFault(path, inner.message, inner.expected, inner.received, inner.suggestion) from inner


def _check_rank(field: str, layer: Layer, shape: Shape) -> None:
    ranks = (layer.input_rank,) if isinstance(layer.input_rank, int) else layer.input_rank
    if ranks is not None and len(shape) not in ranks:
        allowed = " or ".join(str(rank) for rank in ranks)
        raise LayerFault(
            field,
            f"{layer.keras_name()} meets an input of the wrong rank",
            f"{allowed} axes, the batch included",
            f"{len(shape)} axes: {list(shape)}",
        )

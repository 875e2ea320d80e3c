"""Serialisation of our layers' arguments as Keras writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from models.layers.block import Block
from models.layers.constants import ConstantArray
from models.layers.constraints import Constraint
from models.layers.initializers import Initializer
from models.layers.layer import Layer
from models.layers.named import Named
from models.layers.operations import Operation
from models.layers.operations_arranging import BroadcastToOp
from models.layers.operations_indexing import GetItemOp, Slice
from models.layers.operations_joining import TileOp
from models.layers.operations_reshaping import ReshapeOp
from models.layers.regularizers import Regularizer
from models.layers.reshaping import Reshape
from models.layers.sizes import Shape

MODULES: dict[type[Named], str] = {
    Initializer: "keras.initializers",
    Regularizer: "keras.regularizers",
    Constraint: "keras.constraints",
}
"""The module that Keras writes for each kind of object."""


SerialiseBlock = Callable[[Block], dict[str, Any]]
"""Serialises a block inside a layer."""


def layer_config(layer: Layer, name: str, serialise_block: SerialiseBlock) -> dict[str, Any]:
    """Serialise a layer or operation."""
    if isinstance(layer, ReshapeOp) and layer.keeps_batch and -1 in layer.target()[1:]:
        return layer_config(
            Reshape(target_shape=layer.target()[1:]), name, serialise_block
        )  # Keras' operation cannot say which axis is free
    arguments = {
        key: serialise(value, serialise_block)
        for key, value in layer.arguments().items()
        if key not in layer.call_fields and key not in layer.call_tensors()
    }
    if arguments.get("dtype", "") is None and not layer.operands:
        del arguments["dtype"]
    module = layer.keras_module if isinstance(layer, Operation) else layer.keras_modules[0]
    exported = module == "keras.layers"
    return {
        "module": module,
        "class_name": layer.keras_name(),
        "config": {"name": name, **arguments},
        "registered_name": None if exported else layer.keras_name(),
    }


def serialise(value: Any, serialise_block: SerialiseBlock) -> Any:
    """Serialise an argument as JSON."""
    match value:
        case Layer():
            return (
                serialise_block(value)
                if isinstance(value, Block)
                else layer_config(value, value.default_name(), serialise_block)
            )
        case Named():
            return _named(value, serialise_block)
        case ConstantArray():
            return {"class_name": "__numpy__", "config": {"value": value.value, "dtype": value.dtype}}
        case Slice():
            bounds = {"start": value.start, "stop": value.stop, "step": value.step}
            return {"class_name": "__slice__", "config": bounds}
        case list() | tuple():
            return [serialise(item, serialise_block) for item in value]
    return value


def _named(value: Named, serialise_block: SerialiseBlock) -> dict[str, Any]:
    """Serialise an initializer, a regularizer or a constraint."""
    fields = {
        name: serialise(getattr(value, name), serialise_block) for name in type(value).model_fields if name != "type"
    }
    module = next(module for base, module in MODULES.items() if isinstance(value, base))
    return {"module": module, "class_name": type(value).__name__, "config": fields, "registered_name": None}


def repeating(operation: BroadcastToOp, shapes: Sequence[Shape]) -> TileOp | None:
    """Return the operation that Keras can run for a batch of any size instead; None if the calls would need several.

    Keras' BroadcastTo wants a number as the length of the batch.
    """
    repeats = [operation.repeats(shape) for shape in shapes]
    return TileOp(repeats=repeats[0]) if all(other == repeats[0] for other in repeats) else None


def refuse_block(block: Block) -> dict[str, Any]:
    """Refuse a block where none is allowed."""
    raise TypeError(f"{block.default_name()} cannot stand here")


def operands_of(operation: Operation, tensors: list[Any]) -> list[Any]:
    """Return the positional arguments of an operation's call."""
    if isinstance(operation, GetItemOp):
        ellipsis = {"class_name": "__ellipsis__", "config": {}}
        return [*tensors, [ellipsis if item == "..." else serialise(item, refuse_block) for item in operation.key]]
    return [serialise(operand, refuse_block) for operand in operation.bind_operands(tensors)]

"""Our layers' arguments as Keras serialises them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.layers.block import Block
from models.layers.constants import Array
from models.layers.constraints import Constraint
from models.layers.initializers import Initializer
from models.layers.layer import Layer
from models.layers.named import Named
from models.layers.operations import Operation
from models.layers.operations_arranging import ReshapeOp
from models.layers.operations_indexing import GetItemOp, Slice
from models.layers.regularizers import Regularizer
from models.layers.reshaping import Reshape

MODULES: dict[type[Named], str] = {
    Initializer: "keras.initializers",
    Regularizer: "keras.regularizers",
    Constraint: "keras.constraints",
}


Held = Callable[[Block], dict[str, Any]]
"""What serialises a block that a layer holds."""


def layer_config(layer: Layer, name: str, held: Held) -> dict[str, Any]:
    """A serialised layer or operation."""
    if isinstance(layer, ReshapeOp) and -1 in layer.target():
        return layer_config(
            Reshape(target_shape=layer.target()), name, held
        )  # Keras' operation cannot say which axis is free
    arguments = {
        key: serialised(value, held) for key, value in layer.arguments().items() if key not in layer.call_fields
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


def serialised(value: Any, held: Held) -> Any:
    """An argument as JSON."""
    match value:
        case Layer():
            return held(value) if isinstance(value, Block) else layer_config(value, value.default_name(), held)
        case Named():
            return _named(value, held)
        case Array():
            return {"class_name": "__numpy__", "config": {"value": value.value, "dtype": value.dtype}}
        case Slice():
            bounds = {"start": value.start, "stop": value.stop, "step": value.step}
            return {"class_name": "__slice__", "config": bounds}
        case list() | tuple():
            return [serialised(item, held) for item in value]
    return value


def _named(value: Named, held: Held) -> dict[str, Any]:
    """An initializer, a regularizer or a constraint."""
    fields = {name: serialised(getattr(value, name), held) for name in type(value).model_fields if name != "type"}
    module = next(module for base, module in MODULES.items() if isinstance(value, base))
    return {"module": module, "class_name": type(value).__name__, "config": fields, "registered_name": None}


def no_block(block: Block) -> dict[str, Any]:
    """For what holds none."""
    raise TypeError(f"{block.default_name()} cannot stand here")


def operands_of(operation: Operation, tensors: list[Any]) -> list[Any]:
    """The positional arguments of an operation's call."""
    if isinstance(operation, GetItemOp):
        ellipsis = {"class_name": "__ellipsis__", "config": {}}
        return [*tensors, [ellipsis if item == "..." else serialised(item, no_block) for item in operation.key]]
    return [serialised(operand, no_block) for operand in operation.bound(tensors)]

"""Operations of keras.ops as documents write them: their arguments, without the number of rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from layerscope_client.keras.catalogue import OperationType
from layerscope_client.keras.constants import inline
from layerscope_client.keras.graph import Call, Rows, Tensor, merged
from layerscope_client.keras.layers import NotOurs, as_json

Fields = dict[str, Any]


def fields_of(call: Call, known: OperationType) -> Fields:
    """Return the fields of an operation without its operands.

    Raises:
        Untraceable: one cannot be written, or depends on the size of the batch.
    """
    fields = {name: _field(call, name) for name in known.fields}
    rewrite = REWRITTEN.get(known.type)
    fields = fields if rewrite is None else rewrite(call, fields)
    try:
        return {name: _json(value) for name, value in fields.items() if value is not None}
    except NotOurs as error:
        raise call.refusal(f"its {known.type} has an argument that a document cannot say ({error})") from None


def _field(call: Call, name: str) -> Any:
    """Return an argument of the call, else of the operation itself."""
    if name in call.arguments:
        return call.arguments[name]
    one, other = (getattr(operation, name, None) for operation in (call.operation, call.other))
    return merged(_plain(one), _plain(other), call)


def _plain(value: Any) -> Any:
    """Return numbers that Python may have as arrays of one element."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "numpy"):
        return np.asarray(value).tolist()
    return value


def _json(value: Any) -> Any:
    if isinstance(value, Tensor) and value.values is not None and value.values.size <= 1:
        return value.values.reshape(-1)[0].item()
    if isinstance(value, Rows):
        raise NotOurs("the size of the batch")
    if isinstance(value, float):
        return inline(value)
    return [_json(item) for item in value] if isinstance(value, list | tuple) else as_json(value)


def _source(call: Call) -> Tensor:
    return next(call.tensors())


def _reshape(call: Call, _: Fields) -> Fields:
    """Name every length of the result but the batch's; with free lengths among them, the batch stays where it is."""
    shape = call.outputs[0].shape
    if None not in shape:
        return {"newshape": [-1 if isinstance(length, Rows) else length for length in shape]}
    if not isinstance(shape[0], Rows) or shape.count(None) > 1:
        raise call.refusal("it reshapes a tensor with several free lengths", "Fix the sizes of the inputs.")
    return {"newshape": [None, *(-1 if length is None else length for length in shape[1:])]}


def _broadcast(call: Call, _: Fields) -> Fields:
    return {"shape": [None if isinstance(length, Rows) else length for length in call.outputs[0].shape]}


def _tile(call: Call, fields: Fields) -> Fields:
    """Have a number for each axis."""
    repeats = fields["repeats"]
    repeats = [repeats] if isinstance(repeats, int) else list(repeats)
    return {"repeats": [1] * (len(_source(call).shape) - len(repeats)) + repeats}


def _squeeze(call: Call, fields: Fields) -> Fields:
    if fields["axis"] is not None:
        return fields
    return {"axis": [axis for axis, length in enumerate(_source(call).shape) if length == 1]}


def _transpose(call: Call, fields: Fields) -> Fields:
    rank = len(_source(call).shape)
    axes = fields["axes"]
    return {"axes": list(reversed(range(rank))) if axes is None else [axis % rank for axis in axes]}


def _unstack(call: Call, fields: Fields) -> Fields:
    return fields | {"num": len(call.outputs)}


def _slice(call: Call, _: Fields) -> Fields:
    """Name the length of every axis; -1 for that of the batch, which is taken whole."""
    lengths = [-1 if isinstance(length, Rows) or length is None else length for length in call.outputs[0].shape]
    return {"shape": lengths}


def _pad(_: Call, fields: Fields) -> Fields:
    mode = fields.get("mode") or "constant"
    return fields | {"constant_values": fields.get("constant_values") if mode == "constant" else None}


def _repeat(call: Call, fields: Fields) -> Fields:
    if isinstance(fields["repeats"], list):
        if len(set(fields["repeats"])) > 1:
            raise call.refusal("it repeats elements, each another number of times")
        fields["repeats"] = fields["repeats"][0]
    return fields


def _one_hot(call: Call, fields: Fields) -> Fields:
    if fields["axis"] not in (-1, len(call.outputs[0].shape) - 1):
        raise call.refusal("its one_hot puts the classes on another axis than the last", "Move them with ops.moveaxis.")
    return fields | {"axis": -1, "sparse": False}


def _norm(_: Call, fields: Fields) -> Fields:
    order = fields["ord"]
    return fields | {"ord": None if order in (None, "fro", "euclidean") else int(order)}


def _softmax(_: Call, fields: Fields) -> Fields:
    return fields if fields["axis"] is not None else fields | {"axis": -1}


def _attention(_: Call, fields: Fields) -> Fields:
    return fields | {"flash_attention": None}


def _finite(_: Call, fields: Fields) -> Fields:
    """Leave out a limit that is none."""
    return {name: value for name, value in fields.items() if not (isinstance(value, float) and math.isinf(value))}


REWRITTEN: Mapping[str, Callable[[Call, Fields], Fields]] = {
    "ops.broadcast_to": _broadcast,
    "ops.dot_product_attention": _attention,
    "ops.max": _finite,
    "ops.min": _finite,
    "ops.norm": _norm,
    "ops.one_hot": _one_hot,
    "ops.pad": _pad,
    "ops.repeat": _repeat,
    "ops.reshape": _reshape,
    "ops.slice": _slice,
    "ops.softmax": _softmax,
    "ops.squeeze": _squeeze,
    "ops.tile": _tile,
    "ops.transpose": _transpose,
    "ops.unstack": _unstack,
}
"""By type: how the fields of a call are written where they are not those of Keras' operation."""


def index(key: Any, shape: tuple[Any, ...], call: Call) -> list[Any]:
    """Return the key of `x[key]` as documents write it: the whole batch is `{}`.

    Raises:
        Untraceable: it has tensors, or takes some rows of the batch only.
    """
    items = list(key) if isinstance(key, tuple | list) else [key]
    known = sum(item is not None and item is not Ellipsis for item in items)
    written, axis = [], 0
    for item in items:
        if item is Ellipsis:
            axis += len(shape) - known
        written.append(_item(item, shape[axis] if axis < len(shape) else None, call))
        axis += item is not None and item is not Ellipsis
    return written


def _item(item: Any, length: Any, call: Call) -> Any:
    if item is Ellipsis:
        return "..."
    if isinstance(item, slice):
        bounds = {"start": item.start, "stop": item.stop, "step": item.step}
        if isinstance(length, Rows) and item.stop == length and item.start in (None, 0) and item.step in (None, 1):
            return {}
        bounds = {name: _json(bound) for name, bound in bounds.items() if bound is not None}
        return {} if bounds == {"start": 0} and isinstance(length, Rows) else bounds
    value = _plain(item) if not isinstance(item, Tensor) else item.values.tolist() if item.values is not None else item
    if value is None or type(value) is int:
        return value
    raise call.refusal("it takes the elements of a tensor that another tensor or a list names", "Use ops.take.")

"""Operations of TensorFlow between the layers of a Keras-2 model, as `keras.ops`: a closed list of functions.

Source: tf_keras.src.layers.core.tf_op_layer; the names of arguments are those of TensorFlow's functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.errors import InvalidDocument, did_you_mean, shown
from models.reading.keras_json.site import Site
from models.reading.keras_json.tensors import is_tensor
from models.reading.older_keras.calls import Graph, is_constant, items_of, keywords_of, modern_argument, tensor_of
from models.reading.older_keras.functions import FUNCTIONS, Function

OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty")
"""Classes that Keras 2 wrote for what is not a layer."""
IDENTITY = "Identity"
SLICE = "slice_spec"
"""The argument of a slice."""
Entry = dict[str, Any]
Call = dict[str, tuple[Any, Site]]
"""The arguments of a call by their names, tensors and constants, with their sites."""


def is_operation(entry: Entry) -> bool:
    """Whether a serialised layer is an operation."""
    return entry.get("class_name") in OPERATIONS


def modern_operation(entry: Entry, name: str, nodes: Sequence[tuple[Any, Site]], graph: Graph, site: Site) -> Entry:
    """Rewrite an operation and its calls.

    Raises:
        InvalidDocument: the function, or an argument of it, has no equivalent.
    """
    function = _function(entry, site)
    calls = [_call(node, function, graph, place) for node, place in nodes]
    _check_dtype(calls, function, graph, site.reading("config", "function"))
    for argument, (_, place) in calls[0].items() if calls else ():
        if argument in function.fields:
            place.into(site, "config", function.fields[argument])
    fields = [_fields(call, function) for call in calls]
    for other, (_, place) in zip(fields, nodes, strict=True):
        if other != fields[0]:
            raise place.refusal("the calls of one operation differ in their arguments", "the same in all", "another")
    module, kind = (
        ("keras.layers", IDENTITY) if function.op == IDENTITY else ("keras.src.ops.numpy", function.class_name)
    )
    return {
        "module": module, "class_name": kind, "name": name, "registered_name": None,
        "config": {"name": name, **(fields[0] if fields else {})},
        "inbound_nodes": [
            {"args": _args(call, function, place), "kwargs": {}} for call, (_, place) in zip(calls, nodes, strict=True)
        ],
    }  # fmt: skip


def _check_dtype(calls: Sequence[Call], function: Function, graph: Graph, site: Site) -> None:
    """Refuse to resize what may not be float32: TensorFlow returns float32 except for `nearest`, and Keras 3 the dtype
    that it is given.
    """
    if (
        function.of_float32
        and not graph.is_float32
        and any(call.get("method", ("",))[0] != "nearest" for call in calls)
    ):
        message = "tf.image.resize returns float32, and Keras 3 the dtype that it is given"
        expected = "float32 of all inputs and layers, no tf.cast and no model inside, or the method nearest"
        raise site.refusal(message, expected, "a dtype that may be another")


def _function(entry: Entry, site: Site) -> Function:
    """Return the function of an operation."""
    config = site.at("config").object(entry.get("config"), "config")
    word = config.get("function")
    if entry["class_name"] in ("TFOpLambda", "SlicingOpLambda") and isinstance(word, str) and word in FUNCTIONS:
        return FUNCTIONS[word]
    near = did_you_mean(word, FUNCTIONS) if isinstance(word, str) else None
    what = f"tf.{word}" if isinstance(word, str) and word.isascii() and len(word) < 80 else entry["class_name"]
    raise site.reading("config", "function").refusal(
        f"{what} is not among the functions of TensorFlow that are read in a model of Keras 2",
        f"one of {', '.join(sorted(FUNCTIONS))}", shown(word), f"the nearest is {near}" if near else None,
    )  # fmt: skip


def _call(node: Any, function: Function, graph: Graph, site: Site) -> Call:
    """Return the arguments of one call."""
    items, is_list = items_of(node, graph, site)
    first, *_ = function.operands
    values = [item[2] if is_constant(item) else tensor_of(item, graph) for item, _ in items]
    is_list = is_list and (function.takes_list or len(values) != 1)
    if is_list != function.takes_list:
        raise site.refusal("this function takes another number of tensors first", "one, or a list of them", "another")
    call: Call = {first: (values if is_list else values[0], items[0][1] if items and not is_list else site)}
    for name, value, place in keywords_of(items):
        if name not in ("name", "training"):
            call[name] = (modern_argument(value, graph), place)
    for name, (value, place) in call.items():
        _check_argument(name, value, function, place)
    if function.key is not None:
        return call | {SLICE: _sliced(call, function, site)}
    return call


def _sliced(call: Call, function: Function, site: Site) -> tuple[Any, Site]:
    """Return the key of a slice, as the last operand."""
    if SLICE not in call or function.key is None:
        raise site.refusal("a slice needs its key", f"the keyword argument {SLICE}", "none")
    spec, place = call[SLICE]
    try:
        return function.key(spec), place
    except (AttributeError, ValueError):
        message = "only numbers and ranges are read as the key of a slice"
        raise place.refusal(message, "integers, null, ..., or start, stop and step", shown(spec)) from None


def _check_argument(name: str, value: Any, function: Function, site: Site) -> None:
    if name in function.operands or name in function.fields or (name == SLICE and function.key is not None):
        return
    if name not in function.neutral:
        read = [*function.fields, *function.neutral]
        expected = f"one of {', '.join(read)}" if read else "none but its tensors"
        raise site.refusal(f"{name} of this function is not read", expected, shown(value))
    if value is not None and value != function.neutral[name]:
        raise site.refusal(f"{name} of this function is not read", f"{function.neutral[name]!r}", shown(value))


def _operand(value: Any, dtype: str | None) -> Any:
    """Return a tensor, several, or a constant; an array of numbers has the dtype of the tensor beside it."""
    if not isinstance(value, list) or any(isinstance(item, dict) for item in value):
        return value
    dtype = dtype or ("float32" if _has_fractions(value) else "int32")
    return {"class_name": "__numpy__", "config": {"value": value, "dtype": dtype}}


def _has_fractions(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, list) and any(map(_has_fractions, value)))


def _fields(call: Call, function: Function) -> Entry:
    """Return the arguments that are fields of the operation."""
    given = {function.fields[name]: value for name, (value, _) in call.items() if name in function.fields}
    fields = function.defaults | {name: value for name, value in given.items() if value is not None}
    convert = function.convert
    try:
        return fields if convert is None else convert(fields)
    except (TypeError, ValueError, KeyError, ArithmeticError):
        site = next(iter(call.values()))[1]
        raise _unreadable(site, fields) from None


def _unreadable(site: Site, fields: Entry) -> InvalidDocument:
    return site.refusal("the arguments of this function cannot be read", "constants", shown(fields))


def _args(call: Call, function: Function, site: Site) -> list[Any]:
    """Return the operands, in the order of the operation, and record where each is."""
    for number, name in enumerate((*function.operands, *(() if function.key is None else (SLICE,)))):
        if name in call:
            call[name][1].into(site, "args", number)
    dtype = next((value["config"]["dtype"] for value, _ in call.values() if is_tensor(value)), None)
    args = [_operand(call[name][0], dtype) if name in call else None for name in function.operands]
    return args if function.key is None else [*args, call[SLICE][0]]

"""The operations of keras.ops in the catalog, compared with the functions of the installed Keras."""

from __future__ import annotations

import inspect
import json
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from models.engine.operations import OperationLayer
from models.engine.shaping import shape_network
from models.layers import CATALOGUE, names_of
from models.layers.layer import GRAPH_FIELDS, LayerFault, Shape
from models.layers.operations import Operation
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.writing.keras_json import Planned, keras_json_of

OPERATIONS = {name: cls for name, cls in CATALOGUE.items() if issubclass(cls, Operation)}
every_operation = pytest.mark.parametrize("name", OPERATIONS)
NO_DEFAULT = {"axis", "axes"}
"""Keras' defaults for these include the batch axis."""
REQUIRED = {"indices_or_sections", "num"}
"""The number of tensors has to be known before the shapes are, from which Keras takes it."""


def function(cls: type[Operation]) -> Any:
    return getattr(keras.ops, cls.function())


@every_operation
def test_arguments_match_the_function(name: str) -> None:
    """None is missing or extra; defaults are Keras', except for axes that include the batch."""
    cls = OPERATIONS[name]
    parameters = inspect.signature(function(cls)).parameters
    fields = {field for field in cls.model_fields if field not in GRAPH_FIELDS | cls.not_taken}
    assert fields | set(cls.operands) == set(parameters)
    for field in fields - NO_DEFAULT - set(cls.operands):
        info = cls.model_fields[field]
        default = parameters[field].default
        assert info.is_required() == (default is inspect.Parameter.empty or field in REQUIRED)
        assert info.is_required() or info.default == default


@every_operation
def test_aliases_are_keras_functions(name: str) -> None:
    """Every name of an operation is exported by keras.ops."""
    for alias in names_of(OPERATIONS[name]):
        assert callable(getattr(keras.ops, alias.removeprefix("ops.")))


@every_operation
def test_class_and_module_match_those_serialized_by_keras(name: str) -> None:
    """They are used for import and export."""
    cls = OPERATIONS[name]
    module = __import__(cls.keras_module, fromlist=["_"])
    assert issubclass(getattr(module, cls.keras_name()), keras.Operation)


REFUSED = [
    ("ops.mean", {"axis": 0}),
    ("ops.mean", {"axis": None}),
    ("ops.mean", {}),
    ("ops.transpose", {"axes": [1, 0]}),
    ("ops.reshape", {"newshape": [4, -1]}),
    ("ops.reshape", {"newshape": [-1, -1, 3]}),
    ("ops.reshape", {"newshape": [None, -1, -1]}),
    ("ops.reshape", {"newshape": [None, 0]}),
    ("ops.expand_dims", {"axis": 0}),
    ("ops.concatenate", {"axis": 0}),
    ("ops.get_item", {"key": [0]}),
    ("ops.get_item", {"key": [None, 0]}),
    ("ops.get_item", {"key": [{"start": 1}, 0]}),
    ("ops.get_item", {"key": ["...", "...", 0]}),
    ("ops.get_item", {"key": [{}, {"step": 0}]}),
    ("ops.add", {"x1": 1, "x2": 2}),
    ("ops.add", {"x2": float("nan")}),
    ("ops.add", {"x2": 2**60}),
    ("ops.add", {"x2": True}),
    ("ops.add", {"x2": "1"}),
    ("ops.add", {"x2": {"value": [[1, 2], [3]]}}),
    ("ops.add", {"x2": {"value": []}}),
    ("ops.add", {"x2": {"value": ["1"]}}),
    ("ops.add", {"x2": {"value": [[[[[[[[[1]]]]]]]]]}}),
    ("ops.take", {"indices": [0.5], "axis": 1}),
    ("ops.split", {"indices_or_sections": 65, "axis": 1}),
    ("ops.one_hot", {"num_classes": 3, "axis": 1}),
    ("ops.add", {"trainable": False}),
    ("ops.roll", {"shift": [1, 2], "axis": 1}),
    ("ops.roll", {"shift": 1, "axis": [1, 2]}),
    ("ops.roll", {"shift": [1, 2], "axis": [0, 1]}),
    ("ops.broadcast_to", {"shape": [2, 4]}),
    ("ops.broadcast_to", {"shape": [None, None]}),
    ("ops.unstack", {"num": 2, "axis": 0}),
    ("ops.unstack", {"num": 65, "axis": 1}),
    ("ops.unstack", {"axis": 1}),
    ("ops.slice", {"start_indices": [1, 0], "shape": [-1, 2]}),
    ("ops.slice", {"start_indices": [0, 0], "shape": [2, 2]}),
    ("ops.slice", {"start_indices": [0, 0], "shape": [-1, 0]}),
    ("ops.take_along_axis", {"axis": 0}),
    ("ops.take_along_axis", {"axis": 1, "indices": 3}),
    ("ops.take_along_axis", {"axis": 1, "indices": {"value": [[0.5]]}}),
    ("ops.add", {"dtype": "float32"}),
]


@pytest.mark.parametrize(("name", "arguments"), REFUSED)
def test_invalid_arguments_are_rejected_without_a_shape(name: str, arguments: dict[str, Any]) -> None:
    """Those that would mix rows, and invalid values."""
    with pytest.raises(ValidationError):
        OPERATIONS[name].model_validate(arguments)


UNFIT = [
    ("ops.add", {}, [(None, 4, 3), (None, 3)], "inputs"),
    ("ops.add", {}, [(None, 4, 3), (None, 4, 2)], "inputs"),
    ("ops.add", {"x2": {"value": [1, 2]}}, [(None, 3)], "inputs"),
    ("ops.add", {"x2": {"value": [[1, 2, 3], [1, 2, 3]]}}, [(None, 3)], "inputs"),
    ("ops.matmul", {}, [(None, 3), (None, 3)], "inputs"),
    ("ops.matmul", {}, [(None, 4, 3), (None, 4, 3)], "inputs"),
    ("ops.matmul", {}, [(None, 2, 4, 3), (None, 3, 4)], "inputs"),
    ("ops.matmul", {"x1": {"value": [[1.0, 2.0]]}}, [(None, 2)], "inputs"),
    ("ops.matmul", {"x2": 3}, [(None, 2)], "inputs"),
    ("ops.matmul", {"x2": {"value": [[[1.0], [2.0]]] * 2}}, [(None, 2)], "inputs"),
    ("ops.matmul", {"x2": {"value": [[[1.0], [2.0]]] * 2}}, [(None, 4, 2)], "inputs"),
    ("ops.matmul", {"x2": {"value": [1.0, 2.0]}}, [(None, 4, 3)], "inputs"),
    ("ops.matmul", {"x1": {"value": [1.0, 2.0]}}, [(None, 2)], "inputs"),
    ("ops.where", {}, [(None, 1, 3), (None, 3), (None, 1, 3)], "inputs"),
    ("ops.add", {"x1": {"value": [[[1.0]]]}}, [(None, 3)], "inputs"),
    ("ops.roll", {"shift": 1, "axis": 2}, [(None, 3)], "axis"),
    ("ops.get_item", {"key": [{}, {"start": 0, "step": -1, "stop": 2}]}, [(None, 3)], "key"),
    ("ops.broadcast_to", {"shape": [None, 4, 3]}, [(None, 3)], "shape"),
    ("ops.broadcast_to", {"shape": [None, 4]}, [(None, 3)], "shape"),
    ("ops.broadcast_to", {"shape": [None, 4]}, [(None, None)], "inputs"),
    ("ops.unstack", {"num": 2, "axis": 1}, [(None, 3)], "num"),
    ("ops.unstack", {"num": 2, "axis": 2}, [(None, 3)], "axis"),
    ("ops.slice", {"start_indices": [0, 2], "shape": [-1, 2]}, [(None, 3)], "shape"),
    ("ops.slice", {"start_indices": [0, 3], "shape": [-1, -1]}, [(None, 3)], "shape"),
    ("ops.slice", {"start_indices": [0], "shape": [-1, 1]}, [(None, 3)], "start_indices"),
    ("ops.slice", {"start_indices": [0, 0], "shape": [-1]}, [(None, 3)], "shape"),
    ("ops.take_along_axis", {"axis": 1, "indices": {"value": [[3]], "dtype": "int32"}}, [(None, 3)], "indices"),
    ("ops.take_along_axis", {"axis": 1, "indices": {"value": [[0], [0]], "dtype": "int32"}}, [(None, 3)], "inputs"),
    ("ops.take_along_axis", {"axis": 1, "indices": {"value": [0], "dtype": "int32"}}, [(None, 3)], "inputs"),
    ("ops.take_along_axis", {"axis": 1}, [(None, 3), (None, 3, 1)], "inputs"),
    ("ops.take_along_axis", {"axis": 1}, [(None, 3, 4), (None, 3, 2)], "inputs"),
    ("ops.mean", {"axis": 2}, [(None, 3)], "axis"),
    ("ops.mean", {"axis": -2}, [(None, 3)], "axis"),
    ("ops.squeeze", {"axis": 1}, [(None, 3)], "axis"),
    ("ops.squeeze", {"axis": 1}, [(None, None)], "axis"),
    ("ops.expand_dims", {"axis": -3}, [(None, 3)], "axis"),
    ("ops.reshape", {"newshape": [-1, 6]}, [(None, 4, 3)], "newshape"),
    ("ops.reshape", {"newshape": [-1, 6]}, [(None, None, 6)], "newshape"),
    ("ops.reshape", {"newshape": [None, -1, 5]}, [(None, 4, 3)], "newshape"),
    ("ops.transpose", {"axes": [0, 2, 1]}, [(None, 3)], "axes"),
    ("ops.tile", {"repeats": [2, 1]}, [(None, 3)], "repeats"),
    ("ops.pad", {"pad_width": [[1, 0], [0, 0]]}, [(None, 3)], "pad_width"),
    ("ops.pad", {"pad_width": [[0, 0], [3, 0]], "mode": "reflect"}, [(None, 3)], "pad_width"),
    ("ops.take", {"indices": [3], "axis": 1}, [(None, 3)], "indices"),
    ("ops.top_k", {"k": 4}, [(None, 3)], "k"),
    ("ops.top_k", {"k": 1}, [(5,)], "k"),
    ("ops.split", {"indices_or_sections": 2, "axis": 1}, [(None, 3)], "indices_or_sections"),
    ("ops.split", {"indices_or_sections": [2, 1], "axis": 1}, [(None, 3)], "indices_or_sections"),
    ("ops.get_item", {"key": [{}, 3]}, [(None, 3)], "key"),
    ("ops.get_item", {"key": [{}, {"start": 3}]}, [(None, 3)], "key"),
    ("ops.get_item", {"key": [{}, 0, 0]}, [(None, 3)], "key"),
    ("ops.get_item", {"key": ["...", 0, 0]}, [(None, 3)], "key"),
    ("ops.stack", {"axis": 1}, [(None, 3), (None, 2)], "inputs"),
    ("ops.moveaxis", {"source": [1, 2], "destination": 1}, [(None, 3, 4)], "destination"),
]


@pytest.mark.parametrize(("name", "arguments", "shapes", "field"), UNFIT)
def test_invalid_shapes_are_rejected(name: str, arguments: dict[str, Any], shapes: list[Shape], field: str) -> None:
    """The fault names the argument, before TensorFlow is called."""
    with pytest.raises(LayerFault) as refused:
        OPERATIONS[name].model_validate(arguments).check_shapes(tuple(shapes))
    assert refused.value.field == field
    assert refused.value.expected


def test_operations_neither_cast_nor_propagate_masks() -> None:
    """As in Keras' own graphs, where they are not layers."""
    made = OperationLayer(OPERATIONS["ops.add"].model_validate({"x2": 1}), "l0")
    x = keras.ops.ones((2, 3), "float16")
    x._keras_mask = keras.ops.ones((2, 3), "bool")
    y = made([x])
    assert y.dtype.name == "float16"
    assert getattr(y, "_keras_mask", None) is None


def test_broadcast_to_keeps_the_batch_free_and_is_exported_as_tile() -> None:
    """Keras' own BroadcastTo cannot be run for a batch of any size."""
    operation = {"type": "ops.broadcast_to", "shape": [None, 4, 3], "name": "wide"}
    network = expand(parse_document({"input": {"x": [1, 3]}, "layers": [operation]}))
    symbolic = shape_network(network, {"x": (None, 1, 3)})
    assert symbolic.shape("wide") == (None, 4, 3)
    x = np.arange(6, dtype="float32").reshape(2, 1, 3)
    repeated = np.broadcast_to(x, (2, 4, 3))
    np.testing.assert_array_equal(OperationLayer(network.nodes[0].layer, "l0")([x]), repeated)
    tensors = {address: (symbolic.shape(address), symbolic.dtype(address)) for address in ("x", "wide")}
    exported = keras.models.model_from_json(json.dumps(keras_json_of(Planned(network, tensors))))
    np.testing.assert_array_equal(exported(x), repeated)

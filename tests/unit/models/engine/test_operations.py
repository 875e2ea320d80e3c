"""The operations of keras.ops in the catalog, compared with the functions of the installed Keras."""

from __future__ import annotations

import inspect
import json
from operator import attrgetter
from random import Random
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from models.engine.operations import OperationLayer
from models.engine.shaping import shape_network
from models.layers import CATALOGUE, names_of
from models.layers.batch_axis import FIRST
from models.layers.faults import LayerFault
from models.layers.layer import GRAPH_FIELDS
from models.layers.operations import Operation
from models.layers.sizes import Shape
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
    return attrgetter(cls.function())(keras.ops)


@every_operation
def test_arguments_match_the_function(name: str) -> None:
    """None is missing or extra; defaults are Keras', except for axes that include the batch."""
    cls = OPERATIONS[name]
    parameters = inspect.signature(function(cls)).parameters
    fields = {field for field in cls.model_fields if field not in GRAPH_FIELDS | cls.not_taken}
    several = [name for name, one in parameters.items() if one.kind == inspect.Parameter.VAR_POSITIONAL]
    assert fields | set(cls.operands) == set(parameters) - {*several, "kwargs"} | set(cls.operands if several else ())
    for field in fields - NO_DEFAULT - set(cls.operands):
        info = cls.model_fields[field]
        default = parameters[field].default
        assert info.is_required() == (default is inspect.Parameter.empty or field in REQUIRED)
        assert info.is_required() or info.default == default


@every_operation
def test_aliases_are_keras_functions(name: str) -> None:
    """Every name of an operation is exported by keras.ops."""
    for alias in names_of(OPERATIONS[name]):
        assert callable(attrgetter(alias.removeprefix("ops."))(keras.ops))


@every_operation
def test_class_and_module_match_those_serialized_by_keras(name: str) -> None:
    """They are used for import and export."""
    cls = OPERATIONS[name]
    module = __import__(cls.keras_module, fromlist=["_"])
    assert issubclass(getattr(module, cls.keras_name()), keras.Operation)


REFUSED = [
    ("ops.mean", {"axis": None}),
    ("ops.mean", {}),
    ("ops.transpose", {"axes": [1, 1]}),
    ("ops.transpose", {"axes": [1, 2]}),
    ("ops.reshape", {"newshape": [4, 3]}),
    ("ops.reshape", {"newshape": [4, None]}),
    ("ops.reshape", {"newshape": [-1, -1, 3]}),
    ("ops.reshape", {"newshape": [None, -1, -1]}),
    ("ops.reshape", {"newshape": [None, 0]}),
    ("ops.expand_dims", {}),
    ("ops.concatenate", {"axis": 9}),
    ("ops.get_item", {"key": []}),
    ("ops.get_item", {"key": [True]}),
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
    ("ops.broadcast_to", {"shape": [2, 4]}),
    ("ops.broadcast_to", {"shape": [None, None]}),
    ("ops.unstack", {"num": 65, "axis": 1}),
    ("ops.unstack", {"axis": 1}),
    ("ops.slice", {"start_indices": [0, 0], "shape": [-1, 0]}),
    ("ops.conv", {}),
    ("ops.conv", {"kernel": 2}),
    ("ops.depthwise_conv", {}),
    ("ops.max_pool", {}),
    ("ops.max_pool", {"pool_size": [2, 2, 2, 2]}),
    ("ops.image.extract_patches", {"size": [2]}),
    ("ops.image.resize", {"size": [2]}),
    ("ops.image.resize", {"size": [2, 3], "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}),
    ("ops.depth_to_space", {"block_size": 1}),
    ("ops.einsum", {"subscripts": "bij,...j->bi"}),
    ("ops.einsum", {"subscripts": "bij->bii"}),
    ("ops.einsum", {"subscripts": "bij->bk"}),
    ("ops.einsum", {"subscripts": "bij->bi", "x2": {"value": [[1.0]]}}),
    ("ops.einsum", {"subscripts": "bij", "x1": {"value": [[[1.0]]]}}),
    ("ops.einsum", {"subscripts": "bIi,bi->bi"}),
    ("ops.einsum", {"subscripts": "b,b,b,b,b->b"}),
    ("ops.einsum", {"subscripts": "b->b->b"}),
    ("ops.einsum", {"subscripts": "b....->b..."}),
    ("ops.tensordot", {"axes": [[1], [0, 1]]}),
    ("ops.tensordot", {"axes": -1}),
    ("ops.dot", {"x1": 1, "x2": 2}),
    ("ops.dot_product_attention", {"mask": {"value": [[1.0]]}}),
    ("ops.dot_product_attention", {"flash_attention": True}),
    ("ops.dot_product_attention", {"attn_logits_soft_cap": 1.0}),
    ("ops.take_along_axis", {"axis": 0}),
    ("ops.take_along_axis", {"axis": 1, "indices": 3}),
    ("ops.take_along_axis", {"axis": 1, "indices": {"value": [[0.5]]}}),
    ("ops.add", {"dtype": "float32"}),
]


@pytest.mark.parametrize(("name", "arguments"), REFUSED)
def test_invalid_arguments_are_rejected_without_a_shape(name: str, arguments: dict[str, Any]) -> None:
    """Whatever the input is."""
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
    ("ops.matmul", {"x2": {"value": [[[1.0], [2.0]]] * 2}}, [(None, 4, 2)], "inputs"),
    ("ops.matmul", {"x2": {"value": [1.0, 2.0]}}, [(None, 4, 3)], "inputs"),
    ("ops.matmul", {"x1": {"value": [1.0, 2.0]}}, [(None, 2)], "inputs"),
    ("ops.where", {}, [(None, 1, 3), (None, 3), (None, 1, 3)], "inputs"),
    ("ops.roll", {"shift": [1, 2], "axis": [0, 1]}, [(None, 3)], "axis"),
    ("ops.unstack", {"num": 2, "axis": 0}, [(None, 3)], "axis"),
    ("ops.slice", {"start_indices": [1, 0], "shape": [-1, 2]}, [(None, 3)], "shape"),
    ("ops.slice", {"start_indices": [0, 0], "shape": [2, 2]}, [(None, 3)], "shape"),
    ("ops.einsum", {"subscripts": "ij,jk->ik"}, [(None, 3), (None, 3)], "subscripts"),
    ("ops.einsum", {"subscripts": "bij,bjk->ibk"}, [(None, 4, 3), (None, 3, 5)], "subscripts"),
    ("ops.einsum", {"subscripts": "bij,bjk->ik"}, [(None, 4, 3), (None, 3, 5)], "subscripts"),
    ("ops.einsum", {"subscripts": "bij,cj->bic"}, [(None, 4, 3), (None, 3)], "subscripts"),
    ("ops.einsum", {"subscripts": "bij,bjk"}, [(None, 4, 3), (None, 3, 5)], "subscripts"),
    ("ops.einsum", {"subscripts": "bib,bi->bi"}, [(None, 4, 4), (None, 4)], "subscripts"),
    ("ops.einsum", {"subscripts": "bij,bj->bi", "x2": {"value": [[1.0]]}}, [(None, 4, 1)], "subscripts"),
    ("ops.einsum", {"subscripts": "...i,bi->b..."}, [(None, 3), (None, 3)], "subscripts"),
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
    ("ops.max_pool", {"pool_size": 5}, [(None, 4, 4, 3)], "pool_size"),
    ("ops.average_pool", {"pool_size": [2, 2]}, [(None, 4, 3)], "pool_size"),
    ("ops.max_pool", {"pool_size": 2, "strides": [1, 2, 3]}, [(None, 4, 4, 3)], "strides"),
    ("ops.conv", {"kernel": {"value": [[[1.0]]]}}, [(None, 4, 4, 1)], "kernel"),
    ("ops.conv", {"kernel": {"value": [[[1.0]]]}}, [(None, 4, 2)], "kernel"),
    ("ops.conv", {"kernel": {"value": [[[1.0]]]}}, [(None, 4, None)], "inputs"),
    ("ops.conv", {"kernel": {"value": [[[1.0]]] * 5}}, [(None, 4, 1)], "kernel"),
    ("ops.conv", {"kernel": {"value": [[[1.0]]] * 2}, "strides": 2, "dilation_rate": 2}, [(None, 4, 1)], ""),
    ("ops.depthwise_conv", {"kernel": {"value": [[[[1.0]]]]}, "strides": [1, 2]}, [(None, 4, 4, 1)], ""),
    ("ops.image.extract_patches", {"size": 5}, [(None, 4, 4, 1)], "size"),
    ("ops.image.extract_patches", {"size": 2}, [(None, 4, 4, 4, 1)], "size"),
    ("ops.image.extract_patches", {"size": 2, "dilation_rate": 2}, [(None, 4, 4, 1)], ""),
    ("ops.image.extract_patches", {"size": 1024, "padding": "same"}, [(None, 4, 4, 3)], "size"),
    ("ops.depth_to_space", {"block_size": 2}, [(None, 4, 4, 6)], "block_size"),
    ("ops.space_to_depth", {"block_size": 3}, [(None, 4, 6, 1)], "block_size"),
    ("ops.einsum", {"subscripts": "bij,bjk->bik"}, [(None, 4, 3), (None, 4, 3)], "inputs"),
    ("ops.einsum", {"subscripts": "bij,bjk->bik"}, [(None, 4, 1), (None, 4, 3)], "inputs"),
    ("ops.einsum", {"subscripts": "bij,bjk->bik"}, [(None, 4, 3), (None, 3)], "inputs"),
    ("ops.einsum", {"subscripts": "...ij,...j->...i"}, [(None, 4, 3), (None, 5, 3)], "inputs"),
    ("ops.einsum", {"subscripts": "...ij,...j->...i"}, [(None, 4, 3), (3,)], "inputs"),
    ("ops.einsum", {"subscripts": "...ij->...i"}, [(None, 3)], "inputs"),
    ("ops.einsum", {"subscripts": "...i,...->...i", "x2": {"value": [1, 2]}}, [(None, 3)], "inputs"),
    ("ops.einsum", {"subscripts": "b...,b...->b..."}, [(None, 3), (None, 4)], "inputs"),
    ("ops.tensordot", {"axes": 1}, [(None, 3), (None, 3)], "inputs"),
    ("ops.tensordot", {"axes": 2, "x2": {"value": [[1.0], [2.0]]}}, [(2, 2)], "inputs"),
    ("ops.tensordot", {"axes": 2, "x2": {"value": [1.0]}}, [(None, 3)], "axes"),
    ("ops.tensordot", {"axes": [[0], [0]], "x2": {"value": [1.0]}}, [(None, 3)], "inputs"),
    ("ops.tensordot", {"axes": [[1, -1], [0, 1]], "x2": {"value": [[1.0]]}}, [(None, 3)], "axes"),
    ("ops.tensordot", {"axes": [[2], [0]], "x2": {"value": [1.0]}}, [(None, 3)], "axes"),
    ("ops.tensordot", {"axes": 0, "x1": {"value": [1.0]}}, [(None, 3)], "inputs"),
    ("ops.dot", {}, [(None, 3), (None, 3)], "inputs"),
    ("ops.dot", {"x2": {"value": [1.0, 2.0]}}, [(None, 3)], "inputs"),
    ("ops.dot", {"x2": {"value": [1.0]}}, [(1,)], "inputs"),
    ("ops.dot", {"x1": {"value": [1.0, 2.0]}}, [(None, 3)], "inputs"),
    ("ops.dot", {"x1": {"value": [[1.0, 2.0]]}}, [(None, 2, 3)], "inputs"),
    ("ops.dot_product_attention", {}, [(None, 4, 2, 3), (None, 5, 2, 3), (None, 6, 2, 3)], "inputs"),
    ("ops.dot_product_attention", {}, [(None, 4, 2, 3), (None, 5, 2, 4), (None, 5, 2, 4)], "inputs"),
    ("ops.dot_product_attention", {}, [(None, 4, 2, 3), (None, 5, 1, 3), (None, 5, 1, 3)], "inputs"),
    ("ops.dot_product_attention", {}, [(None, 9999, 2, 3), (None, 9999, 2, 3), (None, 9999, 2, 3)], "inputs"),
    ("ops.dot_product_attention", {"bias": {"value": [[1.0]] * 3}}, [(None, 4, 2, 3)] * 3, "bias"),
    (
        "ops.dot_product_attention",
        {"mask": {"value": [[[[True]]]] * 2, "dtype": "bool"}},
        [(None, 4, 2, 3)] * 3,
        "mask",
    ),
    ("ops.mean", {"axis": 2}, [(None, 3)], "axis"),
    ("ops.mean", {"axis": 0}, [(None, 3)], "axis"),
    ("ops.concatenate", {"axis": 0}, [(None, 3), (None, 3)], "axis"),
    ("ops.get_item", {"key": [0]}, [(None, 3)], "key"),
    ("ops.get_item", {"key": [None, 0]}, [(None, 3)], "key"),
    ("ops.get_item", {"key": [{"start": 1}, 0]}, [(None, 3)], "key"),
    ("ops.mean", {"axis": -2}, [(None, 3)], "axis"),
    ("ops.squeeze", {"axis": 1}, [(None, 3)], "axis"),
    ("ops.squeeze", {"axis": 1}, [(None, None)], "axis"),
    ("ops.expand_dims", {"axis": -4}, [(None, 3)], "axis"),
    ("ops.reshape", {"newshape": [-1, 5]}, [(None, 4, 3)], "newshape"),
    ("ops.reshape", {"newshape": [4, -1]}, [(None, 4, 3)], "newshape"),
    ("ops.reshape", {"newshape": [None, 6]}, [(None, 4, 3)], "newshape"),
    ("ops.reshape", {"newshape": [-1, 6]}, [(None, None, 6)], "newshape"),
    ("ops.reshape", {"newshape": [None, -1, 5]}, [(None, 4, 3)], "newshape"),
    ("ops.transpose", {"axes": [0, 2, 1]}, [(None, 3)], "axes"),
    ("ops.tile", {"repeats": [2, 1]}, [(None, 3)], "repeats"),
    ("ops.pad", {"pad_width": [[1, 0], [0, 0]]}, [(None, 3)], "pad_width"),
    ("ops.pad", {"pad_width": [[0, 0], [3, 0]], "mode": "reflect"}, [(None, 3)], "pad_width"),
    ("ops.take", {"indices": [3], "axis": 1}, [(None, 3)], "indices"),
    ("ops.top_k", {"k": 4}, [(None, 3)], "k"),
    ("ops.top_k", {"k": 1}, [(None,)], "inputs"),
    ("ops.split", {"indices_or_sections": 2, "axis": 1}, [(None, 3)], "indices_or_sections"),
    ("ops.split", {"indices_or_sections": [2, 1], "axis": 1}, [(None, 3)], "indices_or_sections"),
    ("ops.get_item", {"key": [{}, 3]}, [(None, 3)], "key"),
    ("ops.get_item", {"key": [{}, {"start": 3}]}, [(None, 3)], "key"),
    ("ops.get_item", {"key": [{}, 0, 0]}, [(None, 3)], "key"),
    ("ops.get_item", {"key": ["...", 0, 0]}, [(None, 3)], "key"),
    ("ops.stack", {"axis": 1}, [(None, 3), (None, 2)], "inputs"),
    ("ops.moveaxis", {"source": [1, 2], "destination": 1}, [(None, 3, 4)], "destination"),
]


def check(operation: Operation, shapes: tuple[Shape, ...]) -> None:
    """Check inputs of these shapes, the batch first."""
    operation.batch_axis(shapes, [FIRST] * len(shapes))
    operation.check_shapes(shapes)


@pytest.mark.parametrize(("name", "arguments", "shapes", "field"), UNFIT)
def test_invalid_shapes_are_rejected(name: str, arguments: dict[str, Any], shapes: list[Shape], field: str) -> None:
    """The fault names the argument, before TensorFlow is called."""
    with pytest.raises(LayerFault) as refused:
        check(OPERATIONS[name].model_validate(arguments), tuple(shapes))
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


FIGURES = [
    ("ops.conv", {"kernel": {"value": [[[[1.0] * 4] * 3] * 2] * 3}, "strides": [2, 1], "padding": "same"},
     "Conv2D", {"filters": 4, "kernel_size": [3, 2], "strides": [2, 1], "padding": "same", "use_bias": False}),
    ("ops.depthwise_conv", {"kernel": {"value": [[[[1.0] * 2] * 3] * 2] * 2}, "dilation_rate": 2},
     "DepthwiseConv2D", {"kernel_size": 2, "depth_multiplier": 2, "dilation_rate": 2, "use_bias": False}),
    ("ops.max_pool", {"pool_size": [2, 3], "strides": 1}, "MaxPooling2D", {"pool_size": [2, 3], "strides": 1}),
    ("ops.average_pool", {"pool_size": 2}, "AveragePooling2D", {"pool_size": 2}),
    ("ops.image.resize", {"size": [3, 4]}, "Resizing", {"height": 3, "width": 4}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "layer", "same"), FIGURES)
def test_figures_are_those_of_the_layer(name: str, arguments: Any, layer: str, same: Any) -> None:
    """Shape, multiply-adds, memory inside, work and windows."""
    operation, made = OPERATIONS[name].model_validate(arguments), CATALOGUE[layer].model_validate(same)
    shape = (2, 8, 9, 3)
    output = tuple(keras_output(operation, shape))
    assert output == tuple(getattr(keras.layers, layer)(**same).compute_output_shape(shape))
    assert operation.windows(shape) == made.windows(shape)
    for figure in ("macs", "inner", "work"):
        assert getattr(operation, figure)((shape,), (output,)) == getattr(made, figure)((shape,), (output,))


def keras_output(operation: Operation, shape: tuple[int, ...]) -> Any:
    return OperationLayer(operation, "l0")([keras.KerasTensor(shape)]).shape


PRODUCTS = [
    ("ops.einsum", {"subscripts": "bij,bkj->bik"}, [(2, 4, 3), (2, 5, 3)], 2 * 4 * 3 * 5),
    (
        "ops.einsum",
        {"subscripts": "...ij,jk->...ik", "x2": {"value": [[1.0] * 5] * 3}},
        [(2, 7, 4, 3)],
        2 * 7 * 4 * 3 * 5,
    ),
    ("ops.einsum", {"subscripts": "bij->bji"}, [(2, 4, 3)], 0),
    ("ops.einsum", {"subscripts": "bij,bik->bk"}, [(2, 4, 9), (2, 4, 3)], 2 * 4 * 3),
    ("ops.einsum", {"subscripts": "bi,bi,bi->b"}, [(2, 4)] * 3, 2 * 2 * 4),
    ("ops.tensordot", {"axes": 1, "x2": {"value": [[1.0] * 5] * 3}}, [(2, 4, 3)], 2 * 4 * 3 * 5),
    ("ops.dot", {"x2": {"value": [1.0] * 3}}, [(2, 4, 3)], 2 * 4 * 3),
    ("ops.dot_product_attention", {}, [(2, 4, 3, 8), (2, 5, 3, 8), (2, 5, 3, 8)], 2 * (2 * 3 * 4 * 5) * 8),
]


@pytest.mark.parametrize(("name", "arguments", "shapes", "count"), PRODUCTS)
def test_multiply_adds_of_products(name: str, arguments: Any, shapes: list[Shape], count: int) -> None:
    """Counted by hand."""
    operation = OPERATIONS[name].model_validate(arguments)
    output = OperationLayer(operation, "l0")([keras.KerasTensor(shape) for shape in shapes])
    assert operation.output_shapes(tuple(shapes), (tuple(output.shape),)) == (tuple(output.shape),)
    assert operation.macs(tuple(shapes), (tuple(output.shape),)) == count


def test_a_product_of_three_counts_what_is_between() -> None:
    """Of any order: here the product of the outer two has all letters of both but those that only they sum over."""
    einsum = OPERATIONS["ops.einsum"].model_validate({"subscripts": "bij,bjk,bkl->bil"})
    shapes = ((2, 3, 50), (2, 50, 60), (2, 60, 4))
    assert einsum.inner(shapes, ((2, 3, 4),)) == 300 + 6000 + 480 + 24 + 2 * (2 * 3 * 50 * 60 * 4)


KEYWORDS = [
    ({}, {"bias": ((None, 5),)}, "keywords/bias"),
    ({}, {"bias": ((None, 2, 4, 5), (None, 2, 4, 5))}, "keywords/bias"),
    ({}, {"mask": ((None, 3, 4, 5),)}, "keywords/mask"),
    ({"bias": 1.0}, {"bias": ((None, 2, 4, 5),)}, "bias"),
]


@pytest.mark.parametrize(("arguments", "keywords", "field"), KEYWORDS)
def test_keywords_that_do_not_fit_the_scores_are_rejected(arguments: Any, keywords: Any, field: str) -> None:
    """A bias or a mask with fewer axes would have its batch at another axis."""
    operation = OPERATIONS["ops.dot_product_attention"].model_validate(arguments)
    with pytest.raises(LayerFault) as refused:
        operation.check_keywords(((None, 4, 2, 3), (None, 5, 2, 3), (None, 5, 2, 3)), keywords)
    assert refused.value.field == field


def run(operation: Operation, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Compute an operation on arrays with the batch first."""
    return [np.asarray(result) for result in keras.tree.flatten(OperationLayer(operation, "l0")(arrays))]


def assert_rows_are_apart(operation: Operation, arrays: list[np.ndarray]) -> None:
    """Compare the results of a batch with those of its rows, one at a time."""
    whole = run(operation, arrays)
    rows = [run(operation, [array[row : row + 1] for array in arrays]) for row in range(len(arrays[0]))]
    for result, parts in zip(whole, zip(*rows, strict=True), strict=True):
        np.testing.assert_allclose(result, np.concatenate(parts), rtol=1e-5, atol=1e-6)


@every_operation
def test_rows_are_apart(name: str) -> None:
    """A row's result is the same whatever else is in the batch."""
    cls, random = OPERATIONS[name], np.random.default_rng(0)
    operation = cls.model_validate(cls.example.arguments)
    draw = random.normal if cls.example.dtype == "float32" else lambda size: random.integers(0, 2, size)
    assert_rows_are_apart(operation, [draw(size=(3, *shape)).astype(cls.example.dtype) for shape in cls.example.shapes])


LENGTHS = {"a": 2, "b": 3, "c": 4, "d": 1}
"""Lengths of letters; b is often that of the batch."""


def drawn_einsum(random: Random) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Draw subscripts that may be good for nothing, arrays for some operands and tensors of three rows for the rest."""
    dots, batch = random.choice(["", "", "..."]), random.choice("bbb.")
    covered = {"b": [2], ".": [3, 2]}[batch]
    numbers, arguments, tensors, terms = np.random.default_rng(random.randrange(99)), {}, [], []
    for number in range(1, random.randint(2, 4)):
        is_array = random.random() < 0.3
        letters = "".join(random.choices("abcd", k=random.randint(0, 2)))
        head = "" if is_array else "b" if batch == "b" else ""
        terms.append(head + (dots if random.random() < 0.8 else "") + letters)
        known = [[3]] * len(head) + [covered] * (dots != "" and dots in terms[-1]) + [[LENGTHS[one]] for one in letters]
        array = numbers.normal(size=[length for part in known for length in part]).astype("float32")
        if is_array:
            arguments[f"x{number}"] = {"value": array.tolist()}
        else:
            tensors.append(array)
    result = ("b" if batch == "b" else "") + dots + "".join(random.sample("abcd", random.randint(0, 2)))
    return arguments | {"subscripts": ",".join(terms) + random.choice(["", f"->{result}", f"->{result}"])}, tensors


def test_rows_are_apart_in_whatever_einsum_is_accepted() -> None:
    """Subscripts, arrays and tensors are drawn; what is planned is what comes out."""
    random, accepted = Random(0), 0  # noqa: S311
    for _ in range(400):
        arguments, tensors = drawn_einsum(random)
        if any(tensor.shape[:1] != (3,) for tensor in tensors):
            continue
        try:
            operation = OPERATIONS["ops.einsum"].model_validate(arguments)
            shapes = tuple((None, *tensor.shape[1:]) for tensor in tensors)
            check(operation, shapes)
        except (ValidationError, LayerFault):
            continue
        accepted += 1
        assert_rows_are_apart(operation, tensors)
        (result,) = run(operation, tensors)
        assert operation.output_shapes(shapes, ((None,),)) == ((None, *result.shape[1:]),)
    assert accepted > 50

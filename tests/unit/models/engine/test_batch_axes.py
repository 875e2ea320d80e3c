"""The batch axis through operations: where it is said to be, each row of it is what that row alone gives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from models.engine.batch_axes import batch_first
from models.engine.operations import OperationLayer
from models.engine.shaping import declared_shapes, shape_network
from models.layers import CATALOGUE
from models.layers.batch_axis import FIRST, BatchAxis
from models.layers.faults import LayerFault
from models.layers.operations import Operation
from models.layers.sizes import Shape
from models.networks.expansion import expand
from models.reading.parse import parse_document

BATCH = 3
"""The rows of the inputs; no other length is a multiple of it."""
LENGTHS = (1, 2, 4, 5, 8)


def draw_axis(draw: random.Random) -> int:
    return draw.randint(-4, 3)


def draw_key(draw: random.Random) -> list[Any]:
    items = [{}, {}, 0, -1, None, "...", {"start": 1}, {"stop": 1}, {"step": 2}]
    return [draw.choice(items) for _ in range(draw.randint(1, 4))]


def draw_newshape(draw: random.Random) -> list[Any]:
    lengths = [draw.choice((1, 2, 4, 8, 16, 5, 10)) for _ in range(draw.randint(0, 3))]
    lengths.insert(draw.randint(0, len(lengths)), -1)
    return draw.choice([lengths, lengths, [None, *lengths]])


def draw_constant(draw: random.Random) -> Any:
    shape = [draw.choice((1, 1, 2, 4)) for _ in range(draw.randint(0, 4))]
    return {"value": np.arange(1, 1 + np.prod(shape, dtype=int), dtype=float).reshape(shape).tolist()}


def draw_matrix(draw: random.Random) -> Any:
    return {"value": np.ones((draw.choice(LENGTHS), draw.choice(LENGTHS))).tolist()}


ARGUMENTS = {
    "ops.transpose": lambda draw: {"axes": draw.sample(range(n := draw.randint(2, 4)), n)},
    "ops.swapaxes": lambda draw: {"axis1": draw_axis(draw), "axis2": draw_axis(draw)},
    "ops.moveaxis": lambda draw: {"source": draw_axis(draw), "destination": draw_axis(draw)},
    "ops.reshape": lambda draw: {"newshape": draw_newshape(draw)},
    "ops.expand_dims": lambda draw: {"axis": draw_axis(draw)},
    "ops.squeeze": lambda draw: {"axis": draw_axis(draw)},
    "ops.get_item": lambda draw: {"key": draw_key(draw)},
    "ops.sum": lambda draw: {"axis": [draw_axis(draw), draw_axis(draw)], "keepdims": draw.random() < 0.3},
    "ops.max": lambda draw: {"axis": draw_axis(draw)},
    "ops.argmax": lambda draw: {"axis": draw_axis(draw)},
    "ops.cumsum": lambda draw: {"axis": draw_axis(draw)},
    "ops.flip": lambda draw: {"axis": draw_axis(draw)},
    "ops.roll": lambda draw: {"shift": 1, "axis": draw_axis(draw)},
    "ops.sort": lambda draw: {"axis": draw_axis(draw)},
    "ops.repeat": lambda draw: {"repeats": 2, "axis": draw_axis(draw)},
    "ops.tile": lambda draw: {"repeats": [draw.choice((1, 1, 2)) for _ in range(draw.randint(2, 4))]},
    "ops.pad": lambda draw: {"pad_width": [[draw.choice((0, 0, 1))] * 2 for _ in range(draw.randint(2, 4))]},
    "ops.take": lambda draw: {"indices": draw.choice(([0], 0, [0, 0])), "axis": draw_axis(draw)},
    "ops.split": lambda draw: {"indices_or_sections": 2, "axis": draw_axis(draw)},
    "ops.concatenate": lambda draw: {"axis": draw_axis(draw)},
    "ops.stack": lambda draw: {"axis": draw_axis(draw)},
    "ops.add": lambda _: {},
    "ops.multiply": lambda draw: {"x2": draw_constant(draw)},
    "ops.subtract": lambda draw: {"x1": draw_constant(draw)},
    "ops.matmul": lambda draw: {draw.choice(("x1", "x2")): draw_matrix(draw)} if draw.random() < 0.7 else {},
    "ops.tril": lambda _: {},
    "ops.top_k": lambda _: {"k": 1},
    "ops.one_hot": lambda _: {"num_classes": 2},
}
"""Operations by name, with a function that draws arguments, among them those that mix rows."""
SEVERAL = ("ops.add", "ops.matmul", "ops.concatenate", "ops.stack")
Tensors = list[tuple[np.ndarray, BatchAxis]]


def shapes_of(tensors: Tensors) -> tuple[Shape, ...]:
    return tuple(
        tuple(None if n == axis.position else length for n, length in enumerate(array.shape)) for array, axis in tensors
    )


def applied(operation: Operation, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the results as the engine computes them."""
    result = OperationLayer(operation, "l0")([keras.ops.convert_to_tensor(array) for array in arrays])
    return [np.asarray(one) for one in (result if isinstance(result, list | tuple) else [result])]


def row(array: np.ndarray, axis: BatchAxis, number: int) -> np.ndarray:
    """Return the tensor with one row in place of all. (On a batch of one Keras takes additions for that of a bias.)"""
    parts = (*array.shape[: axis.position], axis.outer, -1, axis.inner, *array.shape[axis.position + 1 :])
    one = np.take(array.reshape(parts), [number] * BATCH, axis=axis.position + 1)
    return one.reshape(array.shape)


def own(array: np.ndarray, axis: BatchAxis, number: int) -> np.ndarray:
    """Return the elements of one row."""
    parts = (*array.shape[: axis.position], axis.outer, -1, axis.inner, *array.shape[axis.position + 1 :])
    return np.take(array.reshape(parts), number, axis=axis.position + 1)


def draw_call(draw: random.Random, known: Tensors) -> tuple[Operation, Tensors]:
    """Return an operation and the tensors it reads; whether it fits them is not known."""
    name = draw.choice(list(ARGUMENTS))
    operation = CATALOGUE[name].model_validate(ARGUMENTS[name](draw))
    assert isinstance(operation, Operation)
    return operation, [draw.choice(known) for _ in range(2 if name in SEVERAL and operation.reads()[0] != 1 else 1)]


def extend(draw: random.Random, known: Tensors) -> str | None:
    """Call a drawn operation, if it is taken, and check each row of its results; returns its name."""
    try:
        operation, tensors = draw_call(draw, known)
        shapes = shapes_of(tensors)
        axis = operation.batch_axis(shapes, [axis for _, axis in tensors])
        operation.check_shapes(shapes)
    except (ValidationError, LayerFault):
        return None
    results = applied(operation, [array for array, _ in tensors])
    for number in range(BATCH):
        alone = applied(operation, [row(array, axis, number) for array, axis in tensors])
        for whole, one in zip(results, alone, strict=True):
            np.testing.assert_array_equal(
                row(whole, axis, number), row(one, axis, 0), err_msg=f"{operation} of {shapes} at {axis}"
            )
    for whole in results:
        _check_presented(whole, axis)
    known += [(whole.astype("float32"), axis) for whole in results if whole.ndim <= 5 and 0 < whole.size < 4000]
    return operation.type_name()


def _check_presented(whole: np.ndarray, axis: BatchAxis) -> None:
    """What is sent has the announced shape, as many names, and row by row the elements of the row alone."""
    sent = np.asarray(batch_first(keras.ops.convert_to_tensor(whole), axis, BATCH))
    assert sent.shape == axis.batch_first(whole.shape, BATCH)
    assert len(axis.names(whole.ndim)) == sent.ndim
    for number in range(BATCH):
        np.testing.assert_array_equal(sent[number].ravel(), own(whole, axis, number).ravel())


def test_rows_stay_apart_wherever_the_batch_is() -> None:
    """Chains of drawn operations on integers: each row of a batch has the bits of that row alone. Every operation is
    taken many times, also where the batch has moved or is joined with other axes.
    """
    taken: dict[str, int] = dict.fromkeys(ARGUMENTS, 0)
    moved: set[str] = set()
    for seed in range(40):
        draw = random.Random(seed)  # noqa: S311 (drawn tests)
        shape = (BATCH, *(draw.choice(LENGTHS) for _ in range(draw.randint(1, 3))))
        array = np.random.default_rng(seed).integers(0, 2, shape).astype("float32")
        known: Tensors = [(array, FIRST)]
        for _ in range(40):
            name = extend(draw, known)
            if name is not None:
                taken[name] += 1
                if not known[-1][1].is_plain:
                    moved.add(name)
    assert min(taken.values()) >= 3, taken
    assert moved == set(ARGUMENTS), set(ARGUMENTS) - moved


OPERATIONS = [cls for cls in CATALOGUE.values() if issubclass(cls, Operation) and len(cls.example.shapes[0]) > 1]


@pytest.mark.parametrize("cls", OPERATIONS, ids=[cls.type_name() for cls in OPERATIONS])
def test_operations_ignore_the_masks_of_the_block_around_them(cls: type[Operation]) -> None:
    """The batch axes of masks are none of the operands'."""
    names = [f"x{number}" for number in range(len(cls.example.shapes))]
    inputs: dict[str, Any] = {
        name: {"shape": list(shape), "dtype": cls.example.dtype}
        for name, shape in zip(names, cls.example.shapes, strict=True)
    }
    block = {
        "type": "Block",
        "input": names,
        "inputs": names,
        "layers": [{"type": cls.type_name(), **cls.example.arguments, "inputs": names}],
    }
    shapes = []
    for keywords in ({}, {"mask": ["k", *[None] * (len(names) - 1)] if len(names) > 1 else "k"}):
        masks = {"k": {"shape": [cls.example.shapes[0][0]], "dtype": "bool"}} if keywords else {}
        network = expand(parse_document({"input": inputs | masks, "layers": [{**block, "keywords": keywords}]}))
        made = shape_network(network, declared_shapes(network))
        shapes.append([made.shape(output) for output in network.outputs])
    assert shapes[0] == shapes[1]

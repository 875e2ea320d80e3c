"""Graphs in which the batch moves, as hand-written attention and the windows of Swin transformers have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

Refusal = Callable[[Any], list[dict[str, Any]]]
ROWS, HEADS, SIZE, WINDOW = 3, 2, 4, 2
"""Rows of the batch, heads of attention, side of the image and of its windows."""
COUNT = (SIZE // WINDOW) ** 2
"""The windows of an image."""


class Graph:
    """A model, its tensors in the order of computation, and the arrays of those whose batch has moved."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.tensors: list[Any] = []
        self.sent: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
        self.axes: dict[str, list[str]] = {}

    def add(self, tensor: Any, sent: Callable[[Any], Any] | None = None, axes: list[str] | None = None) -> Any:
        """Add a tensor, what is sent of it, and the names of its axes."""
        if sent is not None and axes is not None:
            self.sent[name_of(tensor)], self.axes[name_of(tensor)] = sent, axes
        self.tensors.append(tensor)
        return tensor


def name_of(tensor: Any) -> str:
    """Return the name of the operation that computes a tensor."""
    return str(tensor._keras_history.operation.name)


def by_rows(array: np.ndarray) -> np.ndarray:
    """Divide the first axis into the batch and what follows for each."""
    return array.reshape(ROWS, -1, *array.shape[1:])


WINDOWS = ["batch", "axis 0, after the batch"]


def attention(graph: Graph, x: Any, length: int, width: int, rows: bool) -> Any:
    """Add self-attention as written by hand: query, key and value are parts of one tensor, put first by a transpose."""
    inner = (
        (by_rows, lambda rank: [*WINDOWS, *(f"axis {n}" for n in range(1, rank))]) if rows else (None, lambda _: None)
    )

    def add(tensor: Any) -> Any:
        return graph.add(tensor, inner[0], inner[1](len(tensor.shape)))

    parts = add(ops.reshape(add(layers.Dense(3 * width)(x)), (-1, length, 3, HEADS, width // HEADS)))
    if rows:
        axes = ["batch", "axis 0", "axis 1, after the batch", "axis 2", "axis 3", "axis 4"]
        moved = graph.add(
            ops.transpose(parts, (2, 0, 3, 1, 4)), lambda a: a.reshape(3, ROWS, -1, *a.shape[2:]).swapaxes(0, 1), axes
        )
    else:
        axes = ["batch", "axis 0", "axis 2", "axis 3", "axis 4"]
        moved = graph.add(ops.transpose(parts, (2, 0, 3, 1, 4)), lambda a: a.swapaxes(0, 1), axes)
    query, key, value = (add(moved[number]) for number in range(3))
    scores = add(ops.softmax(add(ops.matmul(query, add(ops.transpose(key, (0, 1, 3, 2)))))))
    joined = add(ops.transpose(add(ops.matmul(scores, value)), (0, 2, 1, 3)))
    return add(layers.Dense(width)(add(ops.reshape(joined, (-1, length, width)))))


def written_attention() -> Graph:
    """A sequence of eight steps."""
    graph = Graph(keras.Input((8, 6)))
    attention(graph, graph.source, 8, 6, rows=False)
    return graph


def windows() -> Graph:
    """An image rolled, cut into windows, attention inside each, a mask by window, and put together again."""
    graph = Graph(keras.Input((SIZE, SIZE, 6)))

    def add_windows(tensor: Any) -> Any:
        return graph.add(tensor, by_rows, [*WINDOWS, *(f"axis {n}" for n in range(1, len(tensor.shape)))])

    x = graph.add(ops.roll(graph.source, -1, axis=1))
    x = graph.add(ops.reshape(x, (-1, SIZE // WINDOW, WINDOW, SIZE // WINDOW, WINDOW, 6)))
    x = graph.add(ops.transpose(x, (0, 1, 3, 2, 4, 5)))
    x = add_windows(ops.reshape(x, (-1, WINDOW * WINDOW, 6)))
    x = attention(graph, x, WINDOW * WINDOW, 6, rows=True)
    mask = np.arange(COUNT, dtype="float32").reshape(1, COUNT, 1, 1)
    x = graph.add(graph.add(ops.reshape(x, (-1, COUNT, WINDOW * WINDOW, 6))) + mask)
    x = add_windows(layers.LayerNormalization()(add_windows(ops.reshape(x, (-1, WINDOW, WINDOW, 6)))))
    x = graph.add(ops.reshape(x, (-1, SIZE // WINDOW, SIZE // WINDOW, WINDOW, WINDOW, 6)))
    x = graph.add(ops.reshape(graph.add(ops.transpose(x, (0, 1, 3, 2, 4, 5))), (-1, SIZE, SIZE, 6)))
    graph.add(layers.GlobalAveragePooling2D()(x))
    return graph


@pytest.mark.parametrize("build", [written_attention, windows])
def test_every_tensor_is_that_of_keras_with_the_batch_first(
    run: Callable[..., Any], build: Callable[[], Graph]
) -> None:
    """Bits, shapes and the names of the axes; tensors whose batch has not moved have no such names."""
    graph = build()
    model = keras.Model(graph.source, graph.tensors[-1])
    x = np.random.default_rng(1).normal(size=(ROWS, *graph.source.shape[1:])).astype("float32")
    reply = run(model.to_json(), x)
    for layer in (layer for layer in model.layers if layer.weights):
        layer.set_weights(list(reply.weights(layer.name).values()))
    expected = keras.Model(graph.source, {name_of(tensor): tensor for tensor in graph.tensors})(x, training=False)
    assert set(reply.addresses()) == set(expected)
    for name, value in expected.items():
        array = graph.sent.get(name, np.asarray)(np.asarray(value))
        np.testing.assert_allclose(reply.array(name), array, rtol=1e-5, atol=1e-6, err_msg=name)
        in_graph = reply.layer(name).get("in_graph")
        assert (in_graph and in_graph["axes"]) == graph.axes.get(name), name
        assert in_graph is None or in_graph["shape"] == list(value.shape), name


def test_requests_run_together_where_the_batch_has_moved(run: Callable[..., Any]) -> None:
    """The rows of a batch are those of requests of one row each, in every tensor."""
    document = windows_document()
    x = np.random.default_rng(2).normal(size=(ROWS, SIZE, SIZE, 6)).astype("float32")
    whole, alone = run(document, x), [run(document, x[number : number + 1]) for number in range(ROWS)]
    for address in whole.addresses():
        rows = np.concatenate([reply.array(address) for reply in alone])
        np.testing.assert_allclose(whole.array(address), rows, rtol=1e-5, atol=1e-6, err_msg=address)


def windows_document() -> str:
    """Return the JSON of the model with windows."""
    graph = windows()
    return str(keras.Model(graph.source, graph.tensors[-1]).to_json())


def nested() -> str:
    """Return the JSON of a model that gives a tensor with its batch second to a model inside, which gives it back."""
    inner = keras.Input(batch_shape=(3, None, 4))
    block = keras.Model(inner, ops.transpose(ops.add(inner, 1.0), (1, 0, 2)), name="inner")
    outer = keras.Input((3, 4))
    return str(keras.Model(outer, block(ops.transpose(outer, (1, 0, 2)))).to_json())


@pytest.mark.parametrize("text", [windows_document(), nested()], ids=["windows", "nested"])
def test_keras_loads_what_is_exported(server: Any, run: Callable[..., Any], text: str) -> None:
    """With the same outputs; given back, it has the same id."""
    shape = json.loads(text)["config"]["layers"][0]["config"]["batch_shape"][1:]
    x = np.random.default_rng(3).normal(size=(ROWS, *shape)).astype("float32")
    server.client.put("/v1/models/moved", content=text)
    exported = server.client.get("/v1/models/moved?as=keras").text
    model, reply = keras.models.model_from_json(exported), run(text, x)
    model.set_weights(
        [
            weight
            for name in server.client.get("/v1/models/moved/weights").json()["layers"]
            for weight in reply.weights(name["address"]).values()
        ]
    )
    np.testing.assert_allclose(reply.array(reply.addresses()[-1]), model(x), rtol=1e-5, atol=1e-6)
    assert server.client.put("/v1/models/back", content=exported).json()["id"] == reply.body["model"]["id"]


def test_plans_announce_what_is_sent(server: Any, run: Callable[..., Any]) -> None:
    """Shapes, bytes and names of axes."""
    reply = run(windows_document(), np.ones((2, SIZE, SIZE, 6), "float32"))
    plan = server.plan(windows_document(), batch=2)
    for planned, row in zip(plan["layers"], reply.body["layers"], strict=True):
        assert planned["shape"] == row["shape"]
        assert planned["bytes"] == 4 * np.prod(row["shape"])
        assert planned.get("in_graph") == row.get("in_graph")


def layer(operation: str, **arguments: Any) -> dict[str, Any]:
    """Return an operation in the short form."""
    return {"type": f"ops.{operation}", **arguments}


MOVED = layer("transpose", axes=[1, 0])
REFUSED = [
    ([MOVED], "0", "an output of the network has the batch in another place"),
    ([layer("reshape", newshape=[-1, 2])], "0", "an output of the network has the batch in another place"),
    ([MOVED, {"type": "Dense", "units": 2}], "1/inputs", "the batch is not the first axis"),
    ([layer("mean", axis=0)], "0/axis", "axis 0 (or -2) is the batch"),
    ([MOVED, layer("mean", axis=1)], "1/axis", "axis 1 (or -1) is the batch"),
    ([layer("get_item", key=[0])], "0/key", "axis 0 is the batch"),
    ([layer("reshape", newshape=[2, -1])], "0/newshape", "would be cut or mixed"),
    ([MOVED, layer("reshape", newshape=[None, 4])], "1/newshape", "null keeps the first axis"),
    ([MOVED | {"name": "t"}, layer("add", inputs=["input", "t"])], "1/inputs", "the operands do not fit"),
]


@pytest.mark.parametrize(("operations", "pointer", "message"), REFUSED)
def test_what_would_mix_rows_is_refused(refusal: Refusal, operations: Any, pointer: str, message: str) -> None:
    """With the place in the document, and where the batch is."""
    (problem,) = refusal({"input": [4], "layers": operations})
    assert problem["pointer"] == f"/model/layers/{pointer}"
    assert message in problem["message"]

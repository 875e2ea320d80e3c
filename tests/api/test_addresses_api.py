"""Layer addresses over HTTP: the selected tensors equal those of Keras, for own documents and Keras JSON."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers

if TYPE_CHECKING:
    from tests.api.conftest import Array, Reply
    from tests.conftest import Server

Run = Callable[..., "Reply"]
ROWS = np.random.default_rng(3).normal(size=(2, 4)).astype(np.float32)
DENSE: dict[str, Any] = {"type": "Dense", "units": 4, "activation": "relu", "bias_initializer": "random_normal"}
INNER: dict[str, Any] = {"type": "Block", "name": "inner", "layers": [{**DENSE, "name": "conv"}]}
OUTER: dict[str, Any] = {
    "type": "Block",
    "name": "outer",
    "layers": [{**INNER, "calls": [["input"], ["inner@0"]]}, {"type": "Add", "inputs": ["inner@0", "inner@1"]}],
    "calls": [["left"], ["right"]],
}
CALLED: dict[str, Any] = {
    "input": {"left": [4], "right": [4]},
    "layers": [OUTER, {"type": "Subtract", "inputs": ["outer@0", "outer@1"]}],
}


def assert_same(found: Array, expected: Any) -> None:
    """Compare to float32's precision, relative to the largest value."""
    expected = np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert np.abs(found.astype("f8") - expected).max() <= 1e-6 * np.abs(expected).max()


def test_nested_blocks_called_twice_match_numpy(run: Run) -> None:
    """Four calls of one layer, before and after its activation."""
    inputs = {"left": ROWS, "right": 1 - ROWS}
    calls = [f"outer@{n}/inner@{m}/conv" for n in range(2) for m in range(2)]
    reply = run(CALLED, inputs, layers=["**", "**/conv:pre", "left"])
    kernel, bias = reply.weights(calls[0]).values()
    for n, given in enumerate(inputs.values()):
        first = given @ kernel + bias
        second = np.maximum(first, 0) @ kernel + bias
        for m, before in enumerate((first, second)):
            assert_same(reply.array(f"outer@{n}/inner@{m}/conv:pre"), before)
            assert_same(reply.array(f"outer@{n}/inner@{m}/conv"), np.maximum(before, 0))
            assert_same(reply.array(f"outer@{n}/inner@{m}"), np.maximum(before, 0))
        assert_same(reply.array(f"outer@{n}"), np.maximum(first, 0) + np.maximum(second, 0))
    assert_same(reply.array("left"), ROWS)
    assert not np.allclose(reply.array(calls[0]), reply.array(calls[2]))


def nested() -> keras.Model:
    """Build the same nesting in Keras, with an LSTM of several outputs called twice."""
    x = keras.Input((5, 4), name="x")
    inner = keras.Model(x, layers.Dense(4, activation="gelu", bias_initializer="random_normal", name="conv")(x))
    inner.name = "inner"
    y = keras.Input((5, 4), name="y")
    once = inner(y)
    outer = keras.Model(y, layers.Add(name="add")([once, inner(once)]), name="outer")
    left, right = keras.Input((5, 4), name="left"), keras.Input((5, 4), name="right")
    lstm = layers.LSTM(3, return_sequences=True, return_state=True, name="lstm")
    return keras.Model([left, right], [*lstm(outer(left)), *lstm(outer(right))])


def test_imported_keras_network_matches_keras(run: Run) -> None:
    """Nested models, calls and outputs of `model.to_json()`, with the weights of the reply set in Keras."""
    model = nested()
    inputs = {"left": ROWS[:, np.newaxis].repeat(5, 1), "right": np.cos(ROWS)[:, np.newaxis].repeat(5, 1)}
    asked = ["outer@1/inner@0/conv:pre", "outer@1/inner@1/conv", "outer@1", "lstm@0#0", "lstm@1#0", "lstm@1#1",
             "lstm@1#2"]  # fmt: skip
    reply = run(model.to_json(), inputs, layers=asked)
    assert reply.addresses() == asked
    conv, lstm = model.get_layer("outer").get_layer("inner").get_layer("conv"), model.get_layer("lstm")
    conv.set_weights(list(reply.weights("outer@1/inner@1/conv").values()))
    lstm.set_weights(list(reply.weights("lstm@0#0").values()))
    plain = layers.Dense(4)
    plain(inputs["right"])
    plain.set_weights(conv.get_weights())
    results = {name: (conv(value), conv(conv(value))) for name, value in inputs.items()}
    assert_same(reply.array("outer@1/inner@0/conv:pre"), plain(inputs["right"]))
    assert_same(reply.array("outer@1/inner@1/conv"), results["right"][1])
    assert_same(reply.array("outer@1"), results["right"][0] + results["right"][1])
    assert_same(reply.array("lstm@0#0"), lstm(results["left"][0] + results["left"][1])[0])
    for number, expected in enumerate(lstm(results["right"][0] + results["right"][1])):
        assert_same(reply.array(f"lstm@1#{number}"), expected)


def test_addresses_work_in_queries_and_name_archive_members(server: Server, run: Run) -> None:
    """`#`, `@`, `:` and `/` survive a URL and a .npz file."""
    assert server.client.put("/v1/models/called", json=CALLED).status_code in (200, 201)
    asked = "outer@1/inner@0/conv:pre,outer@1/inner@1/conv#0,type:Subtract"
    inputs = {"left": ROWS.tolist(), "right": ROWS.tolist()}
    reply = server.post("/v1/models/called/activations", params={"layers": asked, "format": "npz"},
                        json={"inputs": inputs})  # fmt: skip
    assert reply.status_code == 200, reply.text
    found = np.load(io.BytesIO(reply.content))
    assert found.files == ["outer@1/inner@0/conv:pre", "outer@1/inner@1/conv", "subtract"]
    twin = run(CALLED, {"left": ROWS, "right": ROWS}, layers=asked.split(","))
    for address in found.files:
        np.testing.assert_array_equal(found[address], twin.array(address))


@pytest.mark.parametrize("address", ["outer", "outer@1", "outer/inner", "outer@0/inner@1/conv", "outer/inner/conv"])
def test_weights_of_a_call_are_those_of_its_layer(server: Server, address: str) -> None:
    """Calls share weights, so an address of weights may omit the call."""
    assert server.client.put("/v1/models/called", json=CALLED).status_code in (200, 201)
    reply = server.client.get(f"/v1/models/called/layers/{address}/weights?data=none")
    assert reply.status_code == 200, reply.text
    assert [row["address"] for row in reply.json()["layers"] if row["weights"]] == ["outer/inner/conv"]


@pytest.mark.parametrize(
    ("selector", "message", "expected", "suggestion"),
    [
        ("outer", '"outer" names several tensors', "one of outer@0, outer@1", 'write "outer@0"'),
        (
            "outer@1/inner/conv:pre",
            '"outer@1/inner/conv:pre" names several tensors',
            "one of outer@1/inner@0/conv:pre, outer@1/inner@1/conv:pre",
            'write "outer@1/inner@0/conv:pre"',
        ),
        (
            "subtract:pre",
            '"subtract" has no fused activation to look before',
            "a layer with an activation that is not linear",
            'write "outer@0" or "outer@1": that is what it reads',
        ),
    ],
)
def test_ambiguous_addresses_are_rejected_with_candidates(
    server: Server, selector: str, message: str, expected: str, suggestion: str
) -> None:
    """In a run and in a plan."""
    inputs = {"left": [[1, 2, 3, 4]], "right": [[1, 2, 3, 4]]}
    for path, extra in (("/v1/activations", {"inputs": inputs}), ("/v1/plan", {})):
        reply = server.post(path, json={"model": CALLED, "layers": [selector], **extra})
        assert (reply.status_code, reply.json()["code"]) == (422, "unknown_address")
        (problem,) = reply.json()["errors"]
        assert problem["pointer"] == "/layers/0"
        assert (problem["message"], problem["expected"], problem["suggestion"]) == (message, expected, suggestion)


@pytest.mark.parametrize(
    ("selector", "suggestion"), [("conv", 'write "outer@0/inner@0/conv"'), ("con*", 'write "**/con*"'), ("zz*", None)]
)
def test_unmatched_selectors_are_rejected_with_a_suggestion(
    server: Server, selector: str, suggestion: str | None
) -> None:
    """The suggestion is the nearest existing address, if any."""
    reply = server.post("/v1/plan", json={"model": CALLED, "layers": [selector]})
    assert reply.status_code == 422
    (problem,) = reply.json()["errors"]
    assert (problem["message"], problem.get("suggestion")) == ("no layer matches this selector", suggestion)
    assert problem["expected"].startswith("one of left, right, outer@0/inner@0/conv, outer@0/inner@0, ")

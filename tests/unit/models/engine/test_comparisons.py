"""Comparisons of runs in an engine, against the runs by themselves."""

from __future__ import annotations

from typing import Any

import keras
import ml_dtypes
import msgspec
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

from acceptance import keras_reference
from models.engine.analysis import answer
from models.engine.execution import EngineLimits
from models.engine.report import Result
from models.errors import InvalidDocument, InvalidOption, LayerscopeError, TooLarge
from models.explaining.comparing.policy import POLICIES, under_policy
from models.explaining.questions import Comparison
from models.ipc.arrays import array_of
from models.ipc.messages import Analyse
from models.layers import CATALOGUE
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.tensors.dtypes import DTYPES, Array
from tests.unit.models.engine.explained import Subject

X = {"picture": np.random.default_rng(5).normal(size=(3, 12, 12, 2)).astype(np.float32)}


def network(initializer: str = "orthogonal") -> keras.Model:
    """Return layers of several kinds, among them two calls of one and a block."""
    x = inputs = keras.Input((12, 12, 2), name="picture")
    x = L.Conv2D(4, 3, activation="relu", name="first", bias_initializer="random_normal")(x)
    x = L.BatchNormalization(name="norm")(x)
    inner = keras.Sequential([L.Conv2D(4, 1, name="inside"), L.LayerNormalization(name="layer_norm")], name="block")
    x = L.Flatten(name="flat")(inner(x))
    shared = L.Dense(8, activation="tanh", name="shared", kernel_initializer=initializer)
    wide = L.Dense(8, name="wide")(x)
    return keras.Model(inputs, L.Dense(5, activation="softmax", name="head")(shared(shared(wide))))


@pytest.fixture(scope="module")
def subject() -> Subject:
    """The network in an engine."""
    return Subject(network().to_json())


def compare(subject: Subject, question: Comparison | None = None, a: Any = None, b: Any = None) -> Result:
    """Compare two runs of the network, which differ in fields of their messages."""
    outputs = subject.network.layer_outputs
    question = question or Comparison(tuple((address, address) for address in outputs))
    first = msgspec.structs.replace(subject.run_of(X, outputs, data=False), **(a or {}))
    second = msgspec.structs.replace(first, **(b or {}))
    return answer(subject.execution, Analyse(1, (first, second), question), [list(X.values())] * 2)


def policy(name: str) -> dict[str, str]:
    """Return the fields of a run under another policy."""
    return {"policy": name, "key": f"key {name}"}


def test_a_run_with_itself(subject: Subject) -> None:
    """Everything is equal, and no tensor is sent."""
    result = compare(subject)
    assert result.facts == {"equal": True, "close": True, "first_divergence": None}
    assert {layer.facts["status"] for layer in result.layers} == {"equal"}
    assert (result.tensors, result.buffers) == ((), ())
    assert [layer.address for layer in result.layers] == list(subject.network.layer_outputs)


def test_differences_are_sent_where_asked_for(subject: Subject) -> None:
    """They are NumPy's of both runs by themselves, in float32."""
    result = compare(subject, a={"data": True}, b=policy("float16"))
    sent = {info.name: array_of(info, buffer) for info, buffer in zip(result.tensors, result.buffers, strict=True)}
    alone = {}
    for name, fields in (("a", {}), ("b", policy("float16"))):
        run = msgspec.structs.replace(subject.run_of(X, subject.network.layer_outputs), **fields)
        found = subject.execution.run(run, list(X.values()))
        alone[name] = {
            info.name: array_of(info, buffer) for info, buffer in zip(found.tensors, found.buffers, strict=True)
        }
    for address, one in sent.items():
        expected = alone["a"][address].astype(np.float64) - alone["b"][address].astype(np.float64)
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, expected.astype(np.float32))


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float64"])
def test_another_policy_is_that_of_keras(subject: Subject, name: str) -> None:
    """The network under a policy computes what Keras' does that was built under it, with the weights cast."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        model = network("zeros")  # Keras draws no orthogonal matrix in bfloat16
    finally:
        keras.config.set_dtype_policy(before)
    keras_reference.set_weights(
        model, lambda path: [weight.astype(DTYPES[name]) for weight in subject.weights_of(path)]
    )
    run = msgspec.structs.replace(subject.run_of(X, ("head",)), **policy(name))
    result = subject.execution.run(run, list(X.values()))
    received = array_of(result.tensors[0], result.buffers[0])
    expected = np.asarray(model(X["picture"]).numpy(), DTYPES[name])
    assert received.dtype == expected.dtype
    step = float(ml_dtypes.finfo(DTYPES[name]).eps)
    np.testing.assert_allclose(received.astype(np.float64), expected.astype(np.float64), atol=4 * step)


def test_drawn_weights_are_the_same_under_every_policy(subject: Subject) -> None:
    """They are cast, not drawn anew: half precision draws other numbers."""
    for name in ("float16", "bfloat16", "mixed_float16"):
        result = compare(
            subject, Comparison((("shared@0", "shared@0"), ("shared@1", "shared@1")), None, True), b=policy(name)
        )
        first, second = result.layers
        assert [weight["max_ulp"] for weight in first.facts["weights"]] == [0, 0]
        assert "weights" not in second.facts


@pytest.mark.parametrize("name", POLICIES)
def test_every_layer_exists_under_every_policy(name: str) -> None:
    """Its document is valid, and its addresses are the same; layers of ids and operations keep their dtypes."""
    for kind, cls in CATALOGUE.items():
        if not cls.standalone:
            continue
        names = [f"i{number}" for number in range(len(cls.example.shapes))]
        pairs = zip(names, cls.example.shapes, strict=True)
        inputs = {key: {"shape": list(shape), "dtype": cls.example.dtype} for key, shape in pairs}
        layer = {"type": kind, **cls.example.arguments, "inputs": names}
        one = expand(parse_document({"input": inputs, "layers": [layer]}))
        other = under_policy(one, name)
        assert other.layer_outputs == one.layer_outputs
        assert {node.layer.dtype for node in other.nodes} <= {name, *(node.layer.dtype for node in one.nodes)}


def test_policies_of_layers_inside_others(subject: Subject) -> None:
    """Of wrappers, cells and blocks, and of layers that name another one."""
    layers = [
        {"type": "TimeDistributed", "layer": {"type": "Dense", "units": 3, "dtype": "float64"}, "dtype": "float64"},
        {"type": "Bidirectional", "layer": {"type": "LSTM", "units": 2}},
        {"type": "Block", "layers": [{"type": "Dense", "units": 2, "activation": {"type": "LeakyReLU"}}]},
    ]
    one = expand(parse_document({"input": [4, 5], "layers": layers}))
    text = under_policy(one, "float16").document_bytes.decode()
    assert "float64" not in text
    assert text.count('"dtype":"float16"') == 6


def test_one_side_alone(subject: Subject) -> None:
    """It has no figures, and need not be computed."""
    question = Comparison((("first", None), (None, "first"), ("head", "head")))
    result = compare(subject, question, {"outputs": ("head",)})
    assert [(layer.facts["status"], layer.output is None) for layer in result.layers] == [
        ("only_a", True), ("only_b", True), ("equal", False),
    ]  # fmt: skip
    assert result.layers[0].facts["a"]["shape"] == (3, 10, 10, 4)
    assert result.facts["equal"] is False


@pytest.mark.parametrize(
    ("fields", "limits", "words"),
    [
        ({"max_macs": 1.5}, {}, "the work of both sides"),
        ({"data": True, "max_bytes": 9_000}, {}, "the activations asked for"),
        ({}, {"max_working_bytes": 45_000}, "the activations of both sides"),
        ({}, {"max_model_bytes": 20_000}, "the weights of both sides"),
    ],
)
def test_limits_are_of_both_runs_together(fields: dict[str, Any], limits: dict[str, int], words: str) -> None:
    """What each may do alone, both may not."""
    own = EngineLimits(**{"max_working_bytes": 1 << 30, "max_model_bytes": 1 << 30, **limits})
    subject = Subject(network().to_json(), own)
    alone = subject.execution.run(subject.run_of(X, ("head",), data=False), list(X.values()))
    fields = fields | ({"max_macs": int(alone.macs * fields["max_macs"])} if "max_macs" in fields else {})
    with pytest.raises(TooLarge) as refused:
        compare(subject, a=fields, b=policy("mixed_float16"))
    problem = refused.value.problems[0]
    assert problem.message.startswith(words)
    assert problem.suggestion


@pytest.mark.parametrize("side", [0, 1])
def test_errors_point_to_their_side(side: int) -> None:
    """Of the options of a run, and of its document."""
    subject = Subject({"input": [4], "layers": [{"type": "ops.argmax", "axis": -1, "name": "arg"}]})
    inputs = {"input": np.zeros((2, 4), np.float32)}
    run = subject.run_of(inputs, ("arg",), data=False)
    broken = msgspec.structs.replace(run, max_macs=-1)
    runs = (broken, run) if side == 0 else (run, broken)
    question = Comparison((("arg", "arg"),))
    with pytest.raises((TooLarge, InvalidDocument, InvalidOption)) as refused:
        answer(subject.execution, Analyse(1, runs, question), [list(inputs.values())] * 2)
    assert isinstance(refused.value, LayerscopeError)
    assert refused.value.problems[0].pointer.startswith(question.pointers[side])


def test_integers_are_compared(subject: Subject) -> None:
    """Indices of the largest unit, as float64."""
    one = Subject({"input": [4], "layers": [{"type": "ops.argmax", "axis": -1, "name": "arg"}]})
    a, b = np.array([[3, 1, 2, 0], [0, 0, 0, 9]], np.float32), np.array([[0, 1, 2, 3], [0, 0, 0, 9]], np.float32)
    run = one.run_of({"input": a}, ("arg",))
    result = answer(one.execution, Analyse(1, (run, run), Comparison((("arg", "arg"),))), [[a], [b]])
    facts = result.layers[0].facts
    assert (facts["status"], facts["max_abs"], facts["max_ulp"], facts["at"]) == (
        "differs", 3.0, None, {"index": [0], "a": 0, "b": 3},
    )  # fmt: skip
    sent: Array = array_of(result.tensors[0], result.buffers[0])
    assert sent.tolist() == [-3, 0]

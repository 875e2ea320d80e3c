"""Edits against NumPy and Keras: the laws, every operation, and equality with a model whose layer was replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812
from keras import ops

from models.engine.explaining.edited_run import run_edited
from models.errors import InvalidOption
from models.explaining.editing import parse_edits
from models.ipc.arrays import array_of
from models.ipc.messages import TensorInfo
from models.tensors.dtypes import Array
from tests.unit.models.engine.explained import Subject

X = np.random.default_rng(8).normal(size=(3, 6, 6, 2)).astype(np.float32)
X[0, 0, 0, 0] = -0.0
EVERYTHING = ("picture", "first:pre", "first", "second", "sum", "head")


def network() -> keras.Model:
    """Return two convolutions, one around the other, and a dense layer."""
    x = inputs = keras.Input((6, 6, 2), name="picture")
    x = L.Conv2D(4, 3, padding="same", activation="relu", name="first", bias_initializer="random_normal")(x)
    y = L.Conv2D(4, 3, padding="same", activation="tanh", name="second")(x)
    z = L.Flatten(name="flat")(L.Add(name="sum")([x, y]))
    return keras.Model(inputs, L.Dense(3, name="head")(z))


@pytest.fixture(scope="module")
def subject() -> Subject:
    """The network in an engine."""
    return Subject(network().to_json())


def edited(
    subject: Subject, *entries: dict[str, Any], inputs: Array = X, outputs: tuple[str, ...] = EVERYTHING,
    tensors: Mapping[str, Array] | None = None, name: str = "picture", **options: Any,
) -> tuple[dict[str, Array], list[Any]]:  # fmt: skip
    """Return the tensors of a run with edits, and what each edit did."""
    edits, arrays = parse_edits(subject.network, list(entries), outputs, tensors or {})
    run = subject.run_of({name: inputs, **arrays}, outputs, edits=edits, **options)
    result = run_edited(subject.execution, run, [inputs, *arrays.values()])
    found = {info.name: array_of(info, data) for info, data in zip(result.tensors, result.buffers, strict=True)}
    return found, list(result.facts["edits"])


def plain(subject: Subject, inputs: Array = X) -> dict[str, Array]:
    """Return the tensors of a run without edits."""
    result = subject.execution.run(subject.run_of({"picture": inputs}, EVERYTHING), [inputs])
    return {info.name: array_of(info, data).copy() for info, data in zip(result.tensors, result.buffers, strict=True)}


@pytest.mark.parametrize("at", EVERYTHING)
@pytest.mark.parametrize("entry", [{"scale": 1}, {"add": 0}, {"noise": {"std": 0}}, {"clamp": [-1e30, 1e30]}])
def test_an_edit_that_does_nothing_changes_no_bit(subject: Subject, at: str, entry: dict[str, Any]) -> None:
    """Anywhere, zeros' signs included."""
    found, did = edited(subject, {"at": at, **entry})
    assert did == [{"addresses": (at,), "changed": 0}]
    for address, one in plain(subject).items():
        assert found[address].tobytes() == one.tobytes(), address


def test_a_patch_of_an_item_by_itself_changes_no_bit_of_it(subject: Subject) -> None:
    """The others become like it."""
    found, _ = edited(subject, {"at": "first", "patch": {"item": 1}})
    expected = plain(subject)
    for address, one in expected.items():
        assert found[address][1].tobytes() == one[1].tobytes()
    np.testing.assert_array_equal(found["second"], np.repeat(expected["second"][1:2], 3, axis=0))


@pytest.mark.parametrize(
    ("at", "after"), [("second", ("second", "sum", "head")), ("sum", ("sum", "head")), ("head", ("head",))]
)
def test_what_is_not_downstream_keeps_its_bits(subject: Subject, at: str, after: tuple[str, ...]) -> None:
    """And what is downstream does not."""
    found, _ = edited(subject, {"at": at, "add": 1})
    for address, one in plain(subject).items():
        assert (found[address].tobytes() == one.tobytes()) == (address not in after), address


def shuffled(x: Array) -> Array:
    """Return what `permute` does with seed 5."""
    order = np.tile(np.arange(36, dtype=np.int32)[:, None], (1, 4))
    order = np.random.default_rng(5).permuted(order, axis=0)
    return np.take_along_axis(x.reshape(-1, 36, 4), order[None], axis=1).reshape(x.shape)


UNIT = np.array([3, 0, 0, 4]) / 5
OPERATIONS: dict[str, tuple[dict[str, Any], Callable[[Array], Array]]] = {
    "zero": ({"zero": True}, np.zeros_like),
    "channels": ({"zero": True, "channels": [0, -1]}, lambda x: x * np.array([0, 1, 1, 0], np.float32)),
    "mean of positions": ({"mean": "positions"}, lambda x: np.broadcast_to(x.mean((1, 2), keepdims=True), x.shape)),
    "mean of channels": ({"mean": "channels"}, lambda x: np.broadcast_to(x.mean(3, keepdims=True), x.shape)),
    "mean of the batch": ({"mean": "batch"}, lambda x: np.broadcast_to(x.mean(0, keepdims=True), x.shape)),
    "set": ({"set": [1, 2, 3, 4]}, lambda x: np.broadcast_to(np.float32([1, 2, 3, 4]), x.shape)),
    "set of channels": ({"set": [5, 6], "channels": [2, 0]}, lambda x: np.stack(
        [np.full(x.shape[:3], 6), x[..., 1], np.full(x.shape[:3], 5), x[..., 3]], axis=-1)),
    "scale": ({"scale": -2}, lambda x: -2 * x),
    "add": ({"add": np.arange(36).reshape(6, 6, 1).tolist()}, lambda x: x + np.arange(36).reshape(6, 6, 1)),
    "clamp": ({"clamp": [0.1, 0.5]}, lambda x: np.clip(x, 0.1, 0.5)),
    "noise": ({"noise": {"std": 2, "seed": 9}}, lambda x: x + np.random.default_rng(9).normal(0, 2, x.shape)),
    "permute": ({"permute": {"seed": 5}}, shuffled),
    "patch": ({"patch": {"item": 2}}, lambda x: np.repeat(x[2:3], 3, axis=0)),
    "onto": ({"project": {"onto": [3, 0, 0, 4]}}, lambda x: (x @ UNIT)[..., None] * UNIT),
    "off": ({"project": {"off": [3, 0, 0, 4]}}, lambda x: x - (x @ UNIT)[..., None] * UNIT),
    "slice": ({"slice": "1, 2:4, :, 3", "set": 7}, lambda x: np.where(
        (np.arange(3) == 1)[:, None, None, None] & np.isin(np.arange(6), (2, 3))[:, None, None]
        & (np.arange(4) == 3), 7, x)),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(OPERATIONS))
def test_operations_are_numpys_and_everything_downstream_sees_them(subject: Subject, what: str) -> None:
    """The tensor itself against NumPy, and the output against Keras' layers called on it."""
    entry, expected = OPERATIONS[what]
    before, model = plain(subject), network()
    subject.copy_weights(model)
    found, did = edited(subject, {"at": "first", **entry})
    wanted = expected(before["first"]).astype(np.float32)
    np.testing.assert_allclose(found["first"], wanted, rtol=1e-5, atol=1e-6)
    assert did == [{"addresses": ("first",), "changed": int((found["first"] != before["first"]).sum())}]
    rest = keras.Model(model.get_layer("first").output, model.output)
    np.testing.assert_allclose(found["head"], rest(found["first"]), rtol=1e-4, atol=1e-5)


def test_entries_at_one_place_apply_in_order(subject: Subject) -> None:
    """The second to what the first returned, be it at other channels."""
    found, did = edited(
        subject, {"at": "first", "add": 1}, {"at": "first", "scale": 3}, {"at": "first", "zero": True, "channels": [1]}
    )
    expected = (plain(subject)["first"] + np.float32(1)) * np.float32(3)
    expected[..., 1] = 0
    np.testing.assert_allclose(found["first"], expected, rtol=1e-6)
    assert [one["changed"] for one in did[:2]] == [432, 432]


def test_an_edited_network_is_the_keras_model_with_that_layer_replaced(subject: Subject) -> None:
    """The value before a fused activation, too."""
    model = network()
    subject.copy_weights(model)
    conv = model.get_layer("first")
    before = ops.conv(X, conv.kernel, padding="same") + conv.bias
    rest = keras.Model(conv.output, model.output)
    found, _ = edited(subject, {"at": "first:pre", "clamp": [-1, 0.25]})
    np.testing.assert_allclose(found["first:pre"], np.clip(before, -1, 0.25), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["head"], rest(np.clip(before, 0, 0.25)), rtol=1e-4, atol=1e-5)


def test_one_function_serves_all_values_of_edits(subject: Subject) -> None:
    """Numbers are its arguments, and other structures have functions of their own."""
    model, _ = subject.execution.model(subject.run_of({}, ()))
    edited(subject, {"at": "second", "scale": 2.5})
    count = len(model.edited)
    for value in (3, -1, 0.125):
        found, _ = edited(subject, {"at": "second", "scale": value})
        np.testing.assert_array_equal(found["second"], plain(subject)["second"] * np.float32(value))
    assert len(model.edited) == count


def test_inputs_of_ids_take_whole_numbers_of_their_range() -> None:
    """Fractions and noise are refused."""
    document = {"input": {"ids": {"shape": [3], "dtype": "uint8"}}, "layers": [
        {"type": "Embedding", "input_dim": 9, "output_dim": 2, "name": "words"}]}  # fmt: skip
    subject, ids = Subject(document), np.array([[1, 2, 3]], np.uint8)
    given: dict[str, Any] = {"inputs": ids, "outputs": ("ids", "words"), "name": "ids"}
    found, _ = edited(subject, {"at": "ids", "set": [4, 5, 6]}, **given)
    table = subject.weights_of("words")[0]
    np.testing.assert_array_equal(found["words"], table[[[4, 5, 6]]])
    for entry in ({"set": 1.5}, {"set": 256}, {"noise": {"std": 1}}, {"project": {"onto": [1, 0, 0]}}):
        with pytest.raises(InvalidOption, match="has whole numbers"):
            edited(subject, {"at": "ids", **entry}, **given)


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        ({"at": "first", "set": [1, 2, 3]}, "/edits/0/set"),
        ({"at": "first", "add": [[[[[1]]]]]}, "/edits/0/add"),
        ({"at": "first", "channels": [4], "zero": True}, "/edits/0/channels/0"),
        ({"at": "first", "channels": [0], "set": [1, 2]}, "/edits/0/set"),
        ({"at": "first", "slice": "5", "zero": True}, "/edits/0/slice"),
        ({"at": "first", "patch": {"item": 3}}, "/edits/0/patch/item"),
        ({"at": "first", "project": {"onto": [1, 2]}}, "/edits/0/project"),
    ],
)
def test_what_does_not_fit_its_tensor_is_refused(subject: Subject, entry: dict[str, Any], pointer: str) -> None:
    """Nothing grows, and nothing is clamped."""
    with pytest.raises(InvalidOption) as caught:
        edited(subject, entry)
    assert caught.value.problems[0].pointer == pointer


def test_an_explanation_is_of_the_edited_network(subject: Subject) -> None:
    """Also in passes of its own, and with the inputs edited: as of a model with the same changes."""
    model = network()
    subject.copy_weights(model)
    entries = [{"at": "picture", "scale": 0.5}, {"at": "first", "channels": [0], "zero": True}]
    edits, arrays = parse_edits(subject.network, entries, ("head",), {})
    assert isinstance(next(iter(arrays.values())), np.ndarray)
    infos = [TensorInfo(name, one.dtype.name, one.shape, one.nbytes) for name, one in arrays.items()]
    assert len(infos) == 1
    found = subject.explain({"picture": X, **arrays}, ["picture"], method="gradient", of="head[1]", edits=edits)
    import tensorflow as tf  # noqa: PLC0415

    first = keras.Model(model.input, model.get_layer("first").output)
    rest = keras.Model(model.get_layer("first").output, model.output)
    given = tf.constant(X * np.float32(0.5))
    with tf.GradientTape() as tape:
        tape.watch(given)
        score = tf.reduce_sum(rest(first(given) * np.float32([0, 1, 1, 1]))[:, 1])
    np.testing.assert_allclose(found.tensors["picture"], tape.gradient(score, given), rtol=1e-4, atol=1e-6)

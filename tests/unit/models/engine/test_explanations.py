"""Explanations against Keras called directly: a GradientTape by hand, brute force, and the formulas of the papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

from acceptance.gradients import expected_gradients, output_address
from acceptance.graph_models import (
    attention,
    encoder_decoder,
    mixed_float16,
    operations,
    shared_three_times,
    three_dimensions,
)
from acceptance.graphs import input_names, random_inputs
from models.engine.execution import EngineLimits
from models.errors import InvalidOption, TooLarge
from models.tensors.dtypes import Array
from tests.unit.models.engine.explained import Subject

PICTURES = np.random.default_rng(5).normal(size=(3, 12, 12, 2)).astype(np.float32)


def small_network(last: str | None = "softmax") -> keras.Model:
    """Return two convolutions and two dense layers."""
    x = inputs = keras.Input((12, 12, 2), name="picture")
    x = L.Conv2D(4, 3, activation="relu", name="first", bias_initializer="random_normal")(x)
    x = L.Conv2D(3, 3, strides=2, activation="tanh", name="second")(x)
    x = L.Dense(8, activation="silu", name="wide")(L.Flatten(name="flat")(x))
    return keras.Model(inputs, L.Dense(5, activation=last, name="head", bias_initializer="random_normal")(x))


@pytest.fixture(scope="module")
def small() -> tuple[Subject, keras.Model]:
    """The network in an engine, and in Keras without its softmax."""
    subject, model = Subject(small_network().to_json()), small_network(None)
    subject.copy_weights(model)
    return subject, model


def score_gradients(model: keras.Model, score: Callable[[Any], Any], pictures: Array = PICTURES) -> Array:
    """Return the gradient of a score of the outputs at the pictures."""
    given = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = tf.reduce_sum(score(model(given, training=False)))
    return np.asarray(tape.gradient(value, given))


@pytest.mark.parametrize(
    "make", [shared_three_times, encoder_decoder, attention, operations, three_dimensions, mixed_float16]
)
def test_gradients_are_those_of_a_tape_on_the_keras_model(make: Callable[[], keras.Model]) -> None:
    """At every address that the number depends on, three rows at once: shared, recurrent, attention, operations,
    several inputs, float16.
    """
    model = make()
    subject, inputs = Subject(model.to_json()), random_inputs(model)
    subject.copy_weights(model)
    expected = {name: one for name, one in expected_gradients(model, inputs).items() if "float" in one.dtype.name}
    given = dict(zip(input_names(model), inputs, strict=True))
    found = subject.explain(given, list(expected), of=f"{output_address(model)}[..., 0]").tensors
    assert set(found) == set(expected)
    for address, one in expected.items():
        tolerance = 2e-3 if make is mixed_float16 else 1e-5
        shaped = one.reshape(found[address].shape)
        atol = tolerance * (np.abs(shaped).max() or 1)
        np.testing.assert_allclose(found[address], shaped, rtol=0, atol=atol, err_msg=address)


def test_gradients_reach_into_models_in_models() -> None:
    """An address three deep, in each of two calls of the block around it, against layers that are called by hand."""
    dense = [L.Dense(4, activation="tanh", name=f"dense{number}") for number in range(3)]
    x = keras.Input((4,))
    innermost = keras.Model(x, dense[0](x), name="innermost")
    x = keras.Input((4,))
    middle = keras.Model(x, dense[1](innermost(x)), name="middle")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, dense[2](L.Add(name="sum")([middle(x), middle(L.ReLU(name="positive")(x))])))
    subject, values = Subject(model.to_json()), np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)
    subject.copy_weights(model)
    to = ["middle@0/innermost/dense0", "middle@1/innermost/dense0"]
    found = subject.explain({"x": values}, to, of="dense2[1]").tensors
    given = tf.constant(values)
    with tf.GradientTape() as tape:
        inner = [dense[0](given), dense[0](tf.nn.relu(given))]
        tape.watch(inner)
        score = tf.reduce_sum(dense[2](dense[1](inner[0]) + dense[1](inner[1]))[:, 1])
    for address, one in zip(to, tape.gradient(score, inner), strict=True):
        np.testing.assert_allclose(found[address], one, rtol=1e-5, atol=1e-7)


def test_the_default_is_the_score_of_each_items_largest_unit(small: tuple[Subject, keras.Model]) -> None:
    """Taken before the softmax."""
    subject, model = small
    found = subject.explain({"picture": PICTURES})
    scores = np.asarray(model(PICTURES))
    best = scores.argmax(axis=1)
    target = found.facts["target"]
    assert (target["address"], target["argmax"], target["is_default"]) == ("head:pre", best.tolist(), True)
    np.testing.assert_allclose(target["values"], scores[np.arange(3), best], rtol=1e-5)
    expected = score_gradients(model, lambda out: tf.gather(out, best, axis=1, batch_dims=1))
    np.testing.assert_allclose(found.tensors["picture"], expected, rtol=1e-4, atol=1e-6)


def test_a_probability_that_is_certain_has_no_gradient() -> None:
    """Its score has one, and is what is explained by default; who asks for the probability is warned."""
    document = {"input": [4], "layers": [{"type": "Dense", "units": 2, "activation": "softmax", "name": "head",
                                          "kernel_initializer": "ones", "bias_initializer": "zeros"}]}  # fmt: skip
    document["layers"][0]["kernel_initializer"] = {"type": "Constant", "value": 100.0}  # type: ignore[index]
    subject, x = Subject(document), np.array([[1.0, 2.0, 3.0, 4.0]], np.float32)
    one = subject.explain({"input": x}, of="head:pre[0]", minus="head:pre[1]")
    assert one.facts["target"]["scores"] == [0.0]
    single = Subject({"input": [4], "layers": [{"type": "Dense", "units": 1, "activation": "sigmoid", "name": "head",
                      "kernel_initializer": {"type": "Constant", "value": 100.0}}]})  # fmt: skip
    sure = single.explain({"input": x}, of="head[0]")
    assert not sure.tensors["input"].any()
    assert {warning["warning"] for warning in sure.facts["warnings"]} == {"saturated", "all_zero"}
    default = single.explain({"input": x})
    np.testing.assert_array_equal(default.tensors["input"], [[100.0] * 4])
    assert default.facts["warnings"] == []


@pytest.mark.parametrize(
    ("options", "score"),
    [
        ({"of": "head:pre[2]"}, lambda out: out[:, 2]),
        ({"of": "head:pre[-1]"}, lambda out: out[:, 4]),
        ({"of": "head:pre[1:4:2]"}, lambda out: out[:, 1] + out[:, 3]),
        ({"of": "head:pre"}, lambda out: tf.reduce_sum(out, axis=1)),
        ({"of": "head:pre[0]", "minus": "head:pre[3]"}, lambda out: out[:, 0] - out[:, 3]),
        ({"of": "head:pre[0]", "sign": -1}, lambda out: -out[:, 0]),
        ({"of": "head[2]"}, lambda out: tf.nn.softmax(out)[:, 2]),
        ({"of": "head:pre[argmax]", "minus": "head:pre[0]"}, lambda out: tf.reduce_max(out, axis=1) - out[:, 0]),
    ],
)
def test_targets_are_numpys(small: tuple[Subject, keras.Model], options: Any, score: Callable[[Any], Any]) -> None:
    """Units, ranges, sums, differences, and the other side."""
    subject, model = small
    found = subject.explain({"picture": PICTURES}, **options)
    expected = score_gradients(model, score)
    np.testing.assert_allclose(found.tensors["picture"], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.facts["target"]["scores"], score(model(PICTURES)), rtol=1e-4, atol=1e-6)


def test_rows_do_not_mix_however_many_there_are(small: tuple[Subject, keras.Model]) -> None:
    """A batch of 150, which takes several passes, has the gradients of each item alone."""
    subject, _ = small
    many = np.random.default_rng(2).normal(size=(150, 12, 12, 2)).astype(np.float32)
    together = subject.explain({"picture": many}).tensors["picture"]
    for item in (0, 63, 64, 149):
        alone = subject.explain({"picture": many[item : item + 1]}).tensors["picture"]
        np.testing.assert_allclose(together[item : item + 1], alone, rtol=1e-4, atol=1e-6)


def test_gradients_of_weights_are_those_of_the_sum_of_the_scores(small: tuple[Subject, keras.Model]) -> None:
    """Of the layers that are addressed, in Keras' names and shapes."""
    subject, model = small
    found = subject.explain({"picture": PICTURES}, ["first", "head:pre"], of="head:pre[1]", weights=True).tensors
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(model(PICTURES)[:, 1])
    first, head = model.get_layer("first"), model.get_layer("head")
    wanted = [first.kernel, first.bias, head.kernel, head.bias]
    names = ["first/kernel", "first/bias", "head/kernel", "head/bias"]
    for name, one in zip(names, tape.gradient(score, [weight.value for weight in wanted]), strict=True):
        np.testing.assert_allclose(found[f"weights/{name}"], one, rtol=1e-4, atol=1e-5)


def test_input_x_gradient_is_the_product(small: tuple[Subject, keras.Model]) -> None:
    """Element by element."""
    subject, model = small
    found = subject.explain({"picture": PICTURES}, method="input_x_gradient", of="head:pre[1]").tensors["picture"]
    np.testing.assert_allclose(found, PICTURES * score_gradients(model, lambda out: out[:, 1]), rtol=1e-4, atol=1e-6)


def test_smooth_grad_is_the_mean_over_noise(small: tuple[Subject, keras.Model]) -> None:
    """Of the item's range, drawn in the order of the items; the same seed gives the same numbers."""
    subject, model = small
    asked = {"method": "smooth_grad", "of": "head:pre[1]", "samples": 8, "noise": 0.3, "seed": 4}
    found = subject.explain({"picture": PICTURES}, **asked).tensors["picture"]
    random, means = np.random.default_rng(4), []
    for picture in PICTURES:
        noise = random.normal(0, 0.3 * (float(picture.max()) - float(picture.min())), (8, *picture.shape))
        noisy = (picture + noise).astype(np.float32)
        means.append(score_gradients(model, lambda out: out[:, 1], noisy).mean(axis=0))
    np.testing.assert_allclose(found, means, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(found, subject.explain({"picture": PICTURES}, **asked).tensors["picture"])


@pytest.mark.parametrize("baseline", ["zero", "mean", "blur", 0.5, np.full((12, 12, 2), 0.25).tolist()])
def test_integrated_gradients_sum_to_the_difference_of_the_scores(
    small: tuple[Subject, keras.Model], baseline: Any
) -> None:
    """Between item and baseline; they are the integral of a thousand steps."""
    subject, model = small
    found = subject.explain({"picture": PICTURES}, method="integrated_gradients", of="head:pre[1]", baseline=baseline)
    sums = found.tensors["picture"].sum(axis=(1, 2, 3))
    facts = found.facts
    np.testing.assert_allclose(facts["target"]["scores"], model(PICTURES)[:, 1], rtol=1e-4, atol=1e-5)
    differences = np.subtract(facts["target"]["scores"], facts["baseline_scores"])
    np.testing.assert_allclose(sums, differences, rtol=0.02, atol=5e-3)  # the slope jumps at each ReLU on the way
    np.testing.assert_allclose(facts["delta"], sums - differences, atol=1e-5)
    if baseline == "zero":
        steps = (np.arange(1000) + 0.5) / 1000
        path = (steps[:, None, None, None] * PICTURES[0]).astype(np.float32)
        mean = score_gradients(model, lambda out: out[:, 1], path).mean(axis=0)
        np.testing.assert_allclose(found.tensors["picture"][0], PICTURES[0] * mean, rtol=0.02, atol=2e-3)


def test_integrated_gradients_of_a_layer_follow_what_it_returns(small: tuple[Subject, keras.Model]) -> None:
    """They sum to the score less that with zeros in its place."""
    subject, model = small
    found = subject.explain({"picture": PICTURES}, ["second"], method="integrated_gradients", of="head:pre[1]")
    rest = keras.Model(model.get_layer("second").output, model.output)
    zeros = np.asarray(rest(np.zeros((1, 4, 4, 3), np.float32)))[0, 1]
    np.testing.assert_allclose(found.facts["baseline_scores"], [zeros] * 3, rtol=1e-4)
    expected = np.subtract(found.facts["target"]["scores"], zeros)
    np.testing.assert_allclose(found.tensors["second"].sum(axis=(1, 2, 3)), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("relu", [True, False])
def test_maps_are_those_of_the_papers(small: tuple[Subject, keras.Model], relu: bool) -> None:
    """Grad-CAM, Grad-CAM++ and LayerCAM written out."""
    subject, model = small
    whole = keras.Model(model.input, [model.get_layer("second").output, model.output])
    with tf.GradientTape() as tape:
        values, out = whole(PICTURES)
        score = tf.reduce_sum(out[:, 1])
    gradients, activations = np.asarray(tape.gradient(score, values), np.float64), np.asarray(values, np.float64)
    cam = (activations * gradients.mean(axis=(1, 2), keepdims=True)).sum(axis=-1)
    layer = (activations * np.maximum(gradients, 0)).sum(axis=-1)
    below = 2 * gradients**2 + gradients**3 * activations.sum(axis=(1, 2), keepdims=True)
    alphas = np.where(gradients != 0, gradients**2 / below, 0)
    weights = (alphas * np.maximum(gradients, 0)).sum(axis=(1, 2), keepdims=True)
    plus = (activations * weights).sum(axis=-1)
    for method, expected in {"grad_cam": cam, "layer_cam": layer, "grad_cam++": plus}.items():
        found = subject.explain({"picture": PICTURES}, method=method, of="head:pre[1]", relu=relu).tensors["second"]
        wanted = np.maximum(expected, 0) if relu else expected
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max(), err_msg=method)


def test_occlusion_is_the_drop_with_a_window_covered(small: tuple[Subject, keras.Model]) -> None:
    """For each window, the last of which ends where the picture does."""
    subject, model = small
    found = subject.explain({"picture": PICTURES}, method="occlusion", of="head:pre[1]", window=5, stride=3, value=0.5)
    assert found.facts["windows"] == {"picture": [[0, 3, 6, 7], [0, 3, 6, 7]]}
    scores = np.asarray(model(PICTURES))[:, 1]
    for row, top in enumerate((0, 3, 6, 7)):
        for column, left in enumerate((0, 3, 6, 7)):
            covered = PICTURES.copy()
            covered[:, top : top + 5, left : left + 5] = 0.5
            drop = scores - np.asarray(model(covered))[:, 1]
            np.testing.assert_allclose(found.tensors["picture"][:, row, column], drop, rtol=1e-3, atol=1e-5)


def test_ablation_is_the_drop_without_a_channel(small: tuple[Subject, keras.Model]) -> None:
    """Of a layer, and of the input."""
    subject, model = small
    found = subject.explain({"picture": PICTURES}, ["second", "picture"], method="ablation", of="head:pre[1]").tensors
    second = keras.Model(model.input, model.get_layer("second").output)
    rest = keras.Model(model.get_layer("second").output, model.output)
    scores = np.asarray(model(PICTURES))[:, 1]
    for channel in range(3):
        values = np.array(second(PICTURES))
        values[..., channel] = 0
        np.testing.assert_allclose(
            found["second"][:, channel], scores - np.asarray(rest(values))[:, 1], rtol=1e-3, atol=1e-5
        )
    for channel in range(2):
        pictures = PICTURES.copy()
        pictures[..., channel] = 0
        expected = scores - np.asarray(model(pictures))[:, 1]
        np.testing.assert_allclose(found["picture"][:, channel], expected, rtol=1e-3, atol=1e-5)


def test_ids_are_explained_by_what_they_look_up() -> None:
    """Ids have no gradient, and the error names what has; attributions of the vectors sum to the score's difference."""
    document = {"input": {"ids": {"shape": [5], "dtype": "int32"}}, "layers": [
        {"type": "Embedding", "input_dim": 9, "output_dim": 4, "name": "words"}, {"type": "LSTM", "units": 3},
        {"type": "Dense", "units": 2, "name": "head"}]}  # fmt: skip
    subject, ids = Subject(document), np.array([[1, 2, 3, 4, 0]], np.int32)
    with pytest.raises(InvalidOption) as caught:
        subject.explain({"ids": ids}, ["ids"])
    assert caught.value.problems[0].suggestion == 'write "words"'
    found = subject.explain({"ids": ids}, ["words"], method="integrated_gradients", of="head[0]")
    difference = found.facts["target"]["scores"][0] - found.facts["baseline_scores"][0]
    np.testing.assert_allclose(found.tensors["words"].sum(), difference, rtol=1e-3)


def test_a_layer_that_returns_its_input_has_a_gradient_of_its_own() -> None:
    """At inference Dropout is the identity: what goes around it does not count."""
    document = {"input": [3], "layers": [
        {"type": "Dropout", "rate": 0.5, "name": "drop"},
        {"type": "Add", "name": "sum", "inputs": ["input", "drop"]}]}  # fmt: skip
    found = Subject(document).explain({"input": np.ones((1, 3), np.float32)}, ["input", "drop"], of="sum[0]").tensors
    np.testing.assert_array_equal(found["drop"], [[1, 0, 0]])
    np.testing.assert_array_equal(found["input"], [[2, 0, 0]])


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"to": ["head:pre", "picture"], "method": "grad_cam"}, "/to/0"),
        ({"to": ["head:pre"], "method": "occlusion", "of": "head[0]"}, "/to/0"),
        ({"method": "occlusion", "window": 13}, "/window"),
        ({"to": ["first:pre"], "method": "ablation"}, "/to/0"),
        ({"to": ["first:pre"], "method": "integrated_gradients"}, "/to/0"),
        ({"to": ["picture", "second"], "method": "integrated_gradients"}, "/to/1"),
        ({"method": "integrated_gradients", "baseline": "grey"}, "/baseline"),
        ({"method": "integrated_gradients", "baseline": [1, 2]}, "/baseline"),
        ({"method": "integrated_gradients", "baseline": float("nan")}, "/baseline"),
        ({"to": ["second"], "method": "integrated_gradients", "baseline": "blur", "of": "second[0, 0, 7]"}, "/of"),
    ],
)  # fmt: skip
def test_what_a_method_does_not_explain_is_refused(
    small: tuple[Subject, keras.Model], options: dict[str, Any], pointer: str
) -> None:
    """With a pointer to what to change."""
    with pytest.raises(InvalidOption) as caught:
        small[0].explain({"picture": PICTURES}, **options)
    assert caught.value.problems[0].pointer == pointer


def test_limits_refuse_before_anything_is_computed(small: tuple[Subject, keras.Model]) -> None:
    """By the rows of the method, with what would fit."""
    subject, _ = small
    asked = {"method": "integrated_gradients", "of": "head:pre[0]"}
    with pytest.raises(TooLarge, match="too much work") as caught:
        subject.explain({"picture": PICTURES}, max_macs=4_000_000, **asked)
    assert "items at once" in str(caught.value.problems[0].suggestion)
    with pytest.raises(TooLarge, match="one item takes too much memory"):
        Subject(small_network().to_json(), EngineLimits(2000, 1 << 30)).explain({"picture": PICTURES})

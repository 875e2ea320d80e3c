"""Findings about what layers return: on tensors made to have each, on ones that have not, and on too few items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from models.explaining.diagnosing.finding import Outcome
from models.explaining.diagnosing.layer_run import LayerRun
from models.explaining.findings import FINDINGS
from models.layers.activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from models.layers.convolution import Conv2D
from models.layers.core import Dense, Embedding
from models.layers.normalization import BatchNormalization
from models.layers.operations_elementwise import ReluOp
from models.layers.preprocessing import Rescaling
from models.layers.wrapping import TimeDistributed

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(7)
ITEMS = 40


def look(name: str, run: LayerRun) -> Outcome | None:
    """Ask one finding about a layer."""
    return FINDINGS[name].look(run)


def status(name: str, run: LayerRun) -> str | None:
    """Return what one finding says of a layer, in a word; None where it does not apply."""
    outcome = look(name, run)
    return outcome and outcome.status


def normal(*shape: int) -> Array:
    """Draw normal numbers."""
    return RNG.normal(size=shape).astype(np.float32)


def dense_run(before: Array, activation: str | None = "relu", **known: Any) -> LayerRun:
    """Return a dense layer with these values before its activation."""
    functions = {
        None: lambda x: x, "relu": lambda x: np.maximum(x, 0), "relu6": lambda x: np.clip(x, 0, 6),
        "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    }  # fmt: skip
    layer = Dense(units=before.shape[-1], activation=activation)
    output = functions[activation](before).astype(before.dtype)
    known = {"inputs": (normal(len(before), 5),), "items": len(before), **known}
    return LayerRun("dense", layer, outputs=(output,), before=before if activation else None, **known)


def without_items(run: LayerRun, items: int = 1) -> LayerRun:
    """Return the same layer on the first items alone."""
    first = {name: tuple(array[:items] for array in getattr(run, name)) for name in ("inputs", "outputs")}
    before = None if run.before is None else run.before[:items]
    known = {name: getattr(run, name) for name in ("weights", "is_output", "from_input", "readers", "scale")}
    return LayerRun(run.address, run.layer, before=before, items=items, **first, **known)


def dead(units: int, count: int, shape: tuple[int, ...] = ()) -> Array:
    """Return values before a ReLU: the first `count` units lie far below 0."""
    before = normal(ITEMS, *shape, units)
    before[..., :count] -= 10
    return before


@pytest.mark.parametrize("shape", [(), (6,), (4, 4)])
def test_dead_units(shape: tuple[int, ...]) -> None:
    """Units that are 0 everywhere, with inputs far below 0, are dead; as many as there are, with the first indices."""
    run = dense_run(dead(64, 30, shape))
    outcome = look("dead_units", run)
    assert outcome is not None
    assert (outcome.status, outcome.severity) == ("found", "medium")
    assert outcome.evidence == {"items": ITEMS, "units": 64, "dead": 30, "indices": list(range(20))}
    assert outcome.threshold == {"deviations_below_the_edge": 4.0, "items": 32}
    assert "30 of 64" in outcome.text
    assert status("dead_units", without_items(run)) == "not_enough_items"
    assert status("dead_units", dense_run(dead(64, 0, shape))) == "clear"


@pytest.mark.parametrize(("count", "severity"), [(1, "low"), (10, "medium"), (50, "high"), (100, "high")])
def test_the_severity_of_dead_units(count: int, severity: str) -> None:
    """It follows from their share."""
    outcome = look("dead_units", dense_run(dead(100, count)))
    assert outcome is not None
    assert (outcome.status, outcome.severity) == ("found", severity)


def test_seldom_active_units_are_not_dead() -> None:
    """A unit active for one item of fifty is 0 for all of forty by chance: its inputs come near 0."""
    before = RNG.normal(-2.05, 1, (ITEMS, 2000)).astype(np.float32)
    quiet = before[:, (before < 0).all(axis=0)]
    assert quiet.shape[1] > 500
    assert status("dead_units", dense_run(quiet)) == "clear"


def test_a_unit_that_is_active_once_is_not_dead() -> None:
    """However far its other inputs lie below 0."""
    before = dead(8, 1)
    before[17, 0] = 0.5
    assert status("dead_units", dense_run(before)) == "clear"


def test_a_unit_without_weights_is_dead() -> None:
    """One whose input is always 0, or always the same negative number."""
    before = normal(ITEMS, 4)
    before[:, 0], before[:, 1] = 0, -1
    outcome = look("dead_units", dense_run(before))
    assert outcome is not None
    assert outcome.evidence["indices"] == [0, 1]


@pytest.mark.parametrize(
    "layer", [ReLU(), ReLU(max_value=6.0), Activation(activation="relu"), ReluOp(), LeakyReLU(negative_slope=0.0),
              TimeDistributed(layer=Activation(activation="relu"))]
)  # fmt: skip
def test_dead_units_of_activation_layers(layer: Any) -> None:
    """A layer of its own is looked at as a fused activation is."""
    before = dead(10, 5, (3,))
    run = LayerRun("relu", layer, (before,), (np.clip(before, 0, 6),), items=ITEMS)
    assert status("dead_units", run) == "found"


@pytest.mark.parametrize(
    "layer", [LeakyReLU(), ELU(), ReLU(negative_slope=0.1), Activation(activation="tanh"), Softmax(), Dense(units=3),
              Embedding(input_dim=3, output_dim=4), BatchNormalization()]
)  # fmt: skip
def test_layers_without_dead_units(layer: Any) -> None:
    """Zeros behind other layers mean something else."""
    zeros = np.zeros((ITEMS, 4), np.float32)
    assert look("dead_units", LayerRun("layer", layer, (zeros,), (zeros,), items=ITEMS)) is None


def test_the_edge_of_a_relu() -> None:
    """It is where the activation begins to return 0, not 0 itself."""
    before = normal(ITEMS, 4) * 0.1 + 1
    run = LayerRun(
        "relu", ReLU(threshold=2.0), (before,), (np.where(before >= 2, before, 0).astype("f4"),), items=ITEMS
    )
    assert status("dead_units", run) == "found"


def test_channels_first() -> None:
    """Channels are along the axis that the layer says."""
    before = np.moveaxis(dead(8, 2, (4, 4)), -1, 1)
    layer = Conv2D(filters=8, kernel_size=1, activation="relu", data_format="channels_first")
    run = LayerRun("conv", layer, (before,), (np.maximum(before, 0),), before, items=ITEMS, channel_axis=1)
    outcome = look("dead_units", run)
    assert outcome is not None
    assert (outcome.status, outcome.evidence["indices"]) == ("found", [0, 1])


@pytest.mark.parametrize(("activation", "scale"), [("tanh", 40), ("sigmoid", 80)])
def test_saturated(activation: str, scale: float) -> None:
    """Layers most of whose values lie at the bounds; not outputs, where that is an answer."""
    before = np.sign(normal(ITEMS, 10)) * scale
    run = dense_run(before, activation)
    outcome = look("saturated", run)
    assert outcome is not None
    assert outcome.status == "found"
    assert (outcome.evidence["share"], outcome.evidence["saturated"]) == (1.0, 10)
    assert status("saturated", without_items(run)) == "not_enough_items"
    assert status("saturated", dense_run(normal(ITEMS, 10), activation)) == "clear"
    assert status("saturated", dense_run(before, activation, is_output=True)) is None


def test_half_of_the_units() -> None:
    """A layer is saturated from half of its units on."""
    before = normal(ITEMS, 10)
    before[:, :4] = 30
    assert status("saturated", dense_run(before, "tanh")) == "clear"
    before[:, 4] = -30
    assert status("saturated", dense_run(before, "tanh")) == "found"


@pytest.mark.parametrize(("value", "expected"), [(0.979, "clear"), (0.981, "found"), (-0.981, "found")])
def test_values_near_a_bound(value: float, expected: str) -> None:
    """Within 1 % of the width between the bounds."""
    before = np.full((ITEMS, 4), np.arctanh(value), np.float32)
    assert status("saturated", dense_run(before, "tanh")) == expected


def test_the_top_of_a_relu6() -> None:
    """It is a bound, and its 0 is not."""
    assert status("saturated", dense_run(np.full((ITEMS, 4), 9, np.float32), "relu6")) == "found"
    assert status("saturated", dense_run(np.full((ITEMS, 4), -9, np.float32), "relu6")) == "clear"


def test_a_certain_softmax_is_not_saturated() -> None:
    """Inside attention too."""
    run = LayerRun("softmax", Softmax(), (normal(ITEMS, 4),), (np.eye(4, dtype="f4")[RNG.integers(0, 4, ITEMS)],))
    assert look("saturated", run) is None


def test_constant_channels() -> None:
    """Channels with the same bits everywhere, before the activation."""
    before = normal(ITEMS, 3, 3, 8)
    before[..., 2], before[..., 5] = 0.25, -1
    for activation in (None, "relu"):
        run = dense_run(before, activation)
        outcome = look("constant_channels", run)
        assert outcome is not None
        assert (outcome.status, outcome.severity, outcome.evidence["indices"]) == ("found", "low", [2, 5])
        assert status("constant_channels", without_items(run)) == "not_enough_items"
        assert status("constant_channels", dense_run(normal(ITEMS, 8), activation)) == "clear"


def test_dead_units_are_not_constant_channels() -> None:
    """What varies before the activation is reported once, as dead."""
    assert status("constant_channels", dense_run(dead(10, 5))) == "clear"


def test_a_constant_input_says_nothing_about_channels() -> None:
    """A condition that is the same for all items makes every channel of its layer constant."""
    run = dense_run(np.ones((ITEMS, 4), np.float32), None, inputs=(np.ones((ITEMS, 5), np.float32),))
    assert status("constant_channels", run) == "not_enough_items"


def test_constant_channels_of_batch_normalization() -> None:
    """Where gamma is 0; what was constant before is reported before."""
    inputs = normal(ITEMS, 4)
    inputs[:, 0] = 3
    output = inputs * np.array([1, 0, 1, 1], np.float32) + 1
    outcome = look("constant_channels", LayerRun("bn", BatchNormalization(), (inputs,), (output,), items=ITEMS))
    assert outcome is not None
    assert (outcome.status, outcome.evidence["indices"]) == ("found", [1])
    assert "gamma" in outcome.text


def test_constant_channels_of_other_layers() -> None:
    """Positions of an embedding or a padding may well be constant."""
    ones = np.ones((ITEMS, 4, 4), np.float32)
    for layer in (Embedding(input_dim=3, output_dim=4), Rescaling(scale=2.0), Activation(activation="relu")):
        assert look("constant_channels", LayerRun("layer", layer, (ones,), (ones,), items=ITEMS)) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_nan(value: float) -> None:
    """A layer that makes one of finite numbers, with the ranges that went in; one item is enough."""
    before = normal(1, 4)
    before[0, 2] = value
    inputs = np.array([[0.5, 70000.0]], np.float32)
    outcome = look("first_non_finite", dense_run(before, None, inputs=(inputs,)))
    assert outcome is not None
    assert (outcome.status, outcome.severity) == ("found", "high")
    assert outcome.evidence == {
        "items": 1, "nan": int(np.isnan(value)), "inf": int(np.isinf(value)), "at": [0, 2],
        "inputs": [{"min": 0.5, "max": 70000.0, "nan": 0, "inf": 0}], "weights": [],
    }  # fmt: skip
    assert status("first_non_finite", dense_run(normal(1, 4), None)) == "clear"


def test_a_nan_that_is_passed_on() -> None:
    """It begins earlier, unless it was posted."""
    inputs, output = np.full((2, 3), np.nan, np.float32), np.full((2, 4), np.nan, np.float32)
    passed = LayerRun("dense", Dense(units=4), (inputs,), (output,), from_input=(False,))
    posted = LayerRun("dense", Dense(units=4), (inputs,), (output,), from_input=(True,))
    assert status("first_non_finite", passed) == "clear"
    outcome = look("first_non_finite", posted)
    assert outcome is not None
    assert (outcome.status, "posted" in outcome.text) == ("found", True)


def test_a_nan_among_the_weights() -> None:
    """They are named."""
    kernel = np.full((5, 4), np.nan, np.float32)
    outcome = look("first_non_finite", dense_run(np.full((2, 4), np.nan, np.float32), None, weights={"kernel": kernel}))
    assert outcome is not None
    assert (outcome.evidence["weights"], "kernel" in outcome.text) == (["kernel"], True)


def test_integers_are_finite() -> None:
    """Layers that return them are left alone."""
    run = LayerRun("layer", Rescaling(scale=1.0), (np.full((2, 3), np.nan),), (np.ones((2, 3), np.int32),))
    assert look("first_non_finite", run) is None


@pytest.mark.parametrize(("largest", "severity"), [(33000, "low"), (65504, "low"), (65520, "medium"), (1e6, "medium")])
def test_overflow_in_float16(largest: float, severity: str) -> None:
    """Numbers over half of 65504 are a risk, over it certain; one item is enough to say so."""
    before = normal(ITEMS, 4)
    before[0, 1] = -largest
    for run in (dense_run(before, None), without_items(dense_run(before, None))):
        outcome = look("float16_overflow", run)
        assert outcome is not None
        assert (outcome.status, outcome.severity) == ("found", severity)
        assert (outcome.evidence["largest"], outcome.evidence["in"]) == (largest, "output 0")


def test_overflow_before_the_activation_and_of_weights() -> None:
    """They overflow as well."""
    before = normal(ITEMS, 4)
    assert status("float16_overflow", dense_run(before, "tanh")) == "clear"
    assert status("float16_overflow", without_items(dense_run(before, "tanh"))) == "not_enough_items"
    heavy = look("float16_overflow", dense_run(before, None, weights={"kernel": np.full((5, 4), 7e4, np.float32)}))
    before[3, 2] = 9e4
    behind = look("float16_overflow", dense_run(before, "tanh"))
    assert heavy is not None
    assert behind is not None
    assert (heavy.evidence["in"], behind.evidence["in"]) == ("weight kernel", "before the activation")


def test_overflow_that_happened() -> None:
    """In float16 itself, infinities are what is left of it."""
    before = normal(ITEMS, 4).astype(np.float16)
    before[1, 1] = np.inf
    outcome = look("float16_overflow", dense_run(before, None))
    assert outcome is not None
    assert (outcome.status, outcome.severity) == ("found", "high")


@pytest.mark.parametrize(("scale", "word"), [(1e4, "explodes"), (1e-4, "vanishes")])
def test_the_scale_of_the_signal(scale: float, word: str) -> None:
    """A hidden layer that changes it by more than a thousand."""
    run = dense_run(normal(ITEMS, 4) * np.float32(scale), "relu")
    outcome = look("signal_scale", run)
    assert outcome is not None
    assert (outcome.status, word in outcome.text) == ("found", True)
    assert outcome.evidence["rms_out"] == pytest.approx(scale, rel=0.2)
    assert status("signal_scale", without_items(run)) == "not_enough_items"
    assert status("signal_scale", dense_run(normal(ITEMS, 4) * 5, "relu")) == "clear"


@pytest.mark.parametrize(("scale", "word"), [(30.0, "explodes"), (0.03, "vanishes")])
def test_a_scale_that_changes_step_by_step(scale: float, word: str) -> None:
    """Of many layers that each change it a little, the one is named with which it leaves the range."""
    signal, named = normal(ITEMS, 4), []
    for number in range(8):
        after = signal * np.float32(scale)
        outcome = look("signal_scale", dense_run(after, "tanh", inputs=(signal,), from_input=(number == 0,)))
        assert outcome is not None
        named += [word in outcome.text] if outcome.status == "found" else []
        signal = after
    assert named == [True]


def test_scales_that_do_not_matter() -> None:
    """Before a normalization, behind the network's own input, of its outputs, and of zeros."""
    tiny = normal(ITEMS, 4) * np.float32(1e-5)
    assert status("signal_scale", dense_run(tiny, None, readers=(BatchNormalization(),))) is None
    assert status("signal_scale", dense_run(tiny, None, readers=(BatchNormalization(), Dense(units=1)))) == "found"
    assert status("signal_scale", dense_run(tiny, None, from_input=(True,))) == "clear"
    assert status("signal_scale", dense_run(tiny, None, is_output=True)) is None
    assert status("signal_scale", dense_run(tiny * 0, None)) == "clear"


@pytest.mark.parametrize(
    ("scale", "low", "high", "expected"),
    [
        ("signed", 0, 255, "found"), ("unit", 0, 255, "found"), ("unit", -1, 1, "found"), ("torch", 0, 255, "found"),
        ("none", 0, 1, "found"), ("none", -1, 1, "found"), ("none", 0, 255, "clear"), ("unit", 0, 1, "clear"),
        ("signed", -1, 1, "clear"), ("signed", 0, 1, "clear"), ("signed", -1.1, 1.1, "clear"),
        ("caffe", -123, 150, "clear"), ("caffe", 0, 255, "found"), ("torch", -2.1, 2.6, "clear"),
    ],
)  # fmt: skip
def test_the_range_of_inputs(scale: Any, low: float, high: float, expected: str) -> None:
    """Pictures on another scale than the document's; a single one that fits says little."""
    pictures = RNG.uniform(low, high, (ITEMS, 6, 6, 3)).astype(np.float32)
    pictures[:, 0, 0, 0], pictures[:, 0, 0, 1] = low, high
    run = LayerRun("conv", Conv2D(filters=2, kernel_size=3), (pictures,), (pictures,), items=ITEMS,
                   from_input=(True,), scale=scale)  # fmt: skip
    assert status("input_range", run) == expected
    single = status("input_range", without_items(run))
    assert single == ("found" if expected == "found" and scale != "none" else "not_enough_items")


def test_the_range_of_a_rescaling() -> None:
    """A Rescaling by 1/255 expects bytes; other layers and other inputs expect nothing."""
    scaled, raw = RNG.random((ITEMS, 4, 4, 3)).astype("f4"), RNG.integers(0, 256, (ITEMS, 4, 4, 3)).astype("f4")

    def run(pictures: Array, **known: Any) -> LayerRun:
        known = {"layer": Rescaling(scale=1 / 255), "from_input": (True,), **known}
        return LayerRun("rescaling", inputs=(pictures,), outputs=(pictures,), items=ITEMS, **known)

    assert status("input_range", run(scaled)) == "found"
    assert status("input_range", run(scaled, layer=Rescaling(scale=1 / 127.5, offset=-1.0))) == "found"
    assert status("input_range", run(raw)) == "clear"
    assert status("input_range", run(raw * 0)) == "clear"
    assert status("input_range", run((raw > 128).astype("f4"))) == "clear"
    for known in ({"layer": Rescaling(scale=3.0)}, {"from_input": (False,)}, {"layer": Dense(units=3)}):
        assert status("input_range", run(scaled, **known)) is None
    assert status("input_range", run(scaled.reshape(ITEMS, 48))) is None


def classifier(scores: Array, activation: str = "softmax", **known: Any) -> LayerRun:
    """Return the last layer of a classifier with these scores."""
    return dense_run(scores.astype(np.float32), activation, is_output=True, **known)


def test_one_class() -> None:
    """Scores that hardly depend on the item, and one class for all."""
    stuck = np.array([0.1, 2.0, -1.0]) + normal(ITEMS, 3) * 1e-4
    outcome = look("one_class", classifier(stuck))
    assert outcome is not None
    assert (outcome.status, outcome.severity, outcome.evidence["class"]) == ("found", "high", 1)
    assert status("one_class", without_items(classifier(stuck))) == "not_enough_items"
    assert status("one_class", classifier(normal(ITEMS, 3))) == "clear"


def test_items_that_are_of_one_class() -> None:
    """A dozen pictures of cats are no finding; that 40 different items are of one class is worth a word."""
    cats = np.array([0.0, 9.0, 0.0]) + normal(ITEMS, 3)
    assert status("one_class", without_items(classifier(cats), 12)) == "not_enough_items"
    outcome = look("one_class", classifier(cats))
    assert outcome is not None
    assert (outcome.status, outcome.severity) == ("found", "medium")


@pytest.mark.parametrize("bias", [-6.0, 6.0])
def test_one_class_of_one_unit(bias: float) -> None:
    """A sigmoid of one unit that is always on one side."""
    outcome = look("one_class", classifier(bias + normal(ITEMS, 1) * 1e-3, "sigmoid"))
    assert outcome is not None
    assert (outcome.status, outcome.evidence["class"]) == ("found", int(bias > 0))
    assert status("one_class", classifier(normal(ITEMS, 1), "sigmoid")) == "clear"


def test_outputs_that_are_no_classes() -> None:
    """A regression, several labels, a hidden layer, and maps of classes."""
    scores = np.array([0.1, 2.0, -1.0]) + normal(ITEMS, 3) * 1e-4
    assert status("one_class", dense_run(scores.astype("f4"), None, is_output=True)) is None
    assert status("one_class", classifier(scores, "sigmoid")) is None
    assert status("one_class", dense_run(scores.astype("f4"), "softmax")) is None
    assert status("one_class", classifier(np.broadcast_to(scores[:, None], (ITEMS, 2, 3)))) is None


@pytest.mark.parametrize("activation", [Softmax(), Activation(activation="softmax")])
def test_one_class_of_an_activation_layer(activation: Any) -> None:
    """Its scores are what goes in."""
    scores = (np.array([0.1, 2.0, -1.0]) + normal(ITEMS, 3) * 1e-4).astype(np.float32)
    output = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    run = LayerRun("softmax", activation, (scores,), (output,), is_output=True, items=ITEMS)
    assert status("one_class", run) == "found"


def batch_norm(inputs: Array, mean: float = 0.5, variance: float = 4.0, **known: Mapping[str, Any]) -> LayerRun:
    """Return a BatchNormalization with these statistics."""
    channels = inputs.shape[-1]
    weights = {"moving_mean": np.full(channels, mean, "f4"), "moving_variance": np.full(channels, variance, "f4")}
    return LayerRun("bn", BatchNormalization(), (inputs,), (inputs,), weights=weights, items=len(inputs))


def test_drift_of_batch_statistics() -> None:
    """A batch that lies two standard deviations away, or varies ten times as much, is unlike the training set."""
    like = normal(ITEMS, 4, 4, 6) * 2 + np.float32(0.5)
    assert status("batch_norm_drift", batch_norm(like)) == "clear"
    assert status("batch_norm_drift", batch_norm(like + 3)) == "clear"
    far = look("batch_norm_drift", batch_norm(like + 8))
    assert far is not None
    assert (far.status, far.evidence["far"]) == ("found", 6)
    assert far.evidence["drift"] == pytest.approx(4, rel=0.05)
    assert status("batch_norm_drift", batch_norm(like * 5 - 2)) == "found"
    assert status("batch_norm_drift", without_items(batch_norm(like + 8))) == "not_enough_items"


def test_items_that_are_alike_do_not_drift() -> None:
    """Forty frames of one scene lie about as far from the mean as one item does."""
    scene = RNG.normal(0.5, 2, (1, 200)) + RNG.normal(0, 0.1, (ITEMS, 200))
    assert status("batch_norm_drift", batch_norm(scene.astype("f4"))) == "clear"


def test_statistics_before_training() -> None:
    """They are told apart, as a lesser finding."""
    outcome = look("batch_norm_drift", batch_norm(normal(ITEMS, 6) * 9, 0.0, 1.0))
    assert outcome is not None
    assert (outcome.status, outcome.severity, outcome.evidence["untrained"]) == ("found", "low", True)

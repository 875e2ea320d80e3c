"""Findings about weights alone: on kernels made to have each, and on ones that have not, however many the items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.explaining.diagnosing.finding import Outcome
from models.explaining.diagnosing.layer_run import LayerRun
from models.explaining.findings import FINDINGS
from models.layers.convolution import Conv2D
from models.layers.convolution_depthwise import DepthwiseConv2D, SeparableConv2D
from models.layers.convolution_transposed import Conv2DTranspose
from models.layers.core import Dense, Embedding
from models.layers.layer import Layer
from models.layers.normalization import BatchNormalization
from models.layers.wrapping import TimeDistributed

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(3)


def look(name: str, layer: Layer, **weights: Array) -> Outcome | None:
    """Ask one finding about a layer with these weights."""
    one = np.ones((1, 4, 4, 3), np.float32)
    return FINDINGS[name].look(LayerRun("layer", layer, (one,), (one,), weights=weights))


def normal(*shape: int) -> Array:
    """Draw normal numbers."""
    return RNG.normal(size=shape).astype(np.float32)


def with_zeros(kernel: Array, *filters: int, axis: int = -1) -> Array:
    """Return a kernel with some filters of zeros."""
    result = np.moveaxis(kernel.copy(), axis, -1)
    result[..., list(filters)] = 0
    return np.moveaxis(result, -1, axis)


@pytest.mark.parametrize(
    ("layer", "kernel", "axis"),
    [
        (Dense(units=6), (5, 6), -1),
        (TimeDistributed(layer=Dense(units=6)), (5, 6), -1),
        (Conv2D(filters=6, kernel_size=3), (3, 3, 4, 6), -1),
        (Conv2DTranspose(filters=6, kernel_size=3), (3, 3, 6, 4), -2),
    ],
)
def test_zero_filters(layer: Layer, kernel: tuple[int, ...], axis: int) -> None:
    """Filters of zeros, along the axis that each layer has them; weights tell whatever the items are."""
    outcome = look("zero_filters", layer, kernel=with_zeros(normal(*kernel), 1, 4, axis=axis))
    assert outcome is not None
    assert (outcome.status, outcome.severity) == ("found", "low")
    assert outcome.evidence == {"items": 1, "weight": "kernel", "units": 6, "zero": 2, "indices": [1, 4]}
    clear = look("zero_filters", layer, kernel=normal(*kernel))
    assert clear is not None
    assert clear.status == "clear"
    empty = look("zero_filters", layer, kernel=np.zeros(kernel, np.float32))
    assert empty is not None
    assert (empty.status, empty.severity) == ("found", "high")


def test_zero_filters_of_depthwise_kernels() -> None:
    """One filter for each channel and multiple; of a separable convolution both kernels."""
    kernel = with_zeros(normal(3, 3, 4, 2), 0, axis=-2)
    outcome = look("zero_filters", DepthwiseConv2D(kernel_size=3, depth_multiplier=2), kernel=kernel)
    assert outcome is not None
    assert (outcome.evidence["units"], outcome.evidence["indices"]) == (8, [0, 1])
    separable = SeparableConv2D(filters=6, kernel_size=3)
    pointwise = with_zeros(normal(1, 1, 4, 6), 5)
    outcome = look("zero_filters", separable, depthwise_kernel=normal(3, 3, 4, 1), pointwise_kernel=pointwise)
    assert outcome is not None
    assert (outcome.evidence["weight"], outcome.evidence["indices"]) == ("pointwise_kernel", [5])


def test_layers_without_filters() -> None:
    """Rows of an embedding and channels of a normalization may be 0."""
    for name in ("zero_filters", "duplicate_filters"):
        assert look(name, Embedding(input_dim=4, output_dim=3), embeddings=np.zeros((4, 3), np.float32)) is None
        assert look(name, BatchNormalization(), gamma=np.zeros(3, np.float32)) is None
        assert look(name, Dense(units=3)) is None


@pytest.mark.parametrize(
    ("layer", "kernel", "axis"),
    [
        (Dense(units=6), (5, 6), -1),
        (Conv2D(filters=6, kernel_size=3), (3, 3, 4, 6), -1),
        (Conv2DTranspose(filters=6, kernel_size=3), (3, 3, 6, 4), -2),
    ],
)
def test_duplicate_filters(layer: Layer, kernel: tuple[int, ...], axis: int) -> None:
    """Filters with the same bits and biases; with other biases they are no copies."""
    filters = np.moveaxis(normal(*kernel), axis, -1)
    filters[..., 3], filters[..., 5], filters[..., 4] = filters[..., 0], filters[..., 0], filters[..., 1]
    weights = np.moveaxis(filters, -1, axis)
    outcome = look("duplicate_filters", layer, kernel=weights, bias=np.zeros(6, np.float32))
    assert outcome is not None
    assert (outcome.status, outcome.severity) == ("found", "medium")
    assert (outcome.evidence["duplicates"], outcome.evidence["groups"]) == (3, [[0, 3, 5], [1, 4]])
    other = look("duplicate_filters", layer, kernel=weights, bias=np.arange(6, dtype=np.float32))
    drawn = look("duplicate_filters", layer, kernel=normal(*kernel))
    assert [each and each.status for each in (other, drawn)] == ["clear", "clear"]


def test_a_constant_initializer() -> None:
    """All filters are copies of the first."""
    outcome = look("duplicate_filters", Dense(units=8), kernel=np.ones((5, 8), np.float32))
    assert outcome is not None
    assert (outcome.status, outcome.severity, outcome.evidence["duplicates"]) == ("found", "high", 7)


def test_zeros_are_no_copies() -> None:
    """Filters of zeros, of either sign, are reported as such; -0.0 and 0.0 are the same weight."""
    kernel = with_zeros(normal(5, 6), 1, 2)
    kernel[:, 2] = -0.0
    clear = look("duplicate_filters", Dense(units=6), kernel=kernel)
    kernel[0, 3], kernel[0, 4] = 0.0, -0.0
    kernel[1:, 3] = kernel[1:, 4]
    found = look("duplicate_filters", Dense(units=6), kernel=kernel)
    assert [each and each.status for each in (clear, found)] == ["clear", "found"]


def test_small_filters_of_few_values_meet_by_chance() -> None:
    """Binary filters of four weights are equal now and then, of four hundred never."""
    small = np.sign(normal(4, 64))
    large = np.sign(normal(400, 64))
    large[:, 7] = large[:, 3]
    outcomes = [look("duplicate_filters", Dense(units=64), kernel=kernel) for kernel in (small, large)]
    assert [each and each.status for each in outcomes] == ["clear", "found"]


def test_filters_of_different_groups() -> None:
    """They read different channels: equal weights make no copies of them."""
    kernel = normal(3, 3, 2, 6)
    kernel[..., 3] = kernel[..., 0]
    grouped = look("duplicate_filters", Conv2D(filters=6, kernel_size=3, groups=2), kernel=kernel)
    plain = look("duplicate_filters", Conv2D(filters=6, kernel_size=3), kernel=kernel)
    assert [each and each.status for each in (grouped, plain)] == ["clear", "found"]


def test_many_copies_are_cut() -> None:
    """Twenty units are listed, all are counted."""
    kernel = np.repeat(normal(9, 30), 2, axis=1)
    outcome = look("duplicate_filters", Dense(units=60), kernel=kernel)
    assert outcome is not None
    assert outcome.evidence["duplicates"] == 30
    assert sum(len(group) for group in outcome.evidence["groups"]) == 20


def test_channels_that_did_not_vary_in_training() -> None:
    """Their moving_variance is far below epsilon."""
    variance = np.ones(8, np.float32)
    clear = look("batch_norm_variance", BatchNormalization(), moving_variance=variance)
    variance[[2, 6]] = [1e-12, 0]
    outcome = look("batch_norm_variance", BatchNormalization(), moving_variance=variance)
    assert clear is not None
    assert outcome is not None
    assert (clear.status, outcome.status, outcome.severity) == ("clear", "found", "low")
    assert (outcome.evidence["indices"], outcome.evidence["least"]) == ([2, 6], 0)
    small = look("batch_norm_variance", BatchNormalization(), moving_variance=np.full(8, 1e-5, np.float32))
    assert small is not None
    assert small.status == "clear"


def test_a_negative_variance() -> None:
    """No training gives one."""
    outcome = look("batch_norm_variance", BatchNormalization(), moving_variance=np.array([1, -0.5], np.float32))
    assert outcome is not None
    assert (outcome.status, outcome.severity) == ("found", "high")


def test_figures_of_weights() -> None:
    """Norm, stable rank and the share near zero are NumPy's; a bias has no rank."""
    kernel, bias = normal(40, 30), normal(30)
    kernel[:3] = 0
    outcome = look("weights", Dense(units=30), kernel=kernel, bias=bias)
    assert outcome is not None
    assert outcome.status == "clear"
    figures = outcome.evidence["weights"]
    assert figures["kernel"]["norm"] == pytest.approx(np.linalg.norm(kernel))
    assert figures["kernel"]["stable_rank"] == pytest.approx(
        (np.linalg.norm(kernel) / np.linalg.norm(kernel, 2)) ** 2, rel=1e-4
    )
    near = np.abs(kernel) <= 1e-3 * np.sqrt((kernel.astype(np.float64) ** 2).mean())
    assert figures["kernel"]["near_zeros"] == pytest.approx(near.mean())
    assert (figures["bias"]["norm"], figures["bias"]["stable_rank"]) == (pytest.approx(np.linalg.norm(bias)), None)


def test_empty_kernels_and_kernels_of_one_direction() -> None:
    """They are found, unless they are too small to tell."""
    sparse = normal(40, 30) * (RNG.random((40, 30)) < 0.05)
    outer = np.outer(normal(40), normal(30))
    for kernel, word in ((sparse, "almost 0"), (outer, "one direction")):
        outcome = look("weights", Dense(units=30), kernel=kernel)
        assert outcome is not None
        assert (outcome.status, outcome.severity, word in outcome.text) == ("found", "low", True)
    for kernel in (sparse[:6, :6], outer[:6, :6], np.outer(normal(300), normal(4))):
        outcome = look("weights", Dense(units=kernel.shape[1]), kernel=kernel)
        assert outcome is not None
        assert outcome.status == "clear"


def test_weights_that_are_not_finite() -> None:
    """They are named, of any layer, and have no figures."""
    gamma = np.array([1, np.inf], np.float32)
    outcome = look("weights", BatchNormalization(), gamma=gamma, beta=np.ones(2, np.float32))
    assert outcome is not None
    assert (outcome.status, outcome.severity, "gamma" in outcome.text) == ("found", "high", True)
    assert outcome.evidence["weights"]["gamma"] == {"norm": None, "near_zeros": None, "stable_rank": None}


def test_layers_without_weights() -> None:
    """There is nothing to say."""
    assert look("weights", Dense(units=3)) is None
    assert look("weights", Dense(units=3), count=np.ones(3, np.int32)) is None

"""Tutorial 4: BatchNormalization, gamma · (x - mean) / sqrt(variance + 0.001) + beta, at inference and in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tests.api.conftest import Reply
    from tests.conftest import Server

RANDOM = np.random.default_rng(0)
BATCH = RANDOM.normal(3, 2, (16, 4, 4, 32)).astype(np.float32)
MODEL = {"input": [4, 4, 32], "layers": [{"type": "BatchNormalization"}]}
NAME = "batch_normalization"
EVERY_AXIS_BUT_CHANNELS = (0, 1, 2)


def test_parameters(plan: Callable[..., Reply]) -> None:
    """32 channels have 128 parameters, of which gamma and beta are trainable."""
    row = plan(MODEL).layer(NAME)
    assert (row["parameters"], row["trainable_parameters"], row["non_trainable_parameters"]) == (128, 64, 64)


def test_convolution_then_normalization(plan: Callable[..., Reply]) -> None:
    """Conv2D 32 and BatchNormalization on one channel: 320 + 128 = 448; the ReLU adds none."""
    layers = [
        {"type": "Conv2D", "filters": 32, "kernel_size": 3, "padding": "same"},
        {"type": "BatchNormalization"},
        {"type": "Activation", "activation": "relu"},
    ]
    found = plan({"input": [28, 28, 1], "layers": layers})
    assert [found.parameters(address) for address in found.addresses()] == [320, 128, 0]
    assert found.body["totals"]["parameters"] == 448


def test_defaults(server: Server) -> None:
    """The catalog says epsilon is 0.001 and momentum 0.99."""
    arguments = server.client.get("/v1/layers/BatchNormalization").json()["arguments"]["properties"]
    assert (arguments["epsilon"]["default"], arguments["momentum"]["default"]) == (0.001, 0.99)


def test_initial_weights(run: Callable[..., Reply]) -> None:
    """gamma 1, beta 0, moving mean 0, moving variance 1, in the order of `get_weights()`."""
    weights = run(MODEL, BATCH).weights(NAME)
    assert list(weights) == ["gamma", "beta", "moving_mean", "moving_variance"]
    for weight, value in zip(weights.values(), [1, 0, 0, 1], strict=True):
        np.testing.assert_array_equal(weight, np.full(32, value, np.float32))


def test_inference_uses_the_moving_statistics(run: Callable[..., Reply]) -> None:
    """Initially it divides by sqrt(1.001); the batch's own statistics are not used."""
    found = run(MODEL, BATCH).array(NAME)
    np.testing.assert_allclose(found, BATCH / np.sqrt(1.001), rtol=1e-6)
    np.testing.assert_array_equal(run(MODEL, BATCH[:1]).array(NAME), found[:1])


def test_training_uses_the_batch_statistics(run: Callable[..., Reply]) -> None:
    """Every channel has mean 0 and, up to epsilon, deviation 1."""
    found = run(MODEL, BATCH, training=True).array(NAME).astype(np.float64)
    variance = BATCH.astype(np.float64).var(axis=EVERY_AXIS_BUT_CHANNELS)
    np.testing.assert_allclose(found.mean(axis=EVERY_AXIS_BUT_CHANNELS), 0, atol=1e-6)
    np.testing.assert_allclose(
        found.std(axis=EVERY_AXIS_BUT_CHANNELS), np.sqrt(variance / (variance + 0.001)), rtol=1e-5
    )


def test_training_reports_updated_moving_statistics(run: Callable[..., Reply]) -> None:
    """moving_mean = 0.01 · batch mean, moving_variance = 0.99 + 0.01 · batch variance; gamma and beta are unchanged."""
    weights = run(MODEL, BATCH, training=True).weights(NAME)
    exact = BATCH.astype(np.float64)
    np.testing.assert_allclose(weights["moving_mean"], 0.01 * exact.mean(EVERY_AXIS_BUT_CHANNELS), rtol=1e-5)
    np.testing.assert_allclose(weights["moving_variance"], 0.99 + 0.01 * exact.var(EVERY_AXIS_BUT_CHANNELS), rtol=1e-5)
    np.testing.assert_array_equal(weights["gamma"], np.ones(32))
    np.testing.assert_array_equal(weights["beta"], np.zeros(32))


def test_training_does_not_change_the_cached_model(run: Callable[..., Reply]) -> None:
    """Later runs return the same results, and repeated training starts from the same statistics."""
    before = run(MODEL, BATCH)
    moved = [run(MODEL, BATCH, training=True).weights(NAME)["moving_mean"] for _ in range(2)]
    after = run(MODEL, BATCH)
    assert after.body["model"]["cached"] is True
    np.testing.assert_array_equal(after.array(NAME), before.array(NAME))
    np.testing.assert_array_equal(after.weights(NAME)["moving_mean"], np.zeros(32))
    np.testing.assert_array_equal(*moved)
    assert np.all(moved[0] != 0)

"""`training=true`: random layers and moving statistics, limited to one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.api.conftest import Reply
    from tests.conftest import Server

PICTURE = np.random.default_rng(0).uniform(1, 9, (2, 8, 8, 3)).astype(np.float32)
RANDOM: list[dict[str, Any]] = [
    {"type": "Dropout", "rate": 0.5},
    {"type": "SpatialDropout2D", "rate": 0.5},
    {"type": "AlphaDropout", "rate": 0.5},
    {"type": "GaussianDropout", "rate": 0.5},
    {"type": "GaussianNoise", "stddev": 1.0},
    {"type": "RandomTranslation", "height_factor": 0.5, "width_factor": 0.5},
]


def model(layer: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    """Build a model of a random layer on images."""
    return {"seed": seed, "input": [8, 8, 3], "layers": [{**layer, "name": "random"}]}


@pytest.mark.parametrize("layer", RANDOM, ids=lambda layer: str(layer["type"]))
def test_random_layers_are_deterministic(run: Callable[..., Reply], layer: dict[str, Any]) -> None:
    """Earlier requests do not advance the random state."""
    first = run(model(layer), PICTURE, training=True).array("random")
    assert not np.array_equal(first, PICTURE)
    run(model(layer), PICTURE[:1], training=True)
    assert np.array_equal(run(model(layer), PICTURE).array("random"), PICTURE)
    assert np.array_equal(run(model(layer), PICTURE, training=True).array("random"), first)


def test_the_seed_of_the_document_sets_the_random_numbers(run: Callable[..., Reply]) -> None:
    """Another seed drops other values, and so does a second layer of the same kind."""
    zeros = [run(model(RANDOM[0], seed), PICTURE, training=True).array("random") == 0 for seed in (0, 1)]
    assert not np.array_equal(*zeros)
    twice = {"input": [8, 8, 3], "layers": [{**RANDOM[0], "inputs": ["input"]} for _ in range(2)]}
    reply = run(twice, PICTURE, training=True)
    assert not np.array_equal(reply.array("dropout") == 0, reply.array("dropout_1") == 0)


def test_training_does_not_change_a_registered_model(server: Server) -> None:
    """The registered weights are the same after several batches in training mode."""
    document = {"input": [8, 8, 3], "layers": [{"type": "BatchNormalization"}, {"type": "Dropout", "rate": 0.1}]}
    assert server.client.put("/v1/models/trained", json=document).status_code in (200, 201)
    before = server.client.get("/v1/models/trained/weights").json()
    for _ in range(3):
        body = {"inputs": PICTURE.tolist(), "training": True, "weights": True, "layers": ["batch_normalization"]}
        reply = server.post("/v1/models/trained/activations", json=body).json()
        moved = {weight["name"]: weight["data"] for weight in reply["layers"][0]["weights"]}
        np.testing.assert_allclose(moved["moving_mean"], 0.01 * PICTURE.mean((0, 1, 2)), rtol=1e-5)
    assert server.client.get("/v1/models/trained/weights").json() == before

"""Arguments that Keras' classes forward to a base class are supported, and adding them did not change ids."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from models.documents.document import canonical
from models.engine.build import build
from models.errors import InvalidDocument, Problem
from models.networks.expansion import expand
from models.reading.parse import parse_document

IMAGES = np.random.default_rng(0).random((2, 3, 6, 5), np.float32) * 255


def refusal(layer: dict[str, Any]) -> Problem:
    """Return the problem of a layer."""
    with pytest.raises(InvalidDocument) as refused:
        parse_document({"layers": [layer]})
    (problem,) = refused.value.problems
    return problem


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "AutoContrast"},
        {"type": "RandomContrast", "factor": 0.5},
        {"type": "RandomBrightness", "factor": 0.5},
        {"type": "Solarization", "threshold_factor": 0.5},
    ],
)
def test_channels_first_matches_keras(layer: dict[str, Any]) -> None:
    """An explicit channels_last is the same network as the default."""
    arguments = {key: value for key, value in layer.items() if key != "type"}
    document = {"input": [3, 6, 5], "layers": [{**layer, "data_format": "channels_first"}]}
    model = build(expand(parse_document(document)), 1 << 30)
    (address,) = model.symbolic.layers
    (result,) = model.compiled_selection([address], training=False, updates=False).run([IMAGES])
    made = getattr(keras.layers, layer["type"])(**arguments, data_format="channels_first")
    np.testing.assert_allclose(result, made(IMAGES, training=False), rtol=1e-5)
    assert canonical(parse_document({"layers": [{**layer, "data_format": "channels_last"}]})) == canonical(
        parse_document({"layers": [layer]})
    )


def test_zero_output_for_mask() -> None:
    """LSTM forwards it to RNN."""
    recurrent = {"type": "LSTM", "units": 2, "return_sequences": True, "zero_output_for_mask": True}
    document = {"input": [4, 1], "layers": [{"type": "Masking"}, recurrent]}
    model = build(expand(parse_document(document)), 1 << 30)
    x = np.array([[[1], [2], [0], [0]]], np.float32)
    (result,) = model.compiled_selection(["lstm"], training=False, updates=False).run([x])
    assert np.asarray(result)[0, :2].all()
    assert not np.asarray(result)[0, 2:].any()


@pytest.mark.parametrize("layer", [
    {"type": "Dense", "units": 2}, {"type": "Conv2D", "filters": 2, "kernel_size": 1},
    {"type": "Embedding", "input_dim": 2, "output_dim": 2},
    {"type": "ReversibleEmbedding", "input_dim": 2, "output_dim": 2},
    {"type": "EinsumDense", "equation": "ab,bc->ac", "output_shape": 2},
])  # fmt: skip
def test_lora_arguments_are_rejected(layer: dict[str, Any]) -> None:
    """With an equal message and suggestion for all layers; null is accepted."""
    problem = refusal({**layer, "lora_rank": 4})
    assert problem.pointer == "/layers/0/lora_rank"
    assert "adapters of a low rank are for fine-tuning" in problem.message
    assert "upload" in str(problem.suggestion)
    parse_document({"layers": [{**layer, "lora_rank": None, "lora_alpha": None}]})


LATER = [
    ({"type": "Conv2D", "filters": 4, "kernel_size": 3}, {"lora_rank": None},
     "sha256:2c8a4ddf7f08548e7d5b3e7b7fe21f7dc992046b06bc346b5c15553698b265e1"),
    ({"type": "RandomContrast", "factor": 0.5}, {"data_format": "channels_last"},
     "sha256:d1e44235b99183e487cfc66522716e24a77071495da74824c821213d6e8b8881"),
    ({"type": "TimeDistributed", "layer": {"type": "GRU", "units": 2}}, {},
     "sha256:2e46605ff5778025d7cc0d52b58d61b81e012ed1752694ffdd42279f536bdf80"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "more", "known"), LATER)
def test_ids_are_unchanged(layer: dict[str, Any], more: dict[str, Any], known: str) -> None:
    """The digests were recorded before the fields existed."""
    found = [expand(parse_document({"input": [28, 28, 1], "layers": [{**layer, **extra}]})) for extra in ({}, more)]
    assert [network.identity() for network in found] == [known, known]

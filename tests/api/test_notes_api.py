"""Notes in replies on what is read as something else than the request says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import keras
import pytest

from models.documents.notes import STATEFUL

if TYPE_CHECKING:
    from tests.conftest import Server

STATES: dict[str, Any] = {"input": [3, 2], "layers": [{"type": "LSTM", "units": 2, "stateful": True}]}
PLAIN: dict[str, Any] = {"input": [3, 2], "layers": [{"type": "LSTM", "units": 2}]}
ROWS = [[[1.0, 2.0]] * 3]


class Tower(keras.Model):
    """A user's class with a graph."""


def noted(pointer: str) -> list[dict[str, str]]:
    return [{"pointer": pointer, "message": STATEFUL}]


def test_every_reply_about_a_document_has_its_notes(server: Server) -> None:
    """PUT, plans and runs, with pointers into each request; one without notes has no such key."""
    put = server.client.put("/v1/models/states", json=STATES)
    assert put.json()["notes"] == noted("/layers/0/stateful")
    for path, body in (("/v1/plan", {}), ("/v1/activations", {"inputs": ROWS})):
        replies = [server.client.post(path, json={"model": raw, **body}).json() for raw in (STATES, PLAIN)]
        assert replies[0]["notes"] == noted("/model/layers/0/stateful")
        assert "notes" not in replies[1]
    for path, body in (("/v1/plan?model=states", {}), ("/v1/models/states/activations", {"inputs": ROWS})):
        assert "notes" not in server.client.post(path, json=body or None).json()
    plain = server.client.put("/v1/models/states", json=PLAIN).json()
    assert "notes" not in plain
    assert plain["id"] == put.json()["id"]
    server.client.delete("/v1/models/states")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # raised by Keras
@pytest.mark.parametrize("form", ["json", "keras"])
def test_a_model_of_a_user_defined_class_is_noted(server: Server, form: str, tmp_path: Any) -> None:
    """Whether its JSON is sent, or a file that has it; the note of a file points into it."""
    x = keras.Input((3,))
    model = Tower(x, keras.layers.Dense(2)(x))
    if form == "json":
        reply = server.client.put("/v1/models/user-defined", json=json.loads(model.to_json()))
    else:
        model.save(tmp_path / "mine.keras")
        reply = server.client.put("/v1/models/user-defined", content=(tmp_path / "mine.keras").read_bytes())
    assert reply.status_code == 201, reply.text
    (note,) = reply.json()["notes"]
    assert note["pointer"].endswith("/class_name")
    assert note["message"].startswith('"Tower"')
    server.client.delete("/v1/models/user-defined")


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "RandomCrop", "height": 4, "width": 4},
        {"type": "Pipeline", "layers": [{"type": "RandomCrop", "height": 4, "width": 4}]},
        {"type": "Pipeline", "layers": [{"type": "Rescaling", "scale": 0.5}, {"type": "AugMix"}]},
    ],
)
def test_layers_that_cannot_be_run_in_training_mode_are_refused_inside_others_too(
    server: Server, layer: dict[str, Any]
) -> None:
    """RandomCrop would return another shape than planned, AugMix other numbers each time."""
    body = {"model": {"input": [8, 8, 3], "layers": [layer]}, "inputs": [[[[1.0] * 3] * 8] * 8], "data": "none"}
    kept = server.client.post("/v1/activations", json=body)
    assert kept.json()["layers"][0]["shape"] == [1, 8, 8, 3], kept.text
    refused = server.client.post("/v1/activations", json=body | {"training": True})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/training"

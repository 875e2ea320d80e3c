"""Files of Keras 2 over HTTP, as tf_keras writes them: the outputs are those of tf_keras.

A real engine computes: what is compared are numbers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import keras as keras3
import numpy as np
import pytest

from tests.api import older_models
from tests.api.older_models import inputs_of, models, randomize

if TYPE_CHECKING:
    from tests.conftest import Server

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # raised by Keras
]
TOLERANCE = 1e-6
"""Largest error, relative to the largest value of an output."""
Files = dict[str, BinaryIO | bytes]


def whole(model: Any, folder: Path) -> Path:
    """Save as one HDF5 file."""
    model.save(folder / "model.h5")
    return folder / "model.h5"


def keras_file(model: Any, folder: Path) -> Path:
    """Save as .keras."""
    model.save(folder / "model.keras")
    return folder / "model.keras"


def weights(model: Any, folder: Path) -> Path:
    """Save the weights alone; the JSON is sent beside them."""
    model.save_weights(folder / "weights.h5")
    return folder / "weights.h5"


def saved_model(model: Any, folder: Path) -> Path:
    """Save as a SavedModel, and pack the folder."""
    model.save(folder / "saved", save_format="tf")
    return Path(shutil.make_archive(str(folder / "saved"), "gztar", folder, "saved"))


FORMS: dict[str, Callable[[Any, Path], Path]] = {
    "h5": whole, "keras": keras_file, "json": weights, "saved_model": saved_model
}  # fmt: skip
CHEAP = ("h5", "keras", "json")
SAVED_MODELS = ("Normalization adapted", "TimeDistributed model", "nested", "sequential")
"""Models that are written as SavedModels, too: TensorFlow takes seconds for each."""


def put(server: Server, model: Any, form: str, folder: Path) -> None:
    """Register a model of tf_keras as `m`."""
    with FORMS[form](model, folder).open("rb") as file:
        files: Any = {"weights": file} | ({"model": model.to_json().encode()} if form == "json" else {})
        reply = server.client.put("/v1/models/m", files=files)
    assert reply.status_code in {200, 201}, reply.text


def outputs(server: Server, arrays: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
    """Return the outputs of `m` on these inputs."""
    about = server.client.get("/v1/models/m").json()
    inputs = {name: array.tolist() for name, array in zip(about["inputs"], arrays, strict=True)}
    reply = server.post("/v1/models/m/activations", json={"inputs": inputs, "layers": about["outputs"]})
    assert reply.status_code == 200, reply.text
    return [np.array(layer["data"]) for layer in reply.json()["layers"]]


def error(received: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    """Return the largest difference, relative to the largest value; infinite for another shape."""
    if received.shape != expected.shape:
        return float("inf")
    return float(np.abs(received - expected).max() / max(1e-9, np.abs(expected).max()))


def largest_error(server: Server, name: str, model: Any, form: str, folder: Path) -> float:
    """Register a model in one form, and return the largest error of its outputs."""
    arrays = inputs_of(name, model, np.random.default_rng(1))
    expected = model(arrays if len(arrays) > 1 else arrays[0], training=False)
    expected = [np.array(array) for array in (expected if isinstance(expected, list) else [expected])]
    put(server, model, form, folder)
    return max(error(*pair) for pair in zip(outputs(server, arrays), expected, strict=True))


def cases() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Yield every model in one form in turn; the graphs in each form. The Ellipsis of `operations` tf_keras cannot
    write in .keras.
    """
    graphs = {graph.__name__ for graph in older_models.GRAPHS}
    for number, (name, make) in enumerate(models()):
        for form in CHEAP if name in graphs else [CHEAP[number % len(CHEAP)]]:
            if (name, form) != ("operations", "keras"):
                yield name, form, make


def wrong_ones(
    server: Server, folder: Path, compared: Iterable[tuple[str, str, Callable[[], Any]]]
) -> dict[tuple[str, str], float]:
    """Return the errors over TOLERANCE, by model and form."""
    chance, errors = np.random.default_rng(0), {}
    for name, form, make in compared:
        model = make()
        randomize(model, chance)
        errors[name, form] = largest_error(server, name, model, form, folder)
    return {case: found for case, found in errors.items() if not found <= TOLERANCE}


def test_files_of_keras_2_compute_what_keras_2_computes(server: Server, tmp_path: Path) -> None:
    """Every class of tf_keras, and graphs of all kinds: frozen layers, nested models, states, operations."""
    assert not wrong_ones(server, tmp_path, cases())


def test_saved_models_compute_what_keras_2_computes(server: Server, tmp_path: Path) -> None:
    """Layers without lists of variables, models inside models and wrappers; every class is in acceptance/."""
    chosen = [(name, "saved_model", make) for name, make in models() if name in SAVED_MODELS]
    assert len(chosen) == len(SAVED_MODELS)
    assert not wrong_ones(server, tmp_path, chosen)


def test_a_slash_in_a_name_is_an_address(server: Server, tmp_path: Path) -> None:
    """The name of the file stays an alias of the layer's name here."""
    put(server, older_models.states(), "h5", tmp_path)
    paths = ["decoder/lstm", "decoder_lstm"]
    replies = [server.client.get(f"/v1/models/m/layers/{path}/weights") for path in paths]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert replies[0].json()["layers"] == replies[1].json()["layers"]
    ran = server.post("/v1/models/m/activations?layers=decoder/lstm", json={"inputs": np.zeros((1, 5, 4)).tolist()})
    assert [layer["address"] for layer in ran.json()["layers"]] == ["decoder_lstm"]


def test_keras_3_writes_whole_models_in_hdf5_too(server: Server, tmp_path: Path) -> None:
    """The same file by `model.save("….h5")` of the Keras that runs here."""
    model = keras3.Sequential(
        [keras3.Input((6, 6, 1)), keras3.layers.Conv2D(2, 3), keras3.layers.BatchNormalization(),
         keras3.layers.Flatten(), keras3.layers.Dense(3, activation="hard_sigmoid")]
    )  # fmt: skip
    chance = np.random.default_rng(0)
    model.set_weights([chance.uniform(0.5, 1, array.shape).astype("f4") for array in model.get_weights()])
    arrays = [chance.normal(size=(2, 6, 6, 1)).astype("f4")]
    put(server, model, "h5", tmp_path)
    (received,) = outputs(server, arrays)
    assert error(received, np.array(model(arrays[0]))) <= TOLERANCE


def test_a_saved_model_of_a_class_of_its_authors_own_is_refused(server: Server, tmp_path: Path) -> None:
    """In one sentence: its call is code. So is what Keras 3 exports, which has no config."""

    class Own(older_models.keras.Model):
        def call(self, inputs: Any) -> Any:
            return inputs * 2.0

    model = Own()
    model(np.zeros((1, 2), "f4"))
    exported = keras3.Sequential([keras3.Input((2,)), keras3.layers.Dense(1)])
    exported.export(tmp_path / "exported", verbose=False)
    paths = [saved_model(model, tmp_path), Path(shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "exported"))]
    for path, words in zip(paths, ("Own is a class of its author's own", "a graph without Keras' config"), strict=True):
        reply = server.client.put("/v1/models/own", content=path.read_bytes())
        assert reply.status_code == 400
        (problem,) = reply.json()["errors"]
        assert words in problem["message"]
        assert "model" in problem["suggestion"]

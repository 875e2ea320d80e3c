"""What the Python client registers: Keras models, documents, files, applications, weights and labels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from layerscope_client import Layerscope, errors
from layerscope_client.uploads import NoteWarning

from tests.client.conftest import DOCUMENT, Array

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # raised by Keras
INPUTS = np.random.default_rng(2).random((2, 6), np.float32)


def network(**options: Any) -> keras.Model:
    """Return a network with weights of its own, and a model inside it."""
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="deep", **options)], name="inner")
    inputs = keras.Input((6,), name="features")
    return keras.Model(inputs, inner(keras.layers.Dense(4, activation="tanh", name="first", **options)(inputs)))


def computed(model: keras.Model) -> Array:
    """Return the output of a network in this process."""
    return np.asarray(model(INPUTS))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "mixed_bfloat16"])
def test_a_keras_model(ls: Layerscope, dtype: str) -> None:
    """With its weights, by `to_json()` and `get_weights()`; also of dtypes that NumPy's files do not have."""
    model = network(dtype=dtype)
    run = ls.put("keras", model).activations(INPUTS)
    np.testing.assert_array_equal(run["inner/deep"], computed(model).astype(run["inner/deep"].dtype))


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_of_keras(ls: Layerscope, tmp_path: Path, name: str, kind: Any) -> None:
    """With document and weights."""
    model = network()
    model.save(tmp_path / name)
    run = ls.put("file", kind(tmp_path / name)).activations(INPUTS)
    np.testing.assert_array_equal(run["inner/deep"], computed(model))


@pytest.mark.parametrize("weights", ["file", "order", "names"])
def test_a_document_and_weights(ls: Layerscope, tmp_path: Path, weights: str) -> None:
    """A .json, and a file of weights, arrays in Keras' order, or arrays by name."""
    model = network()
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "mine.weights.h5")
    names = ["first/kernel", "first/bias", "inner/deep/kernel", "inner/deep/bias"]
    given = {"file": tmp_path / "mine.weights.h5", "order": model.get_weights(),
             "names": dict(zip(names, model.get_weights(), strict=True))}  # fmt: skip
    run = ls.put("parts", tmp_path / "model.json", weights=given[weights]).activations(INPUTS)
    np.testing.assert_array_equal(run["inner/deep"], computed(model))


def test_documents_and_applications(ls: Layerscope) -> None:
    """A dictionary, a list of layers, the name of an application with Keras' arguments."""
    assert "conv" in ls.put("document", DOCUMENT).summary().layers
    assert ls.put("layers", [{"type": "Flatten"}]).summary().nodes[0].type == "Flatten"
    small = {"application": "MobileNetV2", "weights": None, "alpha": 0.35, "input": [32, 32, 3]}
    assert ls.put("small", small).summary().layers["Conv1"].shape == [1, 16, 16, 16]
    with pytest.raises(errors.Invalid, match="MobileNetV2"):
        ls.put("misspelled", "MobileNetV22")


@pytest.mark.parametrize("labels", [["a", "b", "c"], "a\nb\nc\n"])
def test_labels(ls: Layerscope, labels: Any) -> None:
    """A list, or the text of a labels.txt; runs have them."""
    model = ls.put("labelled", {"input": [6], "layers": [{"type": "Dense", "units": 3}]}, labels=labels)
    assert model.activations(INPUTS).layers["dense"].labels == ["a", "b", "c"]


def test_notes_are_warnings(ls: Layerscope) -> None:
    """What is read as something else than it says."""
    model = keras.Sequential([keras.Input(batch_shape=(1, 3, 2)), keras.layers.LSTM(2, stateful=True)])
    with pytest.warns(NoteWarning, match="stateful"):
        ls.put("noted", model)


def test_a_refused_model_says_where(ls: Layerscope) -> None:
    """The pointer is into what was sent."""
    with pytest.raises(errors.InvalidDocument) as caught:
        ls.put("wrong", {"layers": [{"type": "Cov2D", "filters": 1, "kernel_size": 3}]})
    assert (caught.value.pointers, caught.value.suggestion) == (["/layers/0/type"], 'write "Conv2D"')


def test_a_file_that_is_not_there(ls: Layerscope) -> None:
    """Is an error of the system's, before anything is sent."""
    for name in ("none.keras", "none.json"):
        with pytest.raises(FileNotFoundError):
            ls.put("none", name)


def test_the_client_imports_no_keras() -> None:
    """Nor anything but httpx and NumPy: every module of it, in a process of its own, without those that need not be."""
    code = ("import sys, json; import layerscope_client; print(json.dumps(sorted({name.partition('.')[0] for name in "
            "sys.modules} - set(sys.stdlib_module_names))))")  # fmt: skip
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    found = set(json.loads(printed))
    assert {"httpx", "numpy", "layerscope_client"} <= found
    assert not found & {"keras", "tensorflow", "service", "models", "PIL", "pandas", "tqdm", "mcp", "httpx2"}

"""Files of Keras models written in this process, what Keras computes of them, and a run of the model `reported`."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np

from acceptance.fault_rows import Answer, Array, Ask, answered
from acceptance.live_service import Service
from tests.api.habits import form

NAME = "reported"
PATH = f"/v1/models/{NAME}"


def counted(model: keras.Model) -> keras.Model:
    """Give a model the weights 0, 0.1, 0.2, … in the order of Keras."""
    weights, number = [], 0
    for weight in model.get_weights():
        weights.append((np.arange(number, number + weight.size) / 10).reshape(weight.shape).astype(weight.dtype))
        number += weight.size
    model.set_weights(weights)
    return model


def file_of(model: Any, suffix: str = ".keras") -> bytes:
    """Return a file of a model as Keras writes it: `.keras`, `.h5` or `.weights.h5`."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        (model.save_weights if suffix == ".weights.h5" else model.save)(path)
        return path.read_bytes()


def npz_of(model: keras.Model) -> bytes:
    """Return the weights by position, as `numpy.savez(path, *model.get_weights())` writes them."""
    file = io.BytesIO()
    np.savez(file, *model.get_weights())
    return file.getvalue()


def data_of(inputs: Mapping[str, Array]) -> dict[str, Any]:
    """Return inputs as JSON carries them."""
    return {name: array.tolist() for name, array in inputs.items()}


def computed(model: Any, inputs: Mapping[str, Array]) -> Array:
    """Return the one output of a model by Keras, of inputs by name."""
    arrays = [inputs[tensor.name] for tensor in model.inputs]
    packed = (
        keras.tree.pack_sequence_as(model._inputs_struct, arrays) if hasattr(model, "_inputs_struct") else arrays[0]
    )
    return np.asarray(model(packed, training=False))


def put(**parts: Any) -> Ask:
    """Return a registration of `reported` as a form of these parts."""

    def ask(service: Service) -> Answer:
        service.client.delete(PATH)
        return answered(service.client.put(PATH, **form(**parts)))

    return ask


def run_of(inputs: Any) -> Ask:
    """Return a run of `reported` for its first output."""

    def ask(service: Service) -> Answer:
        output = service.client.get(PATH).raise_for_status().json()["outputs"][0]
        body = {"inputs": inputs, "layers": [output]}
        return answered(service.client.post(f"{PATH}/activations", json=body))

    return ask

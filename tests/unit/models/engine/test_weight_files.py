"""Weights files written by Keras, for networks of every kind, are read as `get_weights()`."""

import importlib.util
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import orjson
import pytest
from keras import layers
from safetensors.numpy import load_file, save_file

from models.engine.build import build
from models.engine.execution import EngineLimits, Execution
from models.engine.shaping import declared_shapes, shape_network
from models.engine.weights import network_weights, weight_specs
from models.errors import InvalidWeights, ModelDamaged
from models.ipc.channel import FrameReader, frame
from models.ipc.messages import (
    DescribeWeights,
    FromEngine,
    FromFront,
    Payload,
    Run,
    TensorInfo,
    Weights,
    WeightsDescribed,
)
from models.layers import LAYERS
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.weights import hdf5_process, reader_process
from models.weights.canonical import convert, write_canonical
from models.weights.hdf5 import Hdf5Source
from models.weights.source import FileLimits
from models.weights.specs import WeightsFile

LIMITS = FileLimits(2**30)


def sequential():
    """A chain with several layers of one class and layers with other state."""
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(3, 3, name="first"), layers.Dropout(0.5), layers.BatchNormalization(),
         layers.Conv2D(2, 3), layers.SeparableConv2D(2, 3), layers.Flatten(), layers.Dense(4)]
    )  # fmt: skip


SEQUENTIAL = {
    "input": [8, 8, 1],
    "layers": [
        {"type": "Conv2D", "filters": 3, "kernel_size": 3, "name": "first"},
        {"type": "Dropout", "rate": 0.5},
        {"type": "BatchNormalization"},
        {"type": "Conv2D", "filters": 2, "kernel_size": 3},
        {"type": "SeparableConv2D", "filters": 2, "kernel_size": 3},
        {"type": "Flatten"},
        {"type": "Dense", "units": 4},
    ],
}


def sequences():
    """Layers that wrap other layers."""
    words = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 4)(words)
    x = layers.TimeDistributed(layers.Dense(4))(x)
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    x = layers.MultiHeadAttention(2, 2)(x, x)
    x = layers.RNN(layers.StackedRNNCells([layers.LSTMCell(3), layers.GRUCell(2)]))(x)
    return keras.Model(words, layers.Dense(1)(x))


SEQUENCES = {
    "input": {"words": {"shape": [6], "dtype": "int32"}},
    "layers": [
        {"type": "Embedding", "input_dim": 10, "output_dim": 4},
        {"type": "TimeDistributed", "layer": {"type": "Dense", "units": 4}},
        {"type": "Bidirectional", "layer": {"type": "LSTM", "units": 2, "return_sequences": True}},
        {"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 2, "inputs": ["bidirectional"] * 2},
        {"type": "RNN", "cell": {"type": "StackedRNNCells",
                                 "cells": [{"type": "LSTMCell", "units": 3}, {"type": "GRUCell", "units": 2}]}},
        {"type": "Dense", "units": 1},
    ],
}  # fmt: skip


def branches():
    """Two branches of one class and different length: Keras orders layers by their distance from the output."""
    image = keras.Input((8, 8, 1))
    short = layers.Conv2D(2, 1, name="short")(image)
    long = layers.Conv2D(2, 1, name="long")(image)
    long = layers.Conv2D(2, 1, name="longer")(long)
    return keras.Model(image, layers.Add()([short, long]))


BRANCHES = {
    "input": [8, 8, 1],
    "layers": [
        {"type": "Conv2D", "filters": 2, "kernel_size": 1, "name": "short"},
        {"type": "Conv2D", "filters": 2, "kernel_size": 1, "name": "long", "inputs": ["input"]},
        {"type": "Conv2D", "filters": 2, "kernel_size": 1, "name": "longer"},
        {"type": "Add", "inputs": ["short", "longer"]},
    ],
}


def nested(*kinds):
    """Two nested models, `Sequential` or `Functional`, the second called twice."""

    def inner(kind, name, units):
        first, second = layers.Dense(units, name=f"{name}_in"), layers.Dense(4, name=f"{name}_out")
        if kind == "Sequential":
            return keras.Sequential([keras.Input((4,)), first, second], name=name)
        x = keras.Input((4,))
        return keras.Model(x, second(first(x)), name=name)

    x = keras.Input((4,))
    stem = layers.Dense(4, name="stem")(x)
    one = inner(kinds[0], "one", 2)(stem)
    two = inner(kinds[1], "two", 3)
    return keras.Model(x, layers.Dense(1, name="head")(layers.Add()([two(one), two(stem)])))


def block(name, units, **more):
    """Build the same as a block."""
    inner = [
        {"type": "Dense", "units": units, "name": f"{name}_in"},
        {"type": "Dense", "units": 4, "name": f"{name}_out"},
    ]
    return {"type": "Block", "name": name, "layers": inner, **more}


NESTED = {
    "input": [4],
    "layers": [
        {"type": "Dense", "units": 4, "name": "stem"},
        block("one", 2),
        block("two", 3, calls=[["one"], ["stem"]]),
        {"type": "Add", "inputs": ["two@0", "two@1"]},
        {"type": "Dense", "units": 1, "name": "head"},
    ],
}

PAIRS = {
    "sequential": (sequential, SEQUENTIAL),
    "sequences": (sequences, SEQUENCES),
    "branches": (branches, BRANCHES),
    "nested sequential": (lambda: nested("Sequential", "Sequential"), NESTED),
    "nested functional": (lambda: nested("Functional", "Functional"), NESTED),
    "nested mixed": (lambda: nested("Functional", "Sequential"), NESTED),
    "nested mixed, the other way": (lambda: nested("Sequential", "Functional"), NESTED),
}


@pytest.fixture
def hdf5_in_this_process(monkeypatch):
    """Read HDF5 files without starting a process for every reply, which would take most of a test's time."""

    def run(_, job):
        reply = io.BytesIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reader_process, "limit", lambda _: None)
            patch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(job)))
            patch.setattr(sys, "stdout", SimpleNamespace(buffer=reply))
            hdf5_process.main()
        return reply.getvalue()

    monkeypatch.setattr(Hdf5Source, "_run", run)


def specs_of(document):
    """Return the weights that a document expects."""
    network = expand(parse_document(document))
    return weight_specs(shape_network(network, declared_shapes(network)))


def trained_model(make):
    """Build a Keras model with random weights and optimizer state."""
    keras.utils.clear_session()  # names as in a fresh process
    model = make()
    chance = np.random.default_rng(0)
    model.set_weights([chance.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def write_all_formats(model, folder):
    """Write one file per format."""
    model.save_weights(folder / "w.weights.h5")
    model.save(folder / "w.keras")
    np.savez(folder / "positions.npz", *model.get_weights())
    named = {variable.path: variable.numpy() for variable in model.weights}
    np.savez_compressed(folder / "names.npz", **named)
    save_file({name: np.ascontiguousarray(value) for name, value in named.items()}, folder / "w.safetensors")
    return sorted(folder.iterdir())


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.usefixtures("hdf5_in_this_process")
@pytest.mark.parametrize("kind", PAIRS)
def test_every_format_of_keras_is_read_exactly(kind, tmp_path):
    """And converted to the same file, so that one digest identifies the weights."""
    make, document = PAIRS[kind]
    model, specs = trained_model(make), specs_of(document)
    (tmp_path / "uploads").mkdir()
    target, digests = tmp_path / "canonical.safetensors", set()
    for file in write_all_formats(model, tmp_path / "uploads"):
        digests.add(convert(file, specs, target, LIMITS))
        stored = load_file(target)
        assert list(stored) == [spec.name for spec in specs]
        for spec, expected in zip(specs, model.get_weights(), strict=True):
            np.testing.assert_array_equal(stored[spec.name], expected, strict=True)
    assert len(digests) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["canonical.safetensors", "uploads"]


def load_module(path):
    """Load a module next to the tests."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TESTS = Path(__file__).parents[2]
keras_models = load_module(TESTS / "keras_models.py").MODELS
random_models = load_module(TESTS.parent.parent / "acceptance" / "random_models.py")
INTRICATE = ["applied_to_steps", "read_by_keyword", "encoder_decoder", "several_inputs_nested", "nested_three_deep",
             "masks_of_models"]  # fmt: skip


@pytest.mark.filterwarnings("ignore:__array__ implementation", "ignore:Layer '.*' .of type:UserWarning")
@pytest.mark.usefixtures("hdf5_in_this_process")
def test_weights_are_assigned_to_their_layers(tmp_path):
    """In models with many layers of equal class and shape: .keras, with and without names, and by position."""
    models = [(name, keras_models[name]()) for name in INTRICATE]
    models += [(f"random {number}", random_models.random_model(number)) for number in (0, 1, 2, 6, 8, 13, 30, 34)]
    wrong = []
    for name, model in models:
        random_models.draw_weights(model, 1)
        specs = specs_of(json.loads(model.to_json()))
        model.save(tmp_path / "m.keras")
        model.save_weights(tmp_path / "m.weights.h5")
        np.savez(tmp_path / "m.npz", *model.get_weights())
        without_names(tmp_path / "m.weights.h5")
        for file in ("m.keras", "m.weights.h5", "m.npz"):
            convert(tmp_path / file, specs, tmp_path / "target", LIMITS)
            stored = load_file(tmp_path / "target")
            pairs = zip([stored[spec.name] for spec in specs], model.get_weights(), strict=True)
            wrong += [] if all(np.array_equal(one, other) for one, other in pairs) else [f"{name} as {file}"]
    assert wrong == []


def test_a_model_without_weights_has_an_empty_file(tmp_path):
    """numpy.savez without arrays is an archive without members."""
    np.savez(tmp_path / "w.npz")
    convert(tmp_path / "w.npz", specs_of({"input": [4], "layers": [{"type": "ReLU"}]}), tmp_path / "target", LIMITS)
    assert load_file(tmp_path / "target") == {}


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_a_layer_shared_by_two_models_is_explained(tmp_path):
    """Keras saves its weights once; `to_json()` does not contain that it is shared, `.keras` does."""
    shared, x = layers.Dense(4, name="shared"), keras.Input((4,))
    one, two = (keras.Model(inner := keras.Input((4,)), shared(inner), name=name) for name in ("one", "two"))
    model = keras.Model(x, layers.Dense(1)(two(one(x))))
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(InvalidWeights) as caught:
        convert(tmp_path / "m.weights.h5", specs_of(json.loads(model.to_json())), tmp_path / "target", LIMITS)
    assert [(p.message, "stands in two models" in p.suggestion) for p in caught.value.problems] == [
        ("two/shared/kernel is missing", True), ("two/shared/bias is missing", True)
    ]  # fmt: skip


def without_names(path):
    """Remove the layer names, which older Keras 3 files do not have."""
    with h5py.File(path, "a") as file:
        file.visititems(lambda _, item: item.attrs.pop("name", None) and None)


@pytest.mark.parametrize("kind", PAIRS)
def test_a_model_built_from_a_file_has_its_weights(kind, tmp_path):
    """Instead of those of its seed."""
    make, document = PAIRS[kind]
    model = trained_model(make)
    np.savez(tmp_path / "w.npz", *model.get_weights())
    target = tmp_path / "canonical.safetensors"
    digest = convert(tmp_path / "w.npz", specs_of(document), target, LIMITS)
    built = build(expand(parse_document(document)), 2**30, WeightsFile(str(target), digest))
    target.unlink()  # the model does not access the file later
    for variable, expected in zip(network_weights(built.symbolic).values(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(variable.numpy(), expected, strict=True)


def test_mismatched_and_damaged_files_are_rejected(tmp_path):
    """The engine verifies path and digest."""
    target = tmp_path / "canonical.safetensors"
    np.savez(tmp_path / "w.npz", *trained_model(branches).get_weights())
    digest = convert(tmp_path / "w.npz", specs_of(BRANCHES), target, LIMITS)
    with pytest.raises(InvalidWeights, match="another network: stem/kernel"):
        build(expand(parse_document(NESTED)), 2**30, WeightsFile(str(target), digest))
    target.write_bytes(target.read_bytes()[:-1] + b"\1")
    with pytest.raises(ModelDamaged, match="damaged"):
        build(expand(parse_document(BRANCHES)), 2**30, WeightsFile(str(target), digest))


def test_weight_names_are_path_and_variable():
    """As named by Keras, and in the order of `get_weights()`."""
    names = [spec.name for spec in specs_of(SEQUENCES)]
    assert names[:3] == ["embedding/embeddings", "time_distributed/dense/kernel", "time_distributed/dense/bias"]
    assert names[3] == "bidirectional/forward_lstm/lstm_cell/kernel"
    assert "multi_head_attention/attention_output/bias" in names
    assert [spec.name for spec in specs_of(NESTED)][2:4] == ["one/one_in/kernel", "one/one_in/bias"]
    order = [spec.name for spec in specs_of(BRANCHES)]
    assert order[::2] == ["long/kernel", "short/kernel", "longer/kernel"]
    assert [spec.hdf5 for spec in specs_of(NESTED)][2] == "layers/*0/layers/dense/vars/0"


@pytest.mark.parametrize("cls", [cls for cls in LAYERS if cls.standalone], ids=lambda cls: cls.type_name())
def test_every_weight_has_a_unique_name_and_position(cls):
    """For the whole catalog, without a build."""
    example = cls.example
    inputs = {f"i{n}": {"shape": list(shape), "dtype": example.dtype} for n, shape in enumerate(example.shapes)}
    layer = {"type": cls.type_name(), **example.arguments, "inputs": list(inputs)}
    network = expand(parse_document({"input": inputs, "layers": [layer]}))
    made = shape_network(network, declared_shapes(network))
    specs = weight_specs(made)
    assert specs == weight_specs(shape_network(network, declared_shapes(network)))  # not dependent on earlier layers
    count = sum(len(layer.weights) for layer in made.layers.values())
    assert len({spec.name for spec in specs}) == len({spec.hdf5 for spec in specs}) == len(specs) == count


def test_an_engine_describes_and_uses_weights(tmp_path):
    """With serialized messages; models with other weights are other models."""
    data = orjson.dumps(BRANCHES)
    execution = Execution(EngineLimits(2**30, 2**30), 2**30)
    request = round_trip(DescribeWeights(1, data), FromFront)
    specs = round_trip(WeightsDescribed(1, execution.specs(request)), FromEngine).specs
    assert specs == specs_of(BRANCHES)
    arrays = [np.full(spec.shape, 2 * ("kernel" in spec.name), np.float32) for spec in specs]
    digest = write_canonical(specs, arrays, tmp_path / "w")
    file = WeightsFile(str(tmp_path / "w"), digest)
    sent = execution.weights(round_trip(Weights(2, "other", data, None, 2**20, file), FromFront))
    assert [info.name for info in sent.tensors] == [f"weights/{spec.name}" for spec in specs]
    assert [bytes(buffer) for buffer in sent.buffers] == [array.tobytes() for array in arrays]
    image = np.ones((1, 8, 8, 1), np.float32)
    info = TensorInfo("input", "float32", image.shape, image.nbytes)
    run = Run(3, "other", data, (info,), (Payload(),), ("add",), True, False, False, False, 2**20, 2**40, file)
    result = execution.run(round_trip(run, FromFront), [image])
    np.testing.assert_array_equal(np.frombuffer(result.buffers[0], np.float32), 10)  # 2 + 2 · 2 · 2
    assert result.timing.cached


def round_trip(message, kinds):
    """Serialize and parse a message."""
    return next(FrameReader(kinds).feed(frame(message)))

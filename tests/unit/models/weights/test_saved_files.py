"""HDF5 files in Keras' older format: layers by order and name, Keras 1's gates, CuDNN's layers, hostile attributes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tf_keras.src.saving.legacy import hdf5_format

from models.errors import InvalidWeights, TooLarge, Unparsable
from models.tensors.safetensors import read_safetensors
from models.weights.canonical import convert
from models.weights.saved_config import read_config
from models.weights.source import FileLimits
from models.weights.specs import WeightSpec

LIMITS = FileLimits(2**24, 60)
Arrays = list[np.ndarray[Any, Any]]


def spec(name: str, *shape: int, trainable: bool = True) -> WeightSpec:
    """A weight of the network."""
    return WeightSpec(name, shape, "float32", f"layers/{name}/vars/0", (name.partition("/")[0],), (), trainable)


def save(path: Path, layers: dict[str, dict[str, Any]], prefix: str = "", chunks: bool = False) -> Path:
    """Write a file as Keras 2 does: by layer, the arrays by name, in order."""
    with h5py.File(path, "w") as file:
        group = file.create_group(prefix) if prefix else file
        names = [name.encode() for name in layers]
        if chunks:
            group.attrs["layer_names0"], group.attrs["layer_names1"] = names[:1], names[1:]
        else:
            group.attrs["layer_names"] = names
        for name, arrays in layers.items():
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [weight.encode() for weight in arrays]
            for weight, array in arrays.items():
                layer[weight] = np.asarray(array, "f4")
    return path


def read(path: Path, *specs: WeightSpec) -> dict[str, Any]:
    """The weights of a file, by our names."""
    target = path.with_name("canonical")
    convert(path, specs, target, LIMITS, "/weights")
    return read_safetensors(target.read_bytes())


ONE, TWO = np.ones((2, 2)), np.full((2, 2), 2.0)


@pytest.mark.parametrize("chunks", [False, True])
def test_layers_of_other_names_are_found_by_order(tmp_path: Path, chunks: bool) -> None:
    """As Keras finds them; layers without weights do not count, and long lists of names are divided."""
    layers = {"dense_7": {"dense_7/kernel:0": ONE}, "dropout": {}, "dense_8": {"dense_8/kernel:0": TWO}}
    found = read(save(tmp_path / "w", layers, "model_weights", chunks), spec("a/kernel", 2, 2), spec("b/kernel", 2, 2))
    assert (found["a/kernel"].max(), found["b/kernel"].max()) == (1, 2)


def test_layers_in_another_order_are_found_by_name(tmp_path: Path) -> None:
    """Where the order does not fit, and the names do."""
    layers = {"b": {"b/kernel:0": np.ones((3, 1))}, "a": {"a/kernel:0": TWO}}
    found = read(save(tmp_path / "w", layers), spec("a/kernel", 2, 2), spec("b/kernel", 3, 1))
    assert found["a/kernel"].max() == 2


def test_order_against_name_is_refused(tmp_path: Path) -> None:
    """Both would fit: nothing is guessed."""
    path = save(tmp_path / "w", {"b": {"b/kernel:0": ONE}, "a": {"a/kernel:0": TWO}})
    with pytest.raises(InvalidWeights, match="both would fit"):
        read(path, spec("a/kernel", 2, 2), spec("b/kernel", 2, 2))


def test_weights_of_a_nested_model_are_saved_trained_first(tmp_path: Path) -> None:
    """Its moving averages come after the kernels of all its layers."""
    arrays = {"k1:0": ONE, "gamma:0": [1, 2], "k2:0": TWO, "mean:0": [3, 4]}
    found = read(
        save(tmp_path / "w", {"m": arrays}),
        spec("m/a/kernel", 2, 2), spec("m/n/gamma", 2), spec("m/n/mean", 2, trainable=False), spec("m/b/kernel", 2, 2),
    )  # fmt: skip
    assert [found[name].ravel()[0] for name in ("m/a/kernel", "m/n/gamma", "m/n/mean", "m/b/kernel")] == [1, 1, 3, 2]


def test_names_inside_a_nested_model_are_compared(tmp_path: Path) -> None:
    """Its weights are in another order where other layers were frozen when it was saved."""
    path = save(tmp_path / "w", {"m": {"m/b/kernel:0": ONE, "m/a/kernel:0": TWO}})
    specs = [WeightSpec(f"m/{name}/kernel", (2, 2), "float32", "", ("m", name)) for name in "ab"]
    with pytest.raises(InvalidWeights, match="both would fit"):
        read(path, *specs)


def test_what_does_not_fit_is_listed(tmp_path: Path) -> None:
    """A missing layer and a superfluous one, by the names of either side."""
    path = save(tmp_path / "w", {"a": {"a/kernel:0": ONE}, "c": {"c/kernel:0": TWO}, "d": {"d/kernel:0": TWO}})
    with pytest.raises(InvalidWeights) as refused:
        read(path, spec("a/kernel", 2, 2), spec("b/kernel", 2, 2))
    assert [problem.pointer for problem in refused.value.problems] == [
        "/weights/c~1c~1kernel:0", "/weights/d~1d~1kernel:0", "/weights/b~1kernel"
    ]  # fmt: skip


def drawn(*shapes: tuple[int, ...]) -> Arrays:
    """Random arrays of these shapes."""
    chance = np.random.default_rng(0)
    return [chance.normal(size=shape).astype("f4") for shape in shapes]


@pytest.mark.parametrize(
    ("word", "shapes"), [("LSTM", [(3, 16), (4, 16), (16,)]), ("GRU", [(3, 12), (4, 12), (2, 12)])]
)
def test_layers_of_cudnn_are_converted(tmp_path: Path, word: str, shapes: list[tuple[int, ...]]) -> None:
    """tf_keras converts them to CuDNN's form; they are read back."""
    weights = drawn(*shapes)
    cudnn = hdf5_format._convert_rnn_weights(type(f"CuDNN{word}", (), {})(), [array.copy() for array in weights])
    names = [f"r/{name}:0" for name in ("kernel", "recurrent_kernel", "bias")]
    path = save(tmp_path / "w", {"r": dict(zip(names, cudnn, strict=True))})
    specs = [spec(name[:-2], *array.shape) for name, array in zip(names, weights, strict=True)]
    found = read(path, *specs)
    for expected, name in zip(weights, names, strict=True):
        np.testing.assert_allclose(found[name[:-2]], expected, rtol=1e-6)


GATES = {"LSTM": ("i", "c", "f", "o"), "GRU": ("z", "r", "h")}
"""In the order of Keras 1's files."""


@pytest.mark.parametrize("word", GATES)
def test_gates_of_keras_1_are_joined(tmp_path: Path, word: str) -> None:
    """Each gate has arrays of its own; tf_keras joins them, too."""
    names = [f"r_{part}_{gate}:0" for gate in GATES[word] for part in "WUb"]
    arrays = drawn(*[(3, 4), (4, 4), (4,)] * len(GATES[word]))
    layer = type(word, (), {"reset_after": False})()
    joined = hdf5_format.preprocess_weights_for_loading(layer, list(arrays), "1", "tensorflow")
    path = save(tmp_path / "w", {"r": dict(zip(names, arrays, strict=True))})
    targets = ["r/kernel", "r/recurrent_kernel", "r/bias"]
    found = read(path, *(spec(name, *array.shape) for name, array in zip(targets, joined, strict=True)))
    for name, expected in zip(targets, joined, strict=True):
        np.testing.assert_array_equal(found[name], expected)


def test_kernels_of_one_axis_of_keras_1_lose_an_axis(tmp_path: Path) -> None:
    """Its Convolution1D computed in two dimensions."""
    (kernel,) = drawn((5, 1, 3, 2))
    path = save(tmp_path / "w", {"convolution1d_1": {"convolution1d_1_W:0": kernel}})
    np.testing.assert_array_equal(read(path, spec("c/kernel", 5, 3, 2))["c/kernel"], kernel[:, 0])


def is_gone(file: h5py.File) -> None:
    """A layer that the list names is not there."""
    file.attrs["layer_names"] = [b"a", b"b"]


def is_number(file: h5py.File) -> None:
    """The list of layers is a number."""
    file.attrs["layer_names"] = 7


def is_escape(file: h5py.File) -> None:
    """A weight that is elsewhere."""
    file["a"].attrs["weight_names"] = [b"../../a/kernel:0"]


def is_link(file: h5py.File) -> None:
    """A layer in a group that is not walked: a link to another file."""
    file.create_group("optimizer_weights")["a"] = h5py.ExternalLink("/etc/passwd", "/")
    file.attrs["layer_names"] = [b"optimizer_weights/a"]


def is_twice(file: h5py.File) -> None:
    """A layer many times."""
    file.attrs["layer_names"] = [b"a"] * 100


def is_large(file: h5py.File) -> None:
    """A config of 17 MB, more than is read."""
    file.attrs["model_config"] = "x" * (17 * 2**20)


def is_binary(file: h5py.File) -> None:
    """A config that is an array of numbers."""
    file.attrs["model_config"] = np.zeros(4)


@pytest.mark.parametrize("spoil", [is_gone, is_number, is_escape, is_link, is_twice, is_large, is_binary])
def test_hostile_attributes_are_refused(tmp_path: Path, spoil: Callable[[h5py.File], None]) -> None:
    """They are read apart, and within limits."""
    path = save(tmp_path / "w", {"a": {"kernel:0": ONE}})
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises((Unparsable, InvalidWeights, TooLarge)):
        read(path, spec("a/kernel", 2, 2))


def test_kernels_of_theano_are_refused(tmp_path: Path) -> None:
    """Keras 2 turned them by half a turn between Theano and TensorFlow."""
    path = save(tmp_path / "w", {"a": {"kernel:0": np.ones((3, 2, 2))}})
    with h5py.File(path, "r+") as file:
        file.attrs["backend"] = "theano"
    with pytest.raises(InvalidWeights, match="Theano"):
        read(path, spec("a/kernel", 3, 2, 2))


def test_weights_alone_hold_no_model(tmp_path: Path) -> None:
    """There is no config to read."""
    assert read_config(save(tmp_path / "w", {"a": {"kernel:0": ONE}}), tmp_path, LIMITS) is None

"""What a run of the Python client takes as input, against the real service."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
from layerscope_client import AsyncLayerscope, Layerscope, Model, errors
from layerscope_client.inputs import input_parts
from PIL import Image
from safetensors.numpy import save_file

from tests.client.conftest import DIGIT, Array

SEEN: dict[str, Any] = {"layers": "input"}
"""Options with which a run returns its input as the network saw it."""


@pytest.fixture(scope="module")
def colours(ls: Layerscope) -> Model:
    """A network of pictures of any size in colours."""
    return ls.put("colours", {"input": [None, None, 3], "layers": [{"type": "GlobalAveragePooling2D"}]})


@pytest.mark.parametrize("how", ["path", "text", "bytes", "pil", "array", "batch"])
def test_a_picture(model: Model, digit: Array, how: str) -> None:
    """As a path, its bytes, a PIL image or an array; a list is a batch."""
    image = Image.fromarray(digit)
    pictures = {"path": DIGIT, "text": str(DIGIT), "bytes": DIGIT.read_bytes(), "pil": image,
                "array": digit[np.newaxis, ..., np.newaxis], "batch": [DIGIT, image]}  # fmt: skip
    seen = model.activations(pictures[how], **SEEN)["input"]
    assert seen.shape == (2 if how == "batch" else 1, 28, 28, 1)
    for item in seen:
        np.testing.assert_array_equal(item[..., 0], digit)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_pil_images_keep_their_pixels(colours: Model, mode: str) -> None:
    """In each mode that PNG has, as PIL converts them."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    seen = colours.activations(image, **SEEN)["input"]
    np.testing.assert_array_equal(seen[0], np.asarray(image.convert("RGB"), np.float32))


def test_an_image_is_sent_as_pil_shows_it(colours: Model) -> None:
    """Its pixels, whatever its EXIF data say of the file's."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 6), "red").save(file, "JPEG", exif=exif)
    with Image.open(file) as image:
        assert colours.activations(image, **SEEN)["input"].shape == (1, 6, 4, 3)
    assert colours.activations(file.getvalue(), **SEEN)["input"].shape == (1, 4, 6, 3)


def test_bytes_stay_bytes() -> None:
    """An array of uint8 is sent with one byte a value."""
    ((name, (_, file)),) = input_parts(np.zeros((10, 10), np.uint8))
    assert name == "tensor"
    assert len(file.getvalue()) == 128 + 100


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_a_file_of_tensors(model: Model, digit: Array, tmp_path: Path, suffix: str) -> None:
    """Is a path as pictures are."""
    path, array = tmp_path / f"digit{suffix}", digit[np.newaxis, ..., np.newaxis].astype(np.float32)
    {".npy": lambda: np.save(path, array), ".npz": lambda: np.savez(path, input=array),
     ".safetensors": lambda: save_file({"input": array}, path)}[suffix]()  # fmt: skip
    np.testing.assert_array_equal(model.activations(path, **SEEN)["input"], array)


@pytest.mark.parametrize(
    "values", [[[1, 2, 3, 4]], [[1.5, 2, 3, 4]], np.array([1, 2, 3, 4], ">f8"),
               np.array([1, 2, 3, 4], ml_dtypes.bfloat16), np.arange(8, dtype=np.float16)[::2],
               keras.ops.convert_to_tensor([[1.0, 2, 3, 4]])],
)  # fmt: skip
def test_numbers(ls: Layerscope, values: Any) -> None:
    """As lists, arrays of any dtype, byte order and stride, and tensors of Keras; without the batch, too."""
    model = ls.put("numbers", {"input": [4], "layers": [{"type": "ReLU"}]})
    seen = model.activations(values, **SEEN)["input"]
    np.testing.assert_array_equal(seen, np.asarray(values, np.float32).reshape(1, 4), strict=True)


async def test_several_inputs(ls: Layerscope, als: AsyncLayerscope, digit: Array) -> None:
    """By name: a picture for one, ids for another, waiting and awaited."""
    layers: list[dict[str, Any]] = [
        {"type": "Flatten", "inputs": ["picture"]},
        {"type": "Embedding", "input_dim": 9, "output_dim": 784, "inputs": ["ids"]},
        {"type": "Flatten", "name": "flat"},
        {"type": "Add", "inputs": ["flatten", "flat"]},
    ]
    document = {"input": {"picture": [28, 28, 1], "ids": {"shape": [1], "dtype": "int32"}}, "layers": layers}
    inputs = {"picture": DIGIT, "ids": np.array([[3]])}
    run = ls.put("several", document).activations(inputs, ["picture", "ids", "add"])
    awaited = await als["several"].activations(inputs, "add")
    np.testing.assert_array_equal(run["picture"][0, ..., 0], digit)
    assert run["ids"].tolist() == [[3]]
    np.testing.assert_array_equal(awaited["add"], run["add"])


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [("missing.png", FileNotFoundError, "missing.png"), (["a", 1], TypeError, "a picture as a path"),
     (None, TypeError, "send numbers"), ({"input": object()}, TypeError, "object is neither"),
     (np.array([1j]), TypeError, "send numbers"), ([DIGIT.with_name("none.png")], FileNotFoundError, "none.png")],
)  # fmt: skip
def test_what_is_no_input(model: Model, inputs: Any, error: type[Exception], words: str) -> None:
    """It is said before anything is sent."""
    with pytest.raises(error, match=words):
        model.activations(inputs)


def test_an_input_that_does_not_fit(model: Model) -> None:
    """The service says what would."""
    with pytest.raises(errors.InvalidTensor) as caught:
        model.activations(np.zeros((2, 27, 28, 1), np.uint8))
    assert caught.value.expected == "(batch, 28, 28, 1)"
    with pytest.raises(errors.InvalidImage):
        model.activations(b"no picture")


def test_options_of_every_kind(colours: Model, model: Model) -> None:
    """Lists, objects, booleans and numbers; names that there are not are refused."""
    run = colours.activations(DIGIT, ["input", "global_average_pooling2d"], scale="unit", stats=False,
                              views={"slice": {"input": "0, 3:5, 4:6, 0"}})  # fmt: skip
    assert (run["input"].shape, run.layers["input"].get("stats")) == ((2, 2), None)
    assert run["global_average_pooling2d"].max() <= 1
    weighted = model.activations(DIGIT, "head", weights=True, training=True)
    assert set(weighted) == {"head", "weights/head/kernel", "weights/head/bias"}
    with pytest.raises(errors.InvalidOption, match="/trainig"):
        model.activations(DIGIT, trainig=True)

"""Every encoding of an input gives the same numbers: forms, JSON and raw files, with or without the batch."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save as safetensors

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

Array = np.ndarray[Any, Any]

DOCUMENT: dict[str, Any] = {
    "input": [4, 4, 1],
    "layers": [
        {"type": "Conv2D", "filters": 2, "kernel_size": 3, "activation": "relu"},
        {"type": "Flatten"},
        {"type": "Dense", "units": 3, "bias_initializer": "random_normal"},
    ],
}
PICTURE = np.arange(0, 160, 10, dtype=np.float32).reshape(1, 4, 4, 1)
"""Integers from 0 to 150, so that a grayscale image can represent them."""
OPTIONS = {"layers": ["conv2d", "dense"], "data": "base64", "weights": True}
AS_TEXT = (None, json.dumps(DOCUMENT))
TEXT_OPTIONS = {"layers": "conv2d,dense", "data": "base64", "weights": "true"}


def npy(array: Array) -> bytes:
    """Encode a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(compressed: bool = False, **arrays: Array) -> bytes:
    """Encode a .npz file."""
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def png(array: Array, format: str = "PNG") -> bytes:
    """Encode (height, width) or (height, width, channels) pixels as an image file."""
    file = io.BytesIO()
    Image.fromarray(array.astype(np.uint8)).save(file, format)
    return file.getvalue()


def text(data: bytes) -> str:
    """Encode standard base64."""
    return base64.b64encode(data).decode()


def as_json(inputs: Any) -> dict[str, Any]:
    """Build a JSON body."""
    return {"json": {"model": DOCUMENT, "inputs": inputs, **OPTIONS}}


def as_form(*inputs: tuple[str, Any], model: Any = AS_TEXT) -> dict[str, Any]:
    """Build a multipart form; a part without a file name is text."""
    options = [(name, (None, value)) for name, value in TEXT_OPTIONS.items()]
    return {"files": [("model", model), *options, *inputs]}


def as_raw(content: bytes, media_type: str) -> dict[str, Any]:
    """Build a body that is the file itself, with the options in the query."""
    return {"content": content, "headers": {"Content-Type": media_type}, "params": TEXT_OPTIONS}


GREY = png(PICTURE[0, :, :, 0])
INLINE: Mapping[str, dict[str, Any]] = {
    "nested array": as_json(PICTURE.tolist()),
    "nested array without the batch": as_json(PICTURE[0].tolist()),
    "data with a shape": as_json({"shape": [1, 4, 4, 1], "data": PICTURE.reshape(-1).tolist()}),
    "data with a shape and a dtype": as_json({"shape": [4, 4, 1], "dtype": "uint8", "data": list(range(0, 160, 10))}),
    "data that is nested": as_json({"dtype": "float64", "data": PICTURE.tolist()}),
    "base64": as_json({"shape": [1, 4, 4, 1], "dtype": "float32", "base64": text(PICTURE.tobytes())}),
    "base64 of bytes": as_json({"shape": [4, 4, 1], "dtype": "uint8", "base64": text(bytes(range(0, 160, 10)))}),
    "image in JSON": as_json({"image": text(GREY)}),
    "image as a data URL": as_json({"image": f"data:image/png;base64,{text(GREY)}"}),
    "by name": as_json({"input": PICTURE.tolist()}),
    "base64 by name": as_json(
        {"input": {"shape": [1, 4, 4, 1], "dtype": "float32", "base64": text(PICTURE.tobytes())}}
    ),
    "image by name": as_json({"input": {"image": text(GREY)}}),
    "form with inputs": as_form(("inputs", (None, json.dumps(PICTURE.tolist())))),
    "form with a file of inputs": as_form(("inputs", ("x.json", json.dumps({"input": PICTURE.tolist()})))),
    "form with npy": as_form(("tensor", ("x.npy", npy(PICTURE)))),
    "form with npy of doubles without the batch": as_form(("tensor", ("x.npy", npy(PICTURE[0].astype(np.float64))))),
    "form with big-endian npy": as_form(("tensor", ("x.npy", npy(PICTURE.astype(">f4"))))),
    "form with npy in Fortran order": as_form(("tensor", ("x.npy", npy(np.asfortranarray(PICTURE))))),
    "form with npz": as_form(("tensor", ("x.npz", npz(anything=PICTURE)))),
    "form with deflated npz": as_form(("tensor", ("x.npz", npz(compressed=True, input=PICTURE)))),
    "form with safetensors": as_form(("tensor", ("x.safetensors", safetensors({"x": PICTURE})))),
    "form with a picture": as_form(("image", ("x.png", GREY, "image/png"))),
    "form with a picture of an unknown type": as_form(("image", ("x", png(PICTURE[0, :, :, 0], "BMP"), "a/b"))),
    "form with the model as a file": as_form(
        ("image", ("x.png", GREY)), model=("model.json", json.dumps(DOCUMENT), "application/json")
    ),
}
RAW: Mapping[str, dict[str, Any]] = {
    "npy": as_raw(npy(PICTURE), "application/x-npy"),
    "npz": as_raw(npz(x=PICTURE), "application/x-npz"),
    "safetensors": as_raw(safetensors({"input": PICTURE}), "application/vnd.safetensors"),
    "png": as_raw(GREY, "image/png"),
    "bmp": as_raw(png(PICTURE[0, :, :, 0], "BMP"), "image/bmp"),
    "image/anything": as_raw(GREY, "image/x-unknown"),
    "JSON": {"json": {"inputs": PICTURE.tolist(), **OPTIONS}},
    "JSON with options in the query": {"json": {"inputs": PICTURE.tolist()}, "params": TEXT_OPTIONS},
    "form": {"files": [("image", ("x.png", GREY)), *((key, (None, value)) for key, value in TEXT_OPTIONS.items())]},
    "form with options in the query": {"files": [("tensor", ("x.npy", npy(PICTURE)))], "params": TEXT_OPTIONS},
}


def ok_body(reply: httpx.Response) -> dict[str, Any]:
    """Return the body of a reply that must be a 200."""
    assert reply.status_code == 200, reply.text[:2000]
    return dict(reply.json())


@pytest.fixture(scope="module")
def expected(server: Server) -> list[dict[str, Any]]:
    """The layers computed from a nested array: values, statistics and weights."""
    layers = server.run(DOCUMENT, PICTURE.tolist(), **OPTIONS)["layers"]
    assert [layer["address"] for layer in layers] == ["conv2d", "dense"]
    return list(layers)


@pytest.fixture(scope="module")
def registered(server: Server) -> str:
    """The path of the same model, registered."""
    assert server.client.put("/v1/models/inputs", json=DOCUMENT).status_code in (200, 201)
    return "/v1/models/inputs/activations"


@pytest.mark.parametrize("form", INLINE)
def test_all_input_encodings_give_equal_layers(server: Server, expected: list[dict[str, Any]], form: str) -> None:
    """Every bit of every layer is the same."""
    body = ok_body(server.post("/v1/activations", **INLINE[form]))
    assert body["layers"] == expected
    assert body["inputs"]["input"]["shape"] == [1, 4, 4, 1]
    assert body["inputs"]["input"]["dtype"] == "float32"


@pytest.mark.parametrize("form", RAW)
def test_encodings_work_for_registered_models(
    server: Server, registered: str, expected: list[dict[str, Any]], form: str
) -> None:
    """Raw files, JSON and forms without a model equal the inline model."""
    assert ok_body(server.post(registered, **RAW[form]))["layers"] == expected


def test_several_images_are_a_batch(server: Server) -> None:
    """Three files are three examples in the order of the form."""
    pictures = [(PICTURE + shift)[0, :, :, 0] for shift in (0, 7, 90)]
    files = [("image", (f"{number}.png", png(picture))) for number, picture in enumerate(pictures)]
    body = ok_body(server.post("/v1/activations", **as_form(*files)))
    batch = np.stack(pictures)[..., np.newaxis].tolist()
    assert body["layers"] == server.run(DOCUMENT, batch, **OPTIONS)["layers"]
    assert body["inputs"]["input"]["shape"] == [3, 4, 4, 1]
    assert [note["format"] for note in body["inputs"]["input"]["preprocessing"]["images"]] == ["PNG"] * 3


def test_images_of_different_sizes_are_not_a_batch(server: Server) -> None:
    """Without a fixed input size; the error names the second image."""
    files = [("image", ("a", png(np.zeros((4, 4))))), ("image", ("b", png(np.zeros((4, 5)))))]
    reply = server.post("/v1/activations", **as_form(*files, model=(None, json.dumps([{"type": "Flatten"}]))))
    (problem,) = reply.json()["errors"]
    assert (reply.status_code, reply.json()["code"], problem["pointer"]) == (422, "invalid_image", "/image")
    assert problem["received"] == "(4, 5, 1) at picture 1"


def test_image_preprocessing_is_reported(server: Server) -> None:
    """The reply describes the image, its conversion and the tensor's statistics."""
    body = ok_body(server.post("/v1/activations", **INLINE["form with a picture"]))
    assert body["inputs"] == {
        "input": {
            "shape": [1, 4, 4, 1],
            "dtype": "float32",
            "preprocessing": {
                "format": "PNG", "original_size": [4, 4], "size": [4, 4], "orientation_applied": False,
                "mode": "L", "channels": 1, "resize": "none", "scale": "none",
            },
            "stats": {"min": 0.0, "max": 150.0, "mean": 75.0, "std": pytest.approx(PICTURE.std()), "zeros": 1 / 16,
                      "nan": 0, "inf": 0},
        }
    }  # fmt: skip


def test_tensors_have_no_preprocessing_note(server: Server) -> None:
    """The member is absent for inputs that are not images."""
    assert "preprocessing" not in server.run(DOCUMENT, PICTURE.tolist())["inputs"]["input"]


CAFFE = np.array([103.939, 116.779, 123.68], np.float32)
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
SCALES: Mapping[str, Callable[[Array], Array]] = {
    "none": lambda rgb: rgb,
    "unit": lambda rgb: rgb / 255,
    "signed": lambda rgb: rgb / 127.5 - 1,
    "caffe": lambda rgb: rgb[..., ::-1] - CAFFE,
    "torch": lambda rgb: (rgb / 255 - MEAN) / DEVIATION,
}
COLOURS = np.random.default_rng(0).integers(0, 256, (2, 3, 3))


@pytest.mark.parametrize("scale", SCALES)
def test_scale_converts_pixels_to_its_range(server: Server, scale: str) -> None:
    """The reply names the scale."""
    body = server.run([{"type": "Flatten"}], {"image": text(png(COLOURS))}, scale=scale, layers=["input"])
    (layer,) = body["layers"]
    assert (layer["address"], layer["type"], layer["shape"]) == ("input", "InputLayer", [1, 2, 3, 3])
    np.testing.assert_allclose(layer["data"][0], SCALES[scale](COLOURS.astype(np.float64)), rtol=0, atol=1e-5)
    assert body["inputs"]["input"]["preprocessing"]["scale"] == scale


def test_images_are_resized_to_the_declared_size(server: Server) -> None:
    """Bilinear by default; `nearest` repeats pixels."""
    model = {"input": [4, 4, 1], "layers": [{"type": "Flatten"}]}
    small = np.array([[0, 100], [200, 250]])
    body = server.run(model, {"image": text(png(small))}, resize="nearest", layers=["input"])
    assert np.array_equal(np.squeeze(body["layers"][0]["data"]), small.repeat(2, 0).repeat(2, 1))
    note = body["inputs"]["input"]["preprocessing"]
    assert (note["resize"], note["original_size"], note["size"]) == ("nearest", [2, 2], [4, 4])
    smooth = server.run(model, {"image": text(png(small))}, layers=["input"])
    assert smooth["inputs"]["input"]["preprocessing"]["resize"] == "bilinear"
    assert smooth["layers"][0]["data"][0][1][1] == [pytest.approx(0.75 * (0.75 * 0 + 0.25 * 100) + 0.25 * 212.5)]


def test_resize_none_rejects_other_sizes(server: Server) -> None:
    """The error contains both sizes."""
    reply = server.post(
        "/v1/activations", json={"model": DOCUMENT, "inputs": {"image": text(png(np.zeros((2, 2))))}, "resize": "none"}
    )
    (problem,) = reply.json()["errors"]
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_image")
    assert problem == {
        "pointer": "/inputs/image",
        "message": "the picture is not as large as the input and resize is none",
        "expected": "4 × 4 pixels (height × width)",
        "received": "2 × 2 pixels",
        "suggestion": 'write "resize": "bilinear"',
    }


@pytest.mark.parametrize("inputs", [PICTURE.tolist(), {"image": text(GREY)}], ids=["tensor", "image"])
def test_an_undeclared_input_is_inferred_from_the_request(server: Server, inputs: Any) -> None:
    """The id, weights and results equal those of the declared input."""
    undeclared = {"layers": DOCUMENT["layers"]}
    bodies = [server.run(model, inputs, **OPTIONS) for model in (DOCUMENT, undeclared, DOCUMENT["layers"])]
    assert bodies[0]["model"]["id"] == bodies[1]["model"]["id"] == bodies[2]["model"]["id"]
    assert bodies[0]["layers"] == bodies[1]["layers"] == bodies[2]["layers"]


def test_a_free_dimension_takes_any_length(server: Server) -> None:
    """`null` in the declared shape takes the posted length."""
    model = {"input": [None, 2], "layers": [{"type": "GlobalAveragePooling1D"}]}
    for length in (1, 3):
        body = server.run(model, np.ones((2, length, 2)).tolist())
        assert (body["inputs"]["input"]["shape"], body["layers"][0]["data"]) == ([2, length, 2], [[1, 1], [1, 1]])


SUM = {"input": {"left": [2], "right": [2]}, "layers": [{"type": "Subtract", "inputs": ["left", "right"]}]}
LEFT, RIGHT = np.array([[5, 7]], np.float32), np.array([[1, 10]], np.float32)
PAIRS: Mapping[str, dict[str, Any]] = {
    "JSON": {"json": {"model": SUM, "inputs": {"right": [[1, 10]], "left": [5, 7]}}},
    "npz": {"files": {"model": (None, json.dumps(SUM)), "tensor": ("x", npz(right=RIGHT, left=LEFT))}},
    "safetensors": {
        "files": {"model": (None, json.dumps(SUM)), "tensor": ("x", safetensors({"right": RIGHT, "left": LEFT}))}
    },
    "form": {"files": {"model": (None, json.dumps(SUM)), "inputs": (None, '{"left": [5, 7], "right": [1, 10]}')}},
}


@pytest.mark.parametrize("form", PAIRS)
def test_several_inputs_are_matched_by_name(server: Server, form: str) -> None:
    """The order does not matter: left - right in every encoding."""
    assert ok_body(server.post("/v1/activations", **PAIRS[form]))["layers"][0]["data"] == [[4, -3]]


def test_an_unnamed_input_of_several_is_rejected(server: Server) -> None:
    """The error spells out the expected names."""
    reply = server.post("/v1/activations", json={"model": SUM, "inputs": [5, 7]})
    assert reply.status_code == 422
    assert reply.json()["errors"] == [
        {
            "pointer": "/inputs",
            "message": "the network has 2 inputs: say which this is",
            "expected": '"inputs": {"left": …, "right": …}',
            "received": "one unnamed input",
        }
    ]


def test_integer_inputs_are_not_rounded(server: Server) -> None:
    """Integer ids are accepted as they are, a fraction is rejected."""
    model = {
        "input": {"shape": [3], "dtype": "int32"},
        "layers": [{"type": "Embedding", "input_dim": 5, "output_dim": 2}],
    }
    body = server.run(model, [0, 4, 4])
    assert body["inputs"]["input"]["dtype"] == "int32"
    assert body["layers"][0]["data"][0][1] == body["layers"][0]["data"][0][2] != body["layers"][0]["data"][0][0]
    reply = server.post("/v1/activations", json={"model": model, "inputs": [0, 4.5, 4]})
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "/inputs")
    assert "4.5 at index [1]" in reply.json()["errors"][0]["received"]

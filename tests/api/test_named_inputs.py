"""Networks of several inputs: every way to name them gives the same bits, and mistakes are reported."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save as safetensors

if TYPE_CHECKING:
    from tests.api.conftest import Reply
    from tests.conftest import Server

Array = np.ndarray[Any, Any]

MODEL: dict[str, Any] = {
    "input": {"picture": [3, 2, 1], "ids": {"shape": [2], "dtype": "int32"}, "extra": [2]},
    "layers": [
        {"type": "Embedding", "input_dim": 9, "output_dim": 2, "inputs": ["ids"]},
        {"type": "Flatten", "name": "words"},
        {"type": "Flatten", "name": "pixels", "inputs": ["picture"]},
        {"type": "Concatenate", "inputs": ["pixels", "words", "extra"]},
    ],
}
PIXELS = np.arange(10, 130, 20, dtype=np.uint8).reshape(3, 2)
PICTURE = PIXELS.reshape(1, 3, 2, 1).astype(np.float32)
IDS = np.array([[8, 3]], np.int32)
EXTRA = np.array([[0.5, -2]], np.float32)


def png(pixels: Array) -> bytes:
    """Encode a grayscale PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def npy(array: Array) -> bytes:
    """Encode a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: Array) -> bytes:
    """Encode a .npz file."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


GREY = png(PIXELS)
GREY_TEXT = base64.b64encode(GREY).decode()
IDS_JSON, EXTRA_JSON = (None, "[[8, 3]]"), (None, '{"shape": [1, 2], "dtype": "float32", "data": [0.5, -2]}')
ALL = {"picture": PICTURE, "ids": IDS, "extra": EXTRA}

FORMS: Mapping[str, list[tuple[str, Any]]] = {
    "a part each": [("inputs.picture", ("a.png", GREY)), ("inputs.ids", IDS_JSON), ("inputs.extra", EXTRA_JSON)],
    "tensor files": [
        ("inputs.picture", ("a.npy", npy(PICTURE))),
        ("inputs.ids", ("b.npz", npz(x=IDS))),
        ("inputs.extra", ("c.safetensors", safetensors({"x": EXTRA}))),
    ],
    "JSON files, an image in JSON": [
        ("inputs.picture", ("a.json", json.dumps({"image": GREY_TEXT}).encode())),
        ("inputs.ids", ("b.json", b" [[8, 3]]\n")),
        ("inputs.extra", ("c.json", b"[0.5, -2]")),
    ],
    "image and npz": [("image", ("a.png", GREY)), ("tensor", ("b.npz", npz(ids=IDS, extra=EXTRA)))],
    "image and safetensors": [("tensor", ("b", safetensors({"extra": EXTRA, "ids": IDS}))), ("image", ("a", GREY))],
    "image and JSON": [("image", ("a.png", GREY)), ("inputs", (None, '{"ids": [8, 3], "extra": [0.5, -2]}'))],
    "image, npz of one, part": [
        ("image", ("a.png", GREY)), ("tensor", ("b.npz", npz(ids=IDS))), ("inputs.extra", EXTRA_JSON),
    ],
    "one unnamed tensor is what is left": [
        ("inputs.picture", ("a.png", GREY)), ("inputs.ids", IDS_JSON), ("tensor", ("c.npy", npy(EXTRA))),
    ],
    "one npz": [("tensor", ("b.npz", npz(**ALL)))],
}  # fmt: skip


def post_form(server: Server, parts: list[tuple[str, Any]], model: Any = MODEL) -> Any:
    """Post a form with a model and the parts."""
    options = [("model", (None, json.dumps(model))), ("data", (None, "base64")), ("weights", (None, "true"))]
    return server.post("/v1/activations", files=[*options, *parts])


@pytest.fixture(scope="module")
def expected(run: Callable[..., Reply]) -> Any:
    """The layers computed from JSON inputs, checked with NumPy: each input is used under its name."""
    reply = run(MODEL, ALL)
    table = reply.weights("embedding")["embeddings"]
    joined = np.concatenate([PICTURE.ravel(), table[8], table[3], EXTRA.ravel()])
    np.testing.assert_array_equal(reply.array("concatenate"), joined[np.newaxis])
    return reply.body["layers"]


@pytest.mark.parametrize("form", FORMS)
def test_named_form_parts_give_equal_layers(server: Server, expected: Any, form: str) -> None:
    """Parts named after inputs, files with named tensors, and an image for the remaining input."""
    reply = post_form(server, FORMS[form])
    assert reply.status_code == 200, reply.text
    assert reply.json()["layers"] == expected


def test_json_mixes_images_and_tensors(server: Server, expected: Any) -> None:
    """Each input has its own encoding."""
    inputs = {"extra": [0.5, -2], "picture": {"image": GREY_TEXT}, "ids": [[8, 3]]}
    body = server.run(MODEL, inputs, data="base64", weights=True)
    assert body["layers"] == expected
    assert body["inputs"]["picture"]["preprocessing"]["format"] == "PNG"
    assert body["inputs"]["ids"]["dtype"] == "int32"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(npz(**ALL), "application/x-npz"), (safetensors(ALL), "application/vnd.safetensors")],
    ids=["npz", "safetensors"],
)
def test_raw_files_match_inputs_by_name(server: Server, expected: Any, body: bytes, media_type: str) -> None:
    """For a registered network, without a form."""
    assert server.client.put("/v1/models/three", json=MODEL).status_code in (200, 201)
    options = {"data": "base64", "weights": "true"}
    headers = {"Content-Type": media_type}
    reply = server.post("/v1/models/three/activations", content=body, headers=headers, params=options)
    assert reply.status_code == 200, reply.text
    assert reply.json()["layers"] == expected


def test_repeated_image_parts_are_a_batch(server: Server) -> None:
    """As with `image`; the other inputs have as many rows."""
    parts = [("inputs.picture", ("a.png", GREY)), ("inputs.picture", ("b.png", png(255 - PIXELS))),
             ("tensor", ("c.npz", npz(ids=IDS.repeat(2, 0), extra=EXTRA.repeat(2, 0))))]  # fmt: skip
    reply = post_form(server, [*parts, ("layers", (None, "pixels"))])
    assert reply.status_code == 200, reply.text
    (row,) = reply.json()["layers"]
    found = np.frombuffer(base64.b64decode(row["base64"]), "float32").reshape(row["shape"])
    np.testing.assert_array_equal(found, [PIXELS.ravel(), 255 - PIXELS.ravel()])


def test_a_single_input_may_be_named_too(server: Server) -> None:
    """Declared or not; an undeclared input is called `input`."""
    layers = [{"type": "Rescaling", "scale": 2.0}]
    for model in ({"input": {"a": [3, 2, 1]}, "layers": layers}, layers):
        name = "a" if isinstance(model, dict) else "input"
        reply = post_form(server, [(f"inputs.{name}", ("a.png", GREY))], model)
        assert reply.status_code == 200, reply.text
        found = np.frombuffer(base64.b64decode(reply.json()["layers"][0]["base64"]), "float32")
        np.testing.assert_array_equal(found, 2.0 * PIXELS.ravel())


PART = ("inputs.picture", ("a.png", GREY))
REST = ("tensor", ("b.npz", npz(ids=IDS, extra=EXTRA)))
SLIPS: Mapping[str, tuple[list[tuple[str, Any]], list[tuple[str, str, str | None]]]] = {
    "missing": ([("image", ("a", GREY)), ("tensor", ("b", npz(ids=IDS)))],
                [("/tensor/extra", "the input extra is missing", None)]),
    "several missing": ([PART], [("/inputs.ids", "the input ids is missing", None),
                                 ("/inputs.extra", "the input extra is missing", None)]),
    "an image alone": ([("image", ("a", GREY))], [("/inputs.ids", "the input ids is missing", None),
                                                 ("/inputs.extra", "the input extra is missing", None)]),
    "missing in JSON": ([("image", ("a", GREY)), ("inputs", (None, '{"ids": [8, 3]}'))],
                        [("/inputs/extra", "the input extra is missing", None)]),
    "twice": ([PART, REST, ("inputs.ids", IDS_JSON)], [("/tensor/ids", "the input ids is given twice", None)]),
    "twice, one without a name": ([PART, REST, ("image", ("a", GREY))],
                                  [("/image", "every input is given already", None)]),
    "unknown": ([("image", ("a", GREY)), ("tensor", ("b", npz(ids=IDS, extr=EXTRA)))],
                [("/tensor/extr", "the network has no input of this name", 'write "extra"'),
                 ("/tensor/extra", "the input extra is missing", None)]),
    "unknown part": ([REST, ("inputs.pictures", ("a", GREY))],
                     [("/inputs.pictures", "the network has no input of this name", 'write "picture"'),
                      ("/tensor/picture", "the input picture is missing", None)]),
    "no image's input": ([PART, ("tensor", ("b", npz(ids=IDS))), ("inputs.extra", ("c.png", GREY))],
                         [("/inputs.extra", "the network's input is not an image", None)]),
    "two unnamed": ([("image", ("a", GREY)), ("tensor", ("b", npy(IDS))), ("inputs.extra", EXTRA_JSON)],
                    [("/image", "the network has 3 inputs: say which this is", None)]),
    "one unnamed of several left": ([PART, ("tensor", ("b", npy(IDS)))],
                                    [("/tensor", "the network has 3 inputs: say which this is", None)]),
    "two tensors for one input": ([PART, REST, ("inputs.ids", ("b.npz", npz(a=IDS, b=IDS)))],
                                  [("/tensor/ids", "the input ids is given twice", None)]),
    "several tensors in a part": ([PART, ("tensor", ("b", npz(extra=EXTRA))), ("inputs.ids", ("c", npz(a=IDS, b=IDS)))],
                                  [("/inputs.ids", "a part for one input holds one tensor",
                                    "send a file of several as `tensor`: its names are the inputs'")]),
    "tensors as a batch": ([PART, ("tensor", ("b", npz(extra=EXTRA))), *[("inputs.ids", ("c", npy(IDS)))] * 2],
                           [("/inputs.ids", "only images make a batch of several parts",
                             "stack a batch into one array; inputs of other names are parts of their own, "
                             "inputs.<name>")]),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_mistakes_in_forms_are_rejected(server: Server, slip: str) -> None:
    """Each with the pointer of the wrong or missing part."""
    parts, problems = SLIPS[slip]
    reply = post_form(server, parts)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_tensor"), reply.text
    found = [(one["pointer"], one["message"], one.get("suggestion")) for one in reply.json()["errors"]]
    assert found == problems


def test_two_values_for_one_input_are_rejected(server: Server) -> None:
    """An image and a tensor for a network with one input."""
    model = {"input": [3, 2, 1], "layers": [{"type": "Flatten"}]}
    reply = post_form(server, [("image", ("a", GREY)), ("tensor", ("b", npy(PICTURE)))], model)
    assert reply.status_code == 422
    assert reply.json()["errors"] == [
        {
            "pointer": "/image",
            "message": "the input input is given twice",
            "expected": "one of image, tensor, inputs",
            "received": "tensor and image",
        }
    ]


@pytest.mark.parametrize(
    ("part", "status", "pointer"),
    [
        ((None, "[1, 2"), 400, "/inputs.ids"),
        ((None, ""), 400, "/inputs.ids"),
        ((None, "nonsense"), 400, "/inputs.ids"),
        (("x.png", b"\x89PNG but no more"), 422, "/inputs.ids"),
        ((None, '[["8", 3]]'), 422, "/inputs.ids/0/0"),
        ((None, "[[8, 9]]"), 422, "/inputs"),
        (("x.npy", npy(IDS)[:-1]), 400, "/inputs.ids"),
    ],
    ids=["half JSON", "nothing", "a word", "half an image", "a string", "an id out of range", "half a tensor"],
)
def test_unreadable_parts_are_rejected(server: Server, part: Any, status: int, pointer: str) -> None:
    """The pointer is that of the part."""
    tensor = ("tensor", ("b", npz(extra=EXTRA)))
    reply = post_form(server, [PART, tensor, ("inputs.ids", part)])
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (status, pointer), reply.text


INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_ids_of_every_integer_dtype_are_looked_up(server: Server, run: Callable[..., Reply], dtype: str) -> None:
    """The rows are the same, and an id out of range is rejected, for every dtype."""
    layers = [{"type": "Embedding", "input_dim": 100, "output_dim": 2}]
    model = {"input": {"ids": {"shape": [3], "dtype": dtype}}, "layers": layers}
    reply = run(model, {"ids": np.array([[0, 99, 7]], dtype)})
    table = reply.weights("embedding")["embeddings"]
    np.testing.assert_array_equal(reply.array("embedding"), table[[[0, 99, 7]]])
    for bad in (100, -1):
        refused = server.post("/v1/activations", json={"model": model, "inputs": {"ids": [[0, bad, 7]]}})
        assert refused.status_code == 422, refused.text


@pytest.mark.parametrize("dtype", ["bool", "float16", "bfloat16", "float32", "float64", *INTEGERS])
def test_inputs_of_every_dtype_keep_their_bits(run: Callable[..., Reply], dtype: str) -> None:
    """As bytes and as JSON, each under its name."""
    values = np.array([[0, 1, 1]]).astype(getattr(ml_dtypes, dtype, dtype))
    model = {
        "input": {"a": {"shape": [3], "dtype": dtype}, "b": [1]},
        "layers": [{"type": "Flatten", "inputs": ["b"]}],
    }
    for sent in (values, {"dtype": dtype, "shape": [1, 3], "data": values.astype(float).tolist()[0]}):
        reply = run(model, {"b": np.ones((1, 1), np.float32), "a": sent}, layers=["a"])
        row = reply.layer("a")
        assert (row["dtype"], row["shape"]) == (dtype, [1, 3])
        assert base64.b64decode(row["base64"]) == values.tobytes()

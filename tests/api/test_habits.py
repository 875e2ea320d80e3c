"""Requests in the habits of other servers, clients and older Keras are accepted, or rejected with a suggestion.

Each case is a request and its expected response.
"""

from __future__ import annotations

import base64
import pickle
from typing import TYPE_CHECKING

import pytest

from tests.api.habits import (
    DENSE,
    FLAT,
    FOUR,
    GREY,
    HEIC,
    KERAS_2,
    KERAS_3,
    KERAS_FILE,
    LAMBDA,
    OLD_KERAS_FILE,
    PAIR,
    PIXELS,
    PLAN,
    PNG,
    PYTHON_2,
    ROWS,
    RUN,
    STATES,
    TENSOR,
    URL,
    VECTOR,
    Case,
    archive,
    case,
    form,
    npy,
    npz,
    part,
    raw_form,
    tar,
    text,
    typed,
)

if TYPE_CHECKING:
    from tests.conftest import Server

MODEL = text(FLAT)
FLAT_RUN = "POST /v1/models/habit-flat/activations"
VECTOR_RUN = "POST /v1/models/habit-vector/activations"
INFER = "POST /v2/models/habit-vector/infer"
PUT = "PUT /v1/models/habit-new"
DOCUMENT = text(DENSE)
READ = (r"safetensors", r"npz", r"weights\.h5", r"\.keras")
NO_HEADER = (r"a header of \d+ bytes",)

CASES: list[Case] = [
    # H: files under the client's own part names
    case("H", f"POST {RUN}", 200, last=FOUR, **form(upload=PNG, model=MODEL)),
    case(
        "H",
        f"POST {RUN}",
        200,
        last=FOUR * 2,
        files=[("images[]", ("a", PNG)), ("images[]", ("b", PNG)), ("model", (None, MODEL))],
    ),
    case("H", f"POST {RUN}", 200, last=FOUR, **form(file=npy(PIXELS[None, ..., None]), model=MODEL)),
    case("H", f"POST {RUN}", 200, last=FOUR, **form(tensor=PNG, model=MODEL)),
    case("H", f"POST {RUN}", 200, last=FOUR, **form(image=npy(PIXELS[None, ..., None]), model=MODEL)),
    case("H", f"POST {RUN}", 200, last=FOUR, **form(inputs=PNG, model=MODEL)),
    case("H", f"POST {RUN}", 200, last=FOUR, **form(data=PNG, model=MODEL)),
    case("H", f"POST {RUN}", 200, last=(2 * PIXELS)[None, ..., None], **form(left=PNG, right=PNG, model=text(PAIR))),
    case("H", f"POST {RUN}", 200, last=FOUR, **form(image=URL, model=MODEL)),
    case("H", f"POST {RUN}", 422, "is given twice", "make a batch", **form(a=PNG, b=PNG, model=MODEL)),
    case(
        "H",
        f"POST {RUN}",
        422,
        "is not a known field",
        "inputs",
        "JSON",
        **form(config=text(VECTOR).encode(), image=PNG),
    ),
    case(
        "H",
        f"POST {RUN}",
        422,
        "PUT /v1/models",
        no=("is not text",),
        **form(weights=npz(a=PIXELS), image=PNG, model=MODEL),
    ),
    case("H", f"POST {RUN}", 422, "HEIC", "PNG or JPEG", **form(photo=HEIC, model=MODEL)),
    case(
        "H",
        f"POST {RUN}",
        200,
        last=FOUR,
        **raw_form(
            part('tensor"; filename="', b"")
            + part("model", MODEL.encode())
            + part('image"; filename="a.png', PNG)
            + b"--b--\r\n"
        ),
    ),
    # I: other names for the fields of a request, and documents in place of requests
    case("I", f"POST {RUN}", 422, 'write "inputs"', "model, inputs", json={"model": VECTOR, "instances": ROWS}),
    case("I", f"POST {RUN}", 422, 'write "model"', json={"network": VECTOR, "inputs": ROWS}),
    case("I", f"POST {RUN}", 422, 'write "inputs": {"image"', json={"model": FLAT, "picture": GREY}),
    case("I", f"POST {RUN}", 422, 'under "model"', json=KERAS_3),
    case("I", f"POST {RUN}", 422, 'under "model"', json=[{"type": "Flatten"}]),
    case("I", f"POST {RUN}", 422, 'under "model"', no=("should be a string",), json={**VECTOR, "inputs": ROWS}),
    case("I", f"POST {PLAN}", 422, 'under "model"', json=VECTOR),
    case("I", f"POST {PLAN}", 422, 'under "model"', json=KERAS_3),
    case("I", f"POST {RUN}", 422, 'write "inputs"', json={"model": VECTOR, "data": ROWS}),
    case("I", VECTOR_RUN, 422, "inputs", "around it", json=ROWS),
    case("I", f"POST {RUN}", 422, "encoded twice", json=text({"model": VECTOR, "inputs": ROWS})),
    case("I", PUT, 422, 'leave "model" out', no=("is required",), json={"model": VECTOR}),
    case(
        "I",
        f"POST {RUN}",
        422,
        "leave it out",
        json={"model": VECTOR, "inputs": ROWS, "signature_name": "serving_default"},
    ),
    # J: Keras files in place of JSON, and as a body
    case(
        "J",
        f"POST {RUN}",
        400,
        r"a \.keras file",
        "PUT /v1/models",
        "part weights",
        **typed(KERAS_FILE, "application/json"),
    ),
    case("J", f"POST {PLAN}", 415, "PUT /v1/models", "part weights", **typed(KERAS_FILE, "application/octet-stream")),
    case(
        "J",
        PUT,
        422,
        r"config\.json/config/layers/1/config/unitz",
        no=("not JSON",),
        **typed(KERAS_FILE, "application/octet-stream"),
    ),
    case("J", PUT, 422, r"config\.json/config/layers/1/config/unitz", no=("not JSON",), **typed(KERAS_FILE)),
    case(
        "J",
        PUT,
        422,
        r"config\.json/config/layers/1/config/unitz",
        no=("not JSON",),
        **typed(KERAS_FILE, "application/json"),
    ),
    case("J", PUT, 422, r"config\.json/config/layers/1/config/unitz", no=("is an archive",), **form(model=KERAS_FILE)),
    case("J", PUT, 422, r"config\.json/config/layers/1/config/unitz", no=("no such part",), **form(file=KERAS_FILE)),
    case(
        "J",
        PUT,
        422,
        r"written by Keras 2\.15\.0",
        no=("batch_input_shape", "an argument of"),
        **form(weights=OLD_KERAS_FILE),
    ),
    case("J", PUT, 422, "there is no model", "a .npz file of weights alone", **typed(npz(a=PIXELS), "application/zip")),
    case(
        "J", f"POST {RUN}", 422, "PUT /v1/models", json={"model": base64.b64encode(KERAS_FILE).decode(), "inputs": ROWS}
    ),
    # K: fields that the clients of MLServer and MLflow send
    case("K", INFER, 200, json={"inputs": [TENSOR | {"parameters": {"content_type": "np"}}]}),
    case(
        "K",
        INFER,
        200,
        json={"inputs": [TENSOR], "outputs": [{"name": "identity", "parameters": {"content_type": "np"}}]},
    ),
    case(
        "K",
        INFER,
        200,
        json={
            "inputs": [TENSOR | {"parameters": {"content_type": None, "headers": None}}],
            "id": None,
            "parameters": {"content_type": "np", "headers": {"a": "b"}},
            "model_version": None,
        },
    ),
    case(
        "K",
        INFER,
        400,
        "content_type",
        "pd",
        "leave content_type out",
        json={"inputs": [TENSOR], "parameters": {"content_type": "pd"}},
    ),
    case(
        "K",
        INFER,
        400,
        "content_type",
        "str",
        no=("is not a known field",),
        json={"inputs": [TENSOR | {"parameters": {"content_type": "str"}}]},
    ),
    case("K", INFER, 400, 'write "inputs": ', no=("is required",), json={"instances": ROWS}),
    # L: addresses in URLs
    case("L", "POST /v1/models/habit-states/activations?layers=lstm", 422, "lstm%230", json={"inputs": [[1.0], [2.0]]}),
    case("L", "POST /v1/plan?model=habit-states&layers=lstm", 422, "lstm%230"),
    case(
        "L", 'POST /v1/models/habit-states/activations?slice={"lstm":"0"}', 422, "%23", json={"inputs": [[1.0], [2.0]]}
    ),
    case("L", "POST /v1/models/habit-odd/activations?layers=a%20b%25", 422, "write .a%20b%25c", json={"inputs": ROWS}),
    # M: TensorFlow.js
    case(
        "M",
        f"POST {PLAN}",
        200,
        json={"model": {"modelTopology": {"keras_version": "3.15.1", "model_config": KERAS_3}}},
    ),
    case(
        "M",
        f"POST {PLAN}",
        200,
        json={"model": {"format": "layers-model", "modelTopology": KERAS_3, "weightsManifest": []}},
    ),
    case(
        "M",
        f"POST {PLAN}",
        200,
        json={"model": {"modelTopology": {"keras_version": "2.15.0", "model_config": KERAS_2}}},
    ),
    case(
        "M",
        f"POST {PLAN}",
        200,
        json={"model": {"modelTopology": KERAS_2 | {"keras_version": "tfjs-layers 4.22.0"}}},
    ),
    case(
        "M",
        f"POST {PLAN}",
        422,
        "written by TensorFlow.js",
        "/model/modelTopology/config/layers/0/class_name",
        no=("layers is required",),
        json={"model": {"modelTopology": LAMBDA | {"keras_version": "tfjs-layers 4.22.0"}}},
    ),
    case(
        "M",
        f"POST {PLAN}",
        422,
        "graph of TensorFlow's operations",
        json={"model": {"format": "graph-model", "modelTopology": {"node": []}}},
    ),
    case("M", f"POST {RUN}", 422, 'under "model"', json={"modelTopology": KERAS_3}),
    # N: files of other formats
    *[
        case("N", PUT, 400, words, *READ, no=NO_HEADER, **form(model=DOCUMENT, weights=data))
        for data, words in (
            (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch"),
            (archive(archive__data_dot_pkl=b"x"), "PyTorch"),
            (b"\x1c\0\0\0TFL3" + bytes(40), "TensorFlow Lite"),
            (b"\x08\x07\x12\x07pytorch" + bytes(40), "ONNX"),
            (PNG, "PNG picture"),
            (b"%PDF-1.7 and so on", "PDF"),
            (DOCUMENT.encode(), "JSON text"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"<!DOCTYPE html><title>404</title>", "HTML"),
            (archive(a_dot_txt=b"x"), "a ZIP archive of a.txt"),
            (b"\1\2\3", "3 bytes that begin with 01 02 03"),
            (npy(PIXELS), r"numpy\.savez"),
            (pickle.dumps([1.0]), "never opened"),
        )
    ],
    *[
        case("N", PUT, 400, words, "SavedModel", "unpacked", no=NO_HEADER, **form(weights=data))
        for data, words in (
            (b"\x1f\x8b\x08" + bytes(20), "gzip"),
            (bytes(257) + b"ustar\x0000" + bytes(90), "tar archive"),
            (tar(b"x"), r"no saved_model\.pb"),
        )
    ],
    case("N", PUT, 400, "SavedModel", "variables", no=NO_HEADER, **form(weights=b"\x08\x01\x12\x07" + bytes(40))),
    case(
        "N",
        "POST /v1/models/habit-flat/activations",
        400,
        "a pickle",
        r"\.npy",
        no=NO_HEADER,
        **typed(pickle.dumps(PIXELS), "application/x-npy"),
    ),
    case("N", f"POST {RUN}", 400, "a PyTorch file", **form(tensor=archive(a__data_dot_pkl=b"x"), model=MODEL)),
    case("N", f"POST {RUN}", 422, "a PDF document", "PNG", **form(image=b"%PDF-1.4 etc", model=MODEL)),
    case("N", f"POST {RUN}", 400, r"a \.keras file", **form(tensor=KERAS_FILE, model=MODEL)),
    case("N", FLAT_RUN, 422, "HEIC", **typed(HEIC, "image/heic")),
    case("N", FLAT_RUN, 422, "HEIC", json={"inputs": {"image": base64.b64encode(HEIC).decode()}}),
    # O: files written by older NumPy
    case(
        "O", "POST /v1/models/habit-four/activations", 200, last=[[0, 1, 2, 3]], **typed(PYTHON_2, "application/x-npy")
    ),
    case(
        "O",
        "POST /v1/models/habit-four/activations",
        200,
        last=[[0, 1, 2, 3]],
        **typed(archive(arr_0_dot_npy=PYTHON_2), "application/x-npz"),
    ),
    case(
        "O",
        f"POST {RUN}",
        200,
        last=[[0, 1, 2, 3]],
        **form(tensor=PYTHON_2, model=text({"input": [4], "layers": [{"type": "Identity"}]})),
    ),
    # R: byte order marks and encodings, and other notations in place of JSON
    case(
        "R",
        f"POST {RUN}",
        200,
        last=ROWS,
        **typed(b"\xef\xbb\xbf" + text({"model": VECTOR, "inputs": ROWS}).encode(), "application/json"),
    ),
    case("R", INFER, 200, **typed(b"\xef\xbb\xbf" + text({"inputs": [TENSOR]}).encode())),
    case("R", f"POST {RUN}", 200, last=ROWS, json={"model": "\ufeff" + text(VECTOR), "inputs": ROWS}),
    case(
        "R",
        f"POST {PLAN}",
        400,
        "UTF-16",
        "UTF-8",
        **typed(text({"model": VECTOR}).encode("utf-16"), "application/json"),
    ),
    case("R", PUT, 400, "UTF-32", "UTF-8", **form(model=text(VECTOR).encode("utf-32"))),
    case("R", PUT, 400, "UTF-16", "UTF-8", **typed(text(VECTOR).encode("utf-16-le"), "application/json")),
    case("R", f"POST {PLAN}", 400, "json.dumps", **typed(str({"model": VECTOR}).encode(), "application/json")),
    case("R", f"POST {PLAN}", 400, "typographic", **typed("{“model”: []}".encode(), "application/json")),
    case("R", f"POST {PLAN}", 400, "double quotes", **typed(b"{model: {layers: []}}", "application/json")),
    case("R", f"POST {PLAN}", 400, "comma", **typed(b'{"model": [],}', "application/json")),
    case("R", f"POST {RUN}", 400, "JSON.stringify", **form(model="[object Object]", image=PNG)),
    # S: terms of Keras 2 and of other libraries
    case("S", f"POST {PLAN}", 200, json={"model": [{"type": "Dense", "units": 1, "input_dim": 2}]}),
    case("S", f"POST {PLAN}", 200, json={"model": [{"type": "Dense", "units": 1, "batch_input_shape": [None, 2]}]}),
    case(
        "S",
        f"POST {RUN}",
        200,
        last=ROWS,
        json={"model": [{"type": "InputLayer", "shape": [2], "name": "x"}, {"type": "Identity"}], "inputs": ROWS},
    ),
    case(
        "S",
        f"POST {PLAN}",
        422,
        "document's own",
        no=('write "inputs"',),
        json={
            "model": {
                "input": [2],
                "layers": [{"type": "Dense", "units": 1}, {"type": "Dense", "units": 1, "input_shape": [1]}],
            }
        },
    ),
    case(
        "S",
        f"POST {PLAN}",
        422,
        r'leave the batch out of the document\'s "input", as \[8, 8, 1\]',
        json={"model": {"input": [None, 8, 8, 1], "layers": [{"type": "Conv2D", "filters": 1, "kernel_size": 3}]}},
    ),
    case("S", f"POST {PLAN}", 422, r"POST /v1/plan\?model=habit-flat", json={"model": "habit-flat"}),
    case("S", f"POST {RUN}", 422, "POST /v1/models/habit-flat/activations", **form(model="habit-flat", image=PNG)),
    case(
        "S", f"POST {RUN}", 422, 'write {"application": "MobileNetV2"}', json={"model": "MobileNetV2", "inputs": ROWS}
    ),
    case("S", f"POST {PLAN}", 422, 'write "units"', json={"model": [{"type": "Dense", "output_dim": 3}]}),
    case(
        "S",
        f"POST {PLAN}",
        422,
        'write "kernel_size"',
        no=("is required",),
        json={"model": [{"type": "Conv2D", "filters": 1, "filter_size": 3}]},
    ),
    case(
        "S", f"POST {PLAN}", 422, '"Block"', no=("ops.equal",), json={"model": [{"type": "Sequential", "layers": []}]}
    ),
    case("S", f"POST {PLAN}", 422, "Activation", "gelu", no=('write "ELU"',), json={"model": [{"type": "GELU"}]}),
    case(
        "S",
        f"POST {PLAN}",
        422,
        'Conv1D" or "Conv2D" or "Conv3D',
        json={"model": [{"type": "Conv", "filters": 1, "kernel_size": 3}]},
    ),
    case(
        "S",
        f"POST {PLAN}",
        422,
        'write "type": "Dense"',
        json={"model": [{"class_name": "Dense", "config": {"units": 1}}]},
    ),
    case("S", f"POST {PLAN}", 422, r"write \[784\]", json={"model": {"input": 784, "layers": [{"type": "Flatten"}]}}),
    # T: bodies without a type, and file names in place of files
    case("T", FLAT_RUN, 200, last=FOUR, **typed(PNG, "application/octet-stream")),
    case("T", FLAT_RUN, 200, last=FOUR, **typed(PNG, "application/x-www-form-urlencoded")),
    case("T", FLAT_RUN, 200, last=FOUR, **typed(PNG, "application/x-npy")),
    case("T", FLAT_RUN, 200, last=FOUR, **typed(npy(PIXELS[None, ..., None]))),
    case("T", FLAT_RUN, 200, last=FOUR, **typed(npy(PIXELS[None, ..., None]), "image/png")),
    case("T", f"POST {RUN}", 400, "PNG picture", "-F image=@", **typed(PNG)),
    case("T", f"POST {RUN}", 415, "-F image=@", **typed(PNG, "image/png")),
    case("T", f"POST {RUN}", 400, "@", **form(tensor="x.npy", model=MODEL)),
    case("T", PUT, 400, "@", *READ, **form(model=DOCUMENT, weights="weights/mine.weights.h5")),
    case("T", f"POST {RUN}", 422, "@", **form(file="a.jpg", model=MODEL)),
    case("T", f"POST {RUN}", 400, "@", **typed(b"request.json", "application/json")),
    case(
        "T",
        f"POST {PLAN}",
        415,
        "Content-Type: application/json",
        **typed(text({"model": VECTOR}).encode(), "application/x-www-form-urlencoded"),
    ),
    case(
        "T",
        f"POST {RUN}",
        415,
        "json=",
        "curl -F",
        **typed(b"model=%7B%7D&inputs=1", "application/x-www-form-urlencoded"),
    ),
    case("T", f"POST {RUN}", 422, "json.dumps", **form(model=["layers", "input"], image=PNG)),
    # U: several images in JSON, and the URLs of other servers
    case("U", f"POST {RUN}", 200, last=FOUR * 2, json={"model": FLAT, "inputs": {"image": [GREY, URL]}}),
    case(
        "U",
        f"POST {RUN}",
        200,
        last=[*(2 * PIXELS[None, ..., None]), *(2 * PIXELS[None, ..., None])],
        json={"model": PAIR, "inputs": {"left": [{"image": GREY}] * 2, "right": {"image": [GREY, GREY]}}},
    ),
    case(
        "U",
        f"POST {RUN}",
        422,
        "/inputs/1",
        "this is not a picture",
        json={"model": FLAT, "inputs": [{"image": GREY}, [[1]]]},
    ),
    case("U", f"POST {RUN}", 422, r'{"input": \[first, second', json={"model": FLAT, "inputs": [{"input": FOUR}]}),
    case("U", f"POST {RUN}", 422, 'is written {"image"', json={"model": FLAT, "inputs": URL}),
    case(
        "U", f"POST {RUN}", 422, "not fetched", json={"model": FLAT, "inputs": {"image": "https://example.org/a.png"}}
    ),
    case("U", f"POST {RUN}", 422, "Python wrote bytes", json={"model": FLAT, "inputs": {"image": str(GREY.encode())}}),
    *[
        case("U", request, 404, "/v1/models/habit-vector/activations", json={"instances": ROWS})
        for request in (
            "POST /v1/models/habit-vector/versions/1:predict",
            "POST /predictions/habit-vector",
            "POST /v1/models/habit-vector/predict",
            "POST /v2/models/habit-vector/versions/1/generate",
        )
    ],
    case("U", "POST /v1/models/habit-vector", 405, "/v1/models/habit-vector/activations", json={"inputs": ROWS}),
    case("U", "POST /invocations", 404, "/v1/activations"),
    # also seen
    case("-", f"{VECTOR_RUN}?layers[]=identity&layers[]=input", 200, json={"inputs": ROWS}),
    case("-", f'{VECTOR_RUN}?layers=["identity","input"]', 200, json={"inputs": ROWS}),
    case(
        "-",
        f"POST {RUN}",
        200,
        **raw_form(
            part("model", text(VECTOR).encode())
            + part("inputs", b"[[1, 2]]")
            + part("layers[0]", b"identity")
            + part("layers[1]", b"input")
            + b"--b--\r\n"
        ),
    ),
    case("-", "GET /", 200, "/docs"),
    case("-", "GET /index.html", 404, "GET / is the page"),
    case("-", "GET /health", 404, "/healthz"),
    case("-", "GET /ping", 404, "/healthz"),
    case("-", "POST /v1/activation", 404, "/v1/activations"),
    case(
        "-",
        f"POST {RUN}",
        200,
        last=ROWS,
        **raw_form(
            b"This is a multi-part message.\r\n"
            + part("model", text(VECTOR).encode())
            + part("inputs", b"[[1, 2]]")
            + b"--b--\r\nand this is the end"
        ),
    ),
    case(
        "-",
        PUT,
        201,
        **raw_form(
            b"\r\nThis is a multi-part message.\r\n" + part("model", text(VECTOR).encode()) + b"--b-- \r\nthe end"
        ),
    ),
    case(
        "-", f"POST {RUN}", 400, "no boundary", "leave Content-Type out", **raw_form(b"--b\r\n", "multipart/form-data")
    ),
    case(
        "-", f"POST {RUN}", 400, "a multipart form", **raw_form(part("model", b"[]") + b"--b--\r\n", "application/json")
    ),
    case("-", f"POST {PLAN}", 422, "Lambda", "ops.multiply", json={"model": [{"type": "Lambda"}]}),
    case("-", f"POST {PLAN}", 422, "TextVectorization", "int64", json={"model": [{"type": "TextVectorization"}]}),
]
SETUP = {"habit-flat": FLAT, "habit-vector": VECTOR, "habit-states": STATES,
         "habit-four": {"input": [4], "layers": [{"type": "Identity"}]},
         "habit-odd": {"input": [2], "layers": [{"type": "Identity", "name": "a b%c"}]}}  # fmt: skip


@pytest.mark.parametrize("kind", sorted({one.kind for one in CASES}))
def test_habitual_requests_are_served_or_explained(server: Server, kind: str) -> None:
    """Every case of a kind gets its expected response."""
    for name, document in SETUP.items():
        server.client.put(f"/v1/models/{name}", json=document).raise_for_status()
    failed = {}
    for one in [one for one in CASES if one.kind == kind]:
        server.client.delete("/v1/models/habit-new")
        reply = one.send(server.client)
        faults = list(one.faults(reply))
        if faults:
            failed[f"{one.method} {one.path} {str(one.arguments)[:150]}"] = (faults, reply.text[:500])
    assert not failed

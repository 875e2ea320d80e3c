"""Requests of every route, format, option and error, in an order that may be repeated on a fresh service."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from models.layers import CATALOGUE

CHAIN: dict[str, Any] = {
    "name": "chain", "input": [8, 8, 3], "seed": 3,
    "layers": [
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "padding": "same"},
        {"type": "BatchNormalization"}, {"type": "ReLU"}, {"type": "MaxPooling2D"},
        {"type": "Dropout", "rate": 0.25}, {"type": "Flatten"},
        {"type": "Dense", "units": 5, "activation": "softmax"},
    ],
}  # fmt: skip
TWO: dict[str, Any] = {
    "input": {"left": [4], "right": {"shape": [4], "dtype": "float16"}},
    "layers": [
        {"type": "Dense", "units": 3, "name": "a", "inputs": ["left"]},
        {"type": "Dense", "units": 3, "name": "b", "inputs": ["right"]},
        {"type": "Concatenate", "name": "both", "inputs": ["a", "b"]},
        {"type": "LSTM", "units": 2, "name": "lstm", "return_state": True, "inputs": ["steps"]},
    ],
}  # fmt: skip
TWO["layers"].insert(3, {"type": "Reshape", "target_shape": [3, 2], "name": "steps", "inputs": ["both"]})
TABLE: dict[str, Any] = {
    "input": {"ids": {"shape": [3], "dtype": "int32"}},
    "layers": [{"type": "Embedding", "input_dim": 9, "output_dim": 2}, {"type": "GlobalAveragePooling1D"}],
}
FORMATS = ("json", "jsonl", "npz", "safetensors", "npy", "png", "svg", "xml")
ACTIVATION_OPTIONS: tuple[dict[str, Any], ...] = (
    {}, {"data": "base64"}, {"data": "none"}, {"weights": True}, {"stats": True}, {"stats": False, "data": "base64"},
    {"training": True}, {"layers": "conv2d"}, {"layers": "type:Dense"}, {"layers": "conv2d:pre"}, {"layers": "*2d*"},
    {"layers": "conv2d,dense", "weights": True}, {"slice": "0, 2:4"}, {"reduce": "mean@h,w", "layers": "conv2d"},
    {"top": 2, "layers": "dense"}, {"histogram": "8", "layers": "conv2d"}, {"histogram": "4,-1,1"},
    {"dtype": "float16"}, {"dtype": "uint8"}, {"dtype": "int4"}, {"layers": "conv"}, {"top": 0}, {"slice": "x"},
    {"channel": 1, "layers": "conv2d"}, {"cmap": "viridis", "layers": "conv2d"}, {"cmap": "rainbow"},
    {"normalize": "layer", "layers": "conv2d"}, {"normalize": "-1,1", "layers": "dense"}, {"upscale": 3, "layers": "conv2d"},
    {"upscale": 0}, {"resize": "nearest"}, {"scale": "signed"}, {"scale": "huge"}, {"foo": 1}, {"layer": "dense"},
)  # fmt: skip
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)
INPUT: dict[str, Any] = {"shape": [1, 8, 8, 3], "data": PIXELS.reshape(-1).tolist()}


@dataclass
class Sent:
    """One request, as httpx takes it."""

    method: str
    path: str
    arguments: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def file_of(pixels: np.ndarray, kind: str) -> bytes:
    """An image file of these pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def saved(write: Any, *arguments: Any, **arrays: Any) -> bytes:
    """What NumPy writes to a file."""
    buffer = io.BytesIO()
    write(buffer, *arguments, **arrays)
    return buffer.getvalue()


PNG, LARGER = file_of(PIXELS, "PNG"), file_of(RANDOM.integers(0, 256, (20, 30, 3), dtype=np.uint8), "PNG")
NPY = saved(np.save, PIXELS[np.newaxis].astype(np.float32))
NPZ = saved(np.savez, left=np.ones((2, 4), np.float32), right=np.zeros((2, 4), np.float16))


def post(path: str, body: Any, note: str = "", **arguments: Any) -> Sent:
    """A POST of JSON."""
    return Sent("POST", path, {"json": body, **arguments}, note)


def requests() -> Iterator[Sent]:
    """All of them, in order."""
    yield from state()
    yield from registrations()
    yield from runs()
    yield from inputs()
    yield from reads()
    yield from plans()
    yield from open_inference()
    yield from errors()
    yield from headers()
    yield from removals()


def state() -> Iterator[Sent]:
    """Routes without a model."""
    for path in ("/healthz", "/version", "/openapi.json", "/docs", "/v2", "/v2/health/live", "/v1/layers", "/v1/models",
                 "/v2/health/ready", "/v2/models/stats", "/nowhere", "/v1", "/v1/layers/Nothing", "/v1/layers/conv2d"):  # fmt: skip
        yield Sent("GET", path)
    for name in sorted(CATALOGUE):
        yield Sent("GET", f"/v1/layers/{name}")


def registrations() -> Iterator[Sent]:
    """Models and weights."""
    for name, document in (
        ("chain", CHAIN),
        ("two", TWO),
        ("table", TABLE),
        ("chain", CHAIN),
        ("list", CHAIN["layers"]),
    ):
        yield Sent("PUT", f"/v1/models/{name}", {"json": document})
    yield Sent("PUT", "/v1/models/free", {"json": {"input": [None, None, 3], "layers": CHAIN["layers"][:3]}})
    yield Sent("PUT", "/v1/models/app", {"json": {"application": "MobileNetV2", "weights": None, "alpha": 0.35}})
    yield Sent("PUT", "/v1/models/text", {"files": {"model": (None, json.dumps(CHAIN))}})
    weights = {"dense.kernel": np.ones((64, 5), np.float32)}
    for content in (saved(np.savez, **weights), b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"\x80\x04pickle"):
        yield Sent("PUT", "/v1/models/chain/weights", {"content": content}, f"{len(content)} bytes")
        yield Sent(
            "PUT", "/v1/models/other", {"files": {"model": (None, json.dumps(CHAIN)), "weights": ("w", content)}}
        )
    for document in ({}, [], "", "{", 3, None, {"layers": []}, {"layers": [{"type": "Dens", "units": 1}]},
                     {"layers": [{"type": "Dense"}]}, {"layers": [{"type": "Dense", "units": "3"}]},
                     {"input": [4], "layers": [{"type": "Conv2D", "filters": 1, "kernel_size": 3}]},
                     {"class_name": "Sequential", "config": {}}, {"class_name": "Model"}, {"application": "VGG17"},
                     {"application": "VGG16", "weights": "mine"}, {"modelTopology": {}},
                     {"layers": [{"type": "Lambda"}]}, {"layers": [{"type": "Dense", "units": 10**9}]}):  # fmt: skip
        yield Sent("PUT", "/v1/models/bad", {"json": document}, json.dumps(document)[:80])
        yield post("/v1/plan", {"model": document}, json.dumps(document)[:80])


def runs() -> Iterator[Sent]:
    """Every format with every option, inline and registered, in the query and in the body."""
    for form in FORMATS:
        for options in ACTIVATION_OPTIONS:
            yield post(
                "/v1/models/chain/activations", {"inputs": INPUT}, str(options), params={**options, "format": form}
            )
    for options in ACTIVATION_OPTIONS:
        yield post("/v1/activations", {"model": CHAIN, "inputs": INPUT, **options}, str(options))
    for accept in ("application/json", "application/x-ndjson", "application/x-npz", "image/png", "image/svg+xml", "text/html",
                   "*/*", "application/*;q=0.5, image/png", "application/vnd.safetensors", "application/x-npy", "", "q"):  # fmt: skip
        yield post("/v1/models/chain/activations?layers=conv2d", {"inputs": INPUT}, accept, headers={"Accept": accept})


def inputs() -> Iterator[Sent]:
    """Every way to send an input."""
    chain, two, table = (f"/v1/models/{name}/activations?data=base64" for name in ("chain", "two", "table"))
    for content, kind in ((PNG, "image/png"), (LARGER, "image/png"), (NPY, "application/x-npy"), (b"x", "image/png"),
                          (NPY, "application/octet-stream"), (b"\x93NUMPY", "application/x-npy"), (b"", "image/png"),
                          (file_of(PIXELS, "JPEG"), "image/jpeg"), (file_of(PIXELS, "GIF"), "image/gif")):  # fmt: skip
        yield Sent("POST", chain, {"content": content, "headers": {"Content-Type": kind}}, kind)
    for name, content in (
        ("image", PNG),
        ("file", PNG),
        ("tensor", NPY),
        ("inputs.input", PNG),
        ("inputs", b"[[1]]"),
        ("tensor", PNG),
    ):
        yield Sent("POST", chain, {"files": {name: ("f", content)}}, name)
    yield Sent("POST", chain, {"files": [("image", ("a.png", PNG)), ("image", ("b.png", PNG))]}, "a batch")
    yield Sent("POST", two, {"files": {"tensor": ("t.npz", NPZ)}}, "npz")
    yield Sent("POST", two, {"content": NPZ}, "npz body")
    ones = [[1, 2, 3, 4]]
    for value in ({"left": ones, "right": ones}, {"left": ones}, {"left": ones, "wrong": ones}, ones, [ones, ones],
                  {"left": ones, "right": [[1, 2]]}, {"left": ones, "right": [ones[0], ones[0]]}, {}, [], None):  # fmt: skip
        yield post(two, {"inputs": value}, json.dumps(value))
    for value in (
        [[1, 2, 3]],
        [[1, 2, 9]],
        [[1.5, 2, 3]],
        [["a", 2, 3]],
        [[1, 2, 3], [1, 2]],
        [[True, 1, 2]],
        [[1e400, 1, 2]],
    ):
        yield Sent("POST", table, {"content": json.dumps({"inputs": value}), "headers": JSON}, str(value))
    raw = base64.b64encode(PIXELS.astype("<f4").tobytes()).decode()
    for value in ({"shape": [1, 8, 8, 3], "dtype": "float32", "base64": raw}, {"image": base64.b64encode(PNG).decode()},
                  {"shape": [1, 8, 8, 2], "dtype": "float32", "base64": raw}, {"image": "???"}, {"base64": raw},
                  {"image": [base64.b64encode(PNG).decode()] * 2}, {"shape": [2], "data": [1]}):  # fmt: skip
        yield post(chain, {"inputs": value}, str(value)[:60])


def reads() -> Iterator[Sent]:
    """Registered models and their weights."""
    for name in ("chain", "two", "table", "free", "app", "text", "nobody", "a b", "é"):
        for form in ("", "?as=document", "?as=keras", "?as=summary", "?as=yaml"):
            yield Sent("GET", f"/v1/models/{name}{form}")
    for form in (*FORMATS, ""):
        for options in ("", "&data=base64", "&data=none", "&cmap=magma"):
            yield Sent("GET", f"/v1/models/chain/weights?format={form}{options}")
        for layer in ("dense", "conv2d", "relu", "nothing", "conv2d:pre"):
            yield Sent("GET", f"/v1/models/chain/layers/{layer}/weights?format={form}")
    yield Sent("GET", "/v1/models")


def plans() -> Iterator[Sent]:
    """Plans with their options."""
    for options in ({}, {"batch": 7}, {"batch": 0}, {"batch": 10**9}, {"layers": ["conv2d"]}, {"layers": "nothing"}, {"top": 2},
                    {"slice": "0"}, {"reduce": "mean@c"}, {"histogram": 8}, {"dtype": "float16"}, {"foo": 1}, {"inputs": {"input": [1, 9, 9, 3]}}):  # fmt: skip
        for model in (CHAIN, TWO, {"input": [None, None, 3], "layers": CHAIN["layers"][:3]}):
            yield post("/v1/plan", {"model": model, **options}, str(options))
        yield post("/v1/plan?model=chain", options, f"registered {options}")


def open_inference() -> Iterator[Sent]:
    """The routes under /v2."""
    for name in ("chain", "two", "table", "nobody"):
        for path in ("", "/config", "/ready", "/versions/1", "/versions/2"):
            yield Sent("GET", f"/v2/models/{name}{path}")
    tensor = {"name": "input", "shape": [1, 8, 8, 3], "datatype": "FP32", "data": INPUT["data"]}
    table = {"name": "ids", "shape": [1, 3], "datatype": "INT32", "data": [1, 2, 3]}
    for name, body in (("chain", {"inputs": [tensor]}), ("chain", {"id": "x", "inputs": [tensor], "outputs": [{"name": "conv2d"}]}),
                       ("chain", {"inputs": [tensor], "outputs": [{"name": "dense", "parameters": {"classification": 2}}]}),
                       ("chain", {"inputs": [tensor], "outputs": [{"name": "nothing"}]}), ("table", {"inputs": [table]}),
                       ("chain", {"inputs": [tensor], "parameters": {"binary_data_output": True}}), ("chain", {"inputs": []}),
                       ("table", {"inputs": [{**table, "datatype": "FP32"}]}), ("table", {"inputs": [{**table, "shape": [3]}]}),
                       ("chain", {"inputs": [tensor, tensor]}), ("nobody", {"inputs": [tensor]}), ("chain", {"input": 1}), ("chain", [])):  # fmt: skip
        yield post(f"/v2/models/{name}/infer", body, json.dumps(body)[-80:])
    for path, body in (("index", {}), ("index", {"ready": True}), ("models/chain/load", {}), ("models/nobody/load", {}),
                       ("models/chain/load", {"parameters": {"config": "{}"}}), ("models/nobody/unload", {})):  # fmt: skip
        yield post(f"/v2/repository/{path}", body)
    yield Sent("POST", "/v2/models/chain/infer", {"content": b"{", "headers": JSON})
    yield Sent("POST", "/v2/models/chain/infer", {"content": b"{}", "headers": JSON | {"Content-Encoding": "br"}})


JSON = {"Content-Type": "application/json"}


def errors() -> Iterator[Sent]:
    """Bodies and methods that are refused."""
    for path in ("/v1/activations", "/v1/models/chain/activations", "/v1/plan"):
        for content in (b"", b"{", b"[]", b"null", b'"text"', b'{"model": 1}', b"\xff\xfe", b'{"a": 1, "a": 2}', b"NaN",
                        b'{"inputs": [1e999]}', b'{"inputs": [' + b"[" * 300 + b"]" * 300 + b"]}"):  # fmt: skip
            yield Sent("POST", path, {"content": content, "headers": JSON}, repr(content[:40]))
        for kind in (
            "text/plain",
            "application/xml",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "image/heic",
            "",
        ):
            yield Sent("POST", path, {"content": b"x", "headers": {"Content-Type": kind}}, kind)
        for method in ("GET", "PUT", "DELETE", "PATCH", "FOO"):
            yield Sent(method, path)
        yield Sent("POST", path, {"files": {"model": (None, "{"), "inputs": (None, "[[1]]")}}, "form")
        yield Sent("POST", path, {"files": {"layers": (None, "x"), "foo": (None, "1")}}, "form")


def headers() -> Iterator[Sent]:
    """Origins, hosts, methods, compression and conditional requests."""
    run, page = "/v1/models/chain/activations?layers=conv2d", {"Origin": "http://localhost:5173"}
    for given in ({}, page, {"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                  {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "zstd, gzip;q=0"},
                  {"Content-Encoding": "gzip"}, {"Content-Digest": "sha-256=:AAAA:"}, {"Content-Digest": "x"},
                  {"If-None-Match": "*"}, {"X-Request-ID": "mine"}, {"Accept": "application/json;q=0"}):  # fmt: skip
        yield post(run, {"inputs": INPUT}, str(given), headers=given)
        for path in ("/v1/models", "/v1/models/chain", "/v1/models/chain/weights", "/v1/models/nobody"):
            yield Sent("GET", path, {"headers": given}, str(given))
            yield Sent("HEAD", path, {"headers": given}, str(given))
    for path in ("/v1/activations", "/v1/models/chain", "/v2/models/chain/infer", "/nowhere"):
        for asked in ({}, {"Access-Control-Request-Method": "PUT"}):
            yield Sent("OPTIONS", path, {"headers": {**page, **asked}}, str(asked))


def removals() -> Iterator[Sent]:
    """Models that go."""
    for name in ("list", "list", "nobody", "chain"):
        yield Sent("DELETE", f"/v1/models/{name}")
    yield post("/v2/repository/models/two/unload", {})
    yield Sent("GET", "/v1/models")

"""Valid requests of every route, format and option, in an order that may be repeated on a fresh service."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from acceptance.samples import CHAIN, INPUT, LARGER, NPY, NPZ, PIXELS, PNG, TABLE, TWO, file_of, saved
from models.layers import CATALOGUE

FORMATS = ("json", "jsonl", "npz", "safetensors", "npy", "png", "svg", "xml")
ACTIVATION_OPTIONS: tuple[dict[str, Any], ...] = (
    {}, {"data": "base64"}, {"data": "none"}, {"weights": True}, {"stats": True}, {"stats": False, "data": "base64"},
    {"training": True}, {"layers": "conv2d"}, {"layers": "type:Dense"}, {"layers": "conv2d:pre"}, {"layers": "*2d*"},
    {"layers": "conv2d,dense", "weights": True}, {"slice": "0, 2:4"}, {"reduce": "mean@h,w", "layers": "conv2d"},
    {"top": 2, "layers": "dense"}, {"histogram": "8", "layers": "conv2d"}, {"histogram": "4,-1,1"},
    {"dtype": "float16"}, {"dtype": "uint8"}, {"dtype": "int4"}, {"layers": "conv"}, {"top": 0}, {"slice": "x"},
    {"channel": 1, "layers": "conv2d"}, {"cmap": "viridis", "layers": "conv2d"}, {"cmap": "rainbow"},
    {"normalize": "layer", "layers": "conv2d"}, {"normalize": "-1,1", "layers": "dense"},
    {"upscale": 3, "layers": "conv2d"},
    {"upscale": 0}, {"resize": "nearest"}, {"scale": "signed"}, {"scale": "huge"}, {"foo": 1}, {"layer": "dense"},
)  # fmt: skip
JSON = {"Content-Type": "application/json"}


@dataclass
class Request:
    """One request, as httpx takes it."""

    method: str
    path: str
    arguments: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def post(path: str, body: Any, note: str = "", **arguments: Any) -> Request:
    """A POST of JSON."""
    return Request("POST", path, {"json": body, **arguments}, note)


def state() -> Iterator[Request]:
    """Routes without a model."""
    for path in ("/healthz", "/version", "/openapi.json", "/docs", "/v2", "/v2/health/live", "/v1/layers", "/v1/models",
                 "/v2/health/ready", "/v2/models/stats", "/nowhere", "/v1", "/v1/layers/Nothing",
                 "/v1/layers/conv2d"):  # fmt: skip
        yield Request("GET", path)
    for name in sorted(CATALOGUE):
        yield Request("GET", f"/v1/layers/{name}")


def registrations() -> Iterator[Request]:
    """Models and weights."""
    for name, document in (
        ("chain", CHAIN),
        ("two", TWO),
        ("table", TABLE),
        ("chain", CHAIN),
        ("list", CHAIN["layers"]),
    ):
        yield Request("PUT", f"/v1/models/{name}", {"json": document})
    yield Request("PUT", "/v1/models/free", {"json": {"input": [None, None, 3], "layers": CHAIN["layers"][:3]}})
    yield Request("PUT", "/v1/models/app", {"json": {"application": "MobileNetV2", "weights": None, "alpha": 0.35}})
    yield Request("PUT", "/v1/models/text", {"files": {"model": (None, json.dumps(CHAIN))}})
    weights = {"dense.kernel": np.ones((64, 5), np.float32)}
    for content in (saved(np.savez, **weights), b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"\x80\x04pickle"):
        yield Request("PUT", "/v1/models/chain/weights", {"content": content}, f"{len(content)} bytes")
        yield Request(
            "PUT", "/v1/models/other", {"files": {"model": (None, json.dumps(CHAIN)), "weights": ("w", content)}}
        )
    for document in ({}, [], "", "{", 3, None, {"layers": []}, {"layers": [{"type": "Dens", "units": 1}]},
                     {"layers": [{"type": "Dense"}]}, {"layers": [{"type": "Dense", "units": "3"}]},
                     {"input": [4], "layers": [{"type": "Conv2D", "filters": 1, "kernel_size": 3}]},
                     {"class_name": "Sequential", "config": {}}, {"class_name": "Model"}, {"application": "VGG17"},
                     {"application": "VGG16", "weights": "mine"}, {"modelTopology": {}},
                     {"layers": [{"type": "Lambda"}]}, {"layers": [{"type": "Dense", "units": 10**9}]}):  # fmt: skip
        yield Request("PUT", "/v1/models/bad", {"json": document}, json.dumps(document)[:80])
        yield post("/v1/plan", {"model": document}, json.dumps(document)[:80])


def runs() -> Iterator[Request]:
    """Every format with every option, inline and registered, in the query and in the body."""
    for form in FORMATS:
        for options in ACTIVATION_OPTIONS:
            yield post(
                "/v1/models/chain/activations", {"inputs": INPUT}, str(options), params={**options, "format": form}
            )
    for options in ACTIVATION_OPTIONS:
        yield post("/v1/activations", {"model": CHAIN, "inputs": INPUT, **options}, str(options))
    for accept in ("application/json", "application/x-ndjson", "application/x-npz", "image/png",
                   "image/svg+xml", "text/html",
                   "*/*", "application/*;q=0.5, image/png", "application/vnd.safetensors", "application/x-npy",
                   "", "q"):  # fmt: skip
        yield post("/v1/models/chain/activations?layers=conv2d", {"inputs": INPUT}, accept, headers={"Accept": accept})


def inputs() -> Iterator[Request]:
    """Every way to send an input."""
    chain, two, table = (f"/v1/models/{name}/activations?data=base64" for name in ("chain", "two", "table"))
    for content, kind in ((PNG, "image/png"), (LARGER, "image/png"), (NPY, "application/x-npy"), (b"x", "image/png"),
                          (NPY, "application/octet-stream"), (b"\x93NUMPY", "application/x-npy"), (b"", "image/png"),
                          (file_of(PIXELS, "JPEG"), "image/jpeg"), (file_of(PIXELS, "GIF"), "image/gif")):  # fmt: skip
        yield Request("POST", chain, {"content": content, "headers": {"Content-Type": kind}}, kind)
    for name, content in (
        ("image", PNG),
        ("file", PNG),
        ("tensor", NPY),
        ("inputs.input", PNG),
        ("inputs", b"[[1]]"),
        ("tensor", PNG),
    ):
        yield Request("POST", chain, {"files": {name: ("f", content)}}, name)
    yield Request("POST", chain, {"files": [("image", ("a.png", PNG)), ("image", ("b.png", PNG))]}, "a batch")
    yield Request("POST", two, {"files": {"tensor": ("t.npz", NPZ)}}, "npz")
    yield Request("POST", two, {"content": NPZ}, "npz body")
    ones = [[1, 2, 3, 4]]
    for value in ({"left": ones, "right": ones}, {"left": ones}, {"left": ones, "wrong": ones}, ones, [ones, ones],
                  {"left": ones, "right": [[1, 2]]}, {"left": ones, "right": [ones[0], ones[0]]}, {}, [],
                  None):  # fmt: skip
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
        yield Request("POST", table, {"content": json.dumps({"inputs": value}), "headers": JSON}, str(value))
    raw = base64.b64encode(PIXELS.astype("<f4").tobytes()).decode()
    for value in ({"shape": [1, 8, 8, 3], "dtype": "float32", "base64": raw}, {"image": base64.b64encode(PNG).decode()},
                  {"shape": [1, 8, 8, 2], "dtype": "float32", "base64": raw}, {"image": "???"}, {"base64": raw},
                  {"image": [base64.b64encode(PNG).decode()] * 2}, {"shape": [2], "data": [1]}):  # fmt: skip
        yield post(chain, {"inputs": value}, str(value)[:60])


def reads() -> Iterator[Request]:
    """Registered models and their weights."""
    for name in ("chain", "two", "table", "free", "app", "text", "nobody", "a b", "é"):
        for form in ("", "?as=document", "?as=keras", "?as=summary", "?as=yaml"):
            yield Request("GET", f"/v1/models/{name}{form}")
    for form in (*FORMATS, ""):
        for options in ("", "&data=base64", "&data=none", "&cmap=magma"):
            yield Request("GET", f"/v1/models/chain/weights?format={form}{options}")
        for layer in ("dense", "conv2d", "relu", "nothing", "conv2d:pre"):
            yield Request("GET", f"/v1/models/chain/layers/{layer}/weights?format={form}")
    yield Request("GET", "/v1/models")


def plans() -> Iterator[Request]:
    """Plans with their options."""
    for options in ({}, {"batch": 7}, {"batch": 0}, {"batch": 10**9}, {"layers": ["conv2d"]},
                    {"layers": "nothing"}, {"top": 2},
                    {"slice": "0"}, {"reduce": "mean@c"}, {"histogram": 8}, {"dtype": "float16"}, {"foo": 1},
                    {"inputs": {"input": [1, 9, 9, 3]}}):  # fmt: skip
        for model in (CHAIN, TWO, {"input": [None, None, 3], "layers": CHAIN["layers"][:3]}):
            yield post("/v1/plan", {"model": model, **options}, str(options))
        yield post("/v1/plan?model=chain", options, f"registered {options}")


def removals() -> Iterator[Request]:
    """Models that go."""
    for name in ("list", "list", "nobody", "chain"):
        yield Request("DELETE", f"/v1/models/{name}")
    yield post("/v2/repository/models/two/unload", {})
    yield Request("GET", "/v1/models")

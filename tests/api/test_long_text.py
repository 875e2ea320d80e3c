"""Long and unusual text in every client-supplied field: errors stay short and do not echo it in full."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

MAX_BYTES = 64 * 1024
TEXTS = {
    "a word": ("k" * 3000, r"k{129,}"),
    "words": ("k " * 1500, r"(k ){65,}"),
    "signs": ('\x00\x1b[31m<b>"\\\ud7ff\u202e😀k' * 300, r"(31m[^k]{1,60}k[^k]{1,60}){20,}"),
}
"""The text sent, and a pattern that responses must not match."""
DOCUMENT: dict[str, Any] = {
    "name": "n", "seed": 0, "input": {"left": {"shape": [4], "dtype": "float32"}, "right": [4]}, "scale": "none",
    "layers": [
        {"type": "Dense", "units": 2, "name": "d", "inputs": ["left"], "activation": "relu", "dtype": "float32",
         "kernel_initializer": {"type": "HeNormal", "seed": 1}, "kernel_regularizer": "l2"},
        {"type": "Dense", "units": 2, "inputs": ["right"], "activation": {"type": "LeakyReLU"}},
        {"type": "Add", "inputs": ["d", "dense"]},
        {"type": "Block", "name": "b", "layers": [{"type": "ReLU", "calls": [["input"]]}]},
    ],
    "outputs": ["b"],
}  # fmt: skip
KERAS: dict[str, Any] = {
    "module": "keras", "class_name": "Sequential", "registered_name": None, "config": {"name": "s", "layers": [
        {"module": "keras.layers", "class_name": "InputLayer", "registered_name": None,
         "config": {"batch_shape": [None, 4], "dtype": "float32", "name": "i"}},
        {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
         "config": {"name": "d", "units": 2, "activation": "relu", "dtype": {
             "module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None},
             "kernel_initializer": {"module": "keras.initializers", "class_name": "Zeros", "config": {},
                                    "registered_name": None}}},
    ]},
}  # fmt: skip
APPLICATION = {"application": "MobileNetV2", "weights": None, "include_top": False, "input": [96, 96, 3]}
RUN: dict[str, Any] = {
    "inputs": {"left": [1, 2, 3, 4], "right": {"shape": [4], "dtype": "float32", "data": [1, 2, 3, 4]}},
    "layers": ["d", "type:Dense"], "data": "none", "stats": True, "slice": {"d": "0, :"}, "reduce": "mean@n", "top": 3,
    "histogram": "4,-2,2", "dtype": "float16", "format": "json", "cmap": "gray", "normalize": "layer", "resize": "none",
}  # fmt: skip
INFER: dict[str, Any] = {
    "id": "1", "inputs": [{"name": "left", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}],
    "outputs": [{"name": "d", "parameters": {"reduce": "mean@n", "binary_data": False}}],
    "parameters": {"training": True},
}  # fmt: skip
PATHS = [
    "GET /v1/models/{}", "PUT /v1/models/{}", "DELETE /v1/models/{}", "GET /v1/layers/{}", "GET /{}", "GET /v2/{}",
    "GET /v1/models/texts/layers/{}/weights", "GET /v1/models/texts/weights?data={}", "GET /v1/models/texts?as={}",
    "GET /v1/models/texts/weights?{}=1", "POST /v1/plan?model={}", "POST /v1/plan?model=texts&layers={}",
    "POST /v1/plan?model=texts&batch={}", "POST /v1/activations?slice={}", "GET /v2/models/{}",
    "POST /v2/models/{}/infer", "GET /v2/models/texts/versions/{}", "POST /v2/repository/models/{}/load",
]  # fmt: skip
HEADERS = ["Content-Type", "Accept", "Content-Encoding", "Inference-Header-Content-Length", "Origin", "X-Request-ID"]


def variants_with_text(value: Any, text: str) -> Iterator[Any]:
    """Yield the value with the text in place of each part and key, and appended to each list."""
    yield text
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {(text if one == name else one): part for one, part in value.items()}
            yield from ({**value, name: changed} for changed in variants_with_text(inner, text))
    elif isinstance(value, list):
        yield [*value, text]
        for place, inner in enumerate(value):
            yield from ([*value[:place], changed, *value[place + 1 :]] for changed in variants_with_text(inner, text))


def replies(server: Server, text: str) -> Iterator[tuple[Any, httpx.Response]]:
    """Yield each request with its response."""
    client = server.client
    for model in (DOCUMENT, KERAS, APPLICATION):
        for changed in variants_with_text(model, text):
            yield changed, client.post("/v1/plan", content=json.dumps({"model": changed}))
    for changed in variants_with_text(RUN, text):
        body = changed if isinstance(changed, dict) else {"inputs": changed}
        yield changed, client.post("/v1/activations", content=json.dumps({**body, "model": DOCUMENT}))
    for changed in variants_with_text(INFER, text):
        yield changed, client.post("/v2/models/texts/infer", content=json.dumps(changed))
    for path in PATHS:
        method, _, address = path.format(quote(text[:2000])).partition(" ")
        yield path, client.request(method, address, json=DOCUMENT if method == "PUT" else None)
    printed = re.sub(r"[^ -~]", "?", text).strip()
    for name in HEADERS:
        for address in ("/v1/activations", "/v2/models/texts/infer"):
            yield (name, address), client.post(address, content=b"{}", headers={name: printed})
    for part in ("model", "inputs", "image", "tensor", "layers", "inputs.left", printed, f"inputs.{printed}"):
        files = {"model": (None, json.dumps(DOCUMENT)), part: (printed[:500], text.encode())}
        yield part, client.post("/v1/activations", files=files)
    yield "weights", client.put("/v1/models/texts-new", files={printed: (None, "x")})


@pytest.mark.parametrize("kind", TEXTS)
def test_errors_are_short_for_long_text(server: Server, kind: str) -> None:
    """At most 64 KiB, with at most 120 characters of a value; a layer's name has 128."""
    server.client.put("/v1/models/texts", json=DOCUMENT).raise_for_status()
    text, forbidden = TEXTS[kind]
    failures = []
    for sent, reply in replies(server, text):
        if reply.status_code < 400 and len(reply.content) < MAX_BYTES:
            continue  # a name that only the document contains
        found = re.search(forbidden, reply.text) is not None
        good = reply.status_code < 500 or reply.status_code == 501
        if found or not good or len(reply.content) > MAX_BYTES or "errors" not in reply.json():
            failures.append((str(sent)[:300], reply.status_code, reply.text[:300]))
    assert failures == []

"""Arithmetic over HTTP: both routes, every way of asking, parts of pictures, and refusals."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENT: dict[str, Any] = {
    "input": [8, 8, 3],
    "layers": [
        {"type": "Conv2D", "filters": 4, "kernel_size": 3, "padding": "same", "activation": "relu", "name": "conv"},
        {"type": "Block", "name": "stem", "layers": [{"type": "MaxPooling2D", "name": "pool"}]},
        {"type": "Flatten", "name": "flat"},
        {"type": "Dense", "units": 3, "activation": "softmax", "name": "head"},
    ],
}
PNG = {"Content-Type": "image/png"}
PIXELS = np.random.default_rng(3).integers(0, 255, (8, 8, 3), np.uint8)
ASKED = {"model": DOCUMENT, "inputs": PIXELS.tolist()}
CONV = "conv[0, 0, 5, 2]"


def picture() -> bytes:
    """Return the pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG")
    return buffer.getvalue()


def explained(server: Server, of: Any, **fields: Any) -> dict[str, Any]:
    """Return the reply of the inline route."""
    reply = server.client.post("/v1/arithmetic", json={**ASKED, "of": of, **fields})
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def test_a_window_times_a_kernel(server: Server) -> None:
    """Terms are pixels by weights, those in the padding are none, and the sum is what the layer returns."""
    body = explained(server, CONV)
    run = server.run(DOCUMENT, PIXELS.tolist(), weights=True, layers=["conv"])
    kernel, bias = (np.array(weight["data"], np.float32).astype(float) for weight in run["layers"][0]["weights"])
    first, last = body["steps"]
    assert first["formula"] == "sum(input[0, 0:2, 4:7, 0:3] * kernel[1:3, 0:3, 0:3, 2]) + bias[2]"
    assert first["padding"] == {"cells": 3, "of": 9, "window": [[0], []]}
    assert (first["address"], first["terms_total"], first["bias"]) == ("conv:pre", 18, bias[2])
    for term in first["terms"]:
        _, row, column, channel = term["index"]
        assert term == {"name": "input", "index": [0, row, column, channel], "value": PIXELS[row, column, channel],
                        "weight": kernel[row + 1, column - 4, channel, 2],
                        "product": pytest.approx(term["value"] * term["weight"])}  # fmt: skip
    assert first["sum"] == pytest.approx(sum(term["product"] for term in first["terms"]) + bias[2])
    assert max(first["ulps"], last["ulps"]) <= 4
    assert body["value"] == last["value"] == max(first["value"], 0)
    assert body["value"] == np.float32(run["layers"][0]["data"][0][0][5][2])
    assert body["of"] == {"address": "conv", "index": [0, 0, 5, 2]}
    assert body["reads"] == [
        {"address": "input", "box": [[0, 1], [0, 2], [4, 7], [0, 3]], "extent": "exact"},
        {"address": "conv:pre", "box": [[0, 1], [0, 1], [5, 6], [2, 3]], "extent": "exact"},
    ]
    assert [(layer["address"], layer["shape"], "data" in layer) for layer in body["layers"]] == [
        ("input", [1, 2, 3, 3], False)
    ]


def test_every_way_of_asking_has_the_same_answer(server: Server) -> None:
    """JSON, a form, a picture as the body, options in the query; inline and registered; negative indices."""
    whole = explained(server, CONV)
    server.client.put("/v1/models/counted", json=DOCUMENT).raise_for_status()
    form = {"model": json.dumps(DOCUMENT), "of": '{"address": "conv", "index": [0, -8, 5, 2]}'}
    replies = [
        server.client.post(f"/v1/arithmetic?of={CONV}", json=ASKED),
        server.client.post("/v1/arithmetic", data=form, files={"image": picture()}),
        server.client.post(f"/v1/models/counted/arithmetic?of={CONV}", content=picture(), headers=PNG),
        server.client.post("/v1/models/counted/arithmetic", json={"inputs": PIXELS.tolist(), "of": CONV}),
    ]
    for reply in replies:
        assert reply.status_code == 200, reply.text
        assert {name: reply.json()[name] for name in ("of", "value", "steps", "reads")} == {
            name: whole[name] for name in ("of", "value", "steps", "reads")
        }


@pytest.mark.parametrize(("of", "formula", "steps"), [
    ("conv:pre[0, 1, 1, 0]", "sum(input[0, 0:3, 0:3, 0:3] * kernel[0:3, 0:3, 0:3, 0]) + bias[0]", 1),
    ("stem[0, 1, 1, 3]", "max(conv[0, 2:4, 2:4, 3])", 1),
    ("stem/pool[0, 1, 1, 3]", "max(conv[0, 2:4, 2:4, 3])", 1),
    ("flat[0, 23]", "stem[0, 1, 1, 3]", 1),
    ("head[0, 1]", "sum(flat[0, 0:64] * kernel[0:64, 1]) + bias[1]", 3),
])  # fmt: skip
def test_every_address_has_its_arithmetic(server: Server, of: str, formula: str, steps: int) -> None:
    """What an activation is applied to, the results of blocks and layers inside them."""
    body = explained(server, of)
    assert (body["steps"][0]["formula"], len(body["steps"])) == (formula, steps)
    run = server.run(DOCUMENT, PIXELS.tolist(), layers=[of.partition("[")[0]])
    assert body["value"] == np.array(run["layers"][0]["data"], np.float32)[tuple(body["of"]["index"])]


@pytest.mark.parametrize("scale", ["none", "unit", "signed", "caffe", "torch"])
def test_the_part_of_a_picture_is_drawn_in_its_colours(server: Server, scale: str) -> None:
    """As PNG, pixel by pixel, whatever numbers the network was given."""
    form = {"model": json.dumps(DOCUMENT), "of": "stem[0, 1, 2, 0]", "format": "png", "scale": scale, "upscale": "2"}
    reply = server.client.post("/v1/arithmetic", data=form, files={"image": picture()})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png"), reply.text
    drawn = np.asarray(Image.open(io.BytesIO(reply.content)))
    np.testing.assert_array_equal(drawn, PIXELS[1:5, 3:7].repeat(2, 0).repeat(2, 1))


def test_parts_are_drawn_as_maps_on_request(server: Server) -> None:
    """With a colour map, and where the input is no picture: channel by channel, as other tensors."""
    form = {"model": json.dumps(DOCUMENT), "of": CONV, "format": "png", "cmap": "viridis"}
    replies = [
        server.client.post("/v1/arithmetic", data=form, files={"image": picture()}),
        server.client.post("/v1/arithmetic?format=png", json={**ASKED, "of": CONV}),
    ]
    for reply in replies:
        assert reply.status_code == 200, reply.text
        assert Image.open(io.BytesIO(reply.content)).size == (3 + 1 + 3, 2 + 1 + 2)


def test_parts_come_as_tensors(server: Server) -> None:
    """In every format, and in JSON with `data`."""
    reply = server.client.post("/v1/arithmetic?format=npz", json={**ASKED, "of": CONV})
    np.testing.assert_array_equal(np.load(io.BytesIO(reply.content))["input"], PIXELS[np.newaxis, 0:2, 4:7])
    body = explained(server, CONV, data="nested")
    assert body["layers"][0]["data"] == PIXELS[np.newaxis, 0:2, 4:7].tolist()


def test_a_registered_model_has_an_etag(server: Server) -> None:
    """Which another element changes; the model is as before."""
    server.client.put("/v1/models/tagged", json=DOCUMENT).raise_for_status()
    before = server.client.get("/v1/models/tagged/weights?format=safetensors").content
    url, body = "/v1/models/tagged/arithmetic", {"inputs": PIXELS.tolist()}
    first, second = (server.client.post(url, json={**body, "of": of}) for of in (CONV, "head[0, 1]"))
    assert first.headers["etag"] != second.headers["etag"]
    again = server.client.post(url, json={**body, "of": CONV}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert server.client.get("/v1/models/tagged/weights?format=safetensors").content == before


def test_layers_without_arithmetic_have_a_sentence(server: Server) -> None:
    """And a box of everything that they may read."""
    document = {"input": [4, 2], "layers": [{"type": "LSTM", "units": 3, "name": "cells"}]}
    body = explained(server, "cells[0, 1]", model=document, inputs=np.ones((1, 4, 2)).tolist())
    assert (body["steps"], body["reason"]) == ([], "The arithmetic of LSTM is not explained: `reads` is what it reads.")
    assert body["reads"] == [{"address": "input", "box": [[0, 1], [0, 4], [0, 2]], "extent": "whole_input"}]
    assert body["value"] == pytest.approx(server.run(document, np.ones((1, 4, 2)).tolist())["layers"][0]["data"][0][1])


def test_an_input_is_given(server: Server) -> None:
    """Its element has a value and no steps, and there is no picture of what it reads."""
    body = explained(server, "input[0, 1, 2, 0]")
    assert (body["value"], body["steps"], body["reads"], body["layers"]) == (PIXELS[1, 2, 0], [], [], [])
    reply = server.client.post("/v1/arithmetic?format=png", json={**ASKED, "of": "input[0, 1, 2, 0]"})
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "/format")


@pytest.mark.parametrize("kind", ["GlobalAveragePooling1D", "Softmax"])
def test_masks_that_keras_passes_on_count(server: Server, kind: str) -> None:
    """Steps that an embedding masks have no part in a mean; a softmax along the steps leaves them out."""
    document = {
        "input": {"ids": {"shape": [4], "dtype": "int32"}},
        "layers": [
            {"type": "Embedding", "input_dim": 9, "output_dim": 4, "mask_zero": True},
            {"type": kind, "name": "last"},
        ],
    }
    of = "last[0, 1]" if kind == "GlobalAveragePooling1D" else "last[0, 1, 2]"
    body = explained(server, of, model=document, inputs=[[3, 5, 0, 7]])
    assert "reason" not in body
    assert body["steps"][-1]["ulps"] <= 4
    if kind == "GlobalAveragePooling1D":
        assert [term["weight"] > 0 for term in body["steps"][0]["terms"]] == [True, True, False, True]


def test_numbers_that_are_none_are_words(server: Server) -> None:
    """JSON has no NaN: values, products and sums are strings then."""
    document = {"input": [3], "layers": [{"type": "Dense", "units": 1, "name": "d"}]}
    inputs = {"shape": [1, 3], "data": ["NaN", 1.0, 2.0]}
    body = explained(server, "d[0, 0]", model=document, inputs=inputs)
    (step,) = body["steps"]
    assert (body["value"], step["sum"], step["terms"][0]["value"], step["terms"][0]["product"]) == ("NaN",) * 4
    assert step["ulps"] == 0


def test_of_many_terms_the_largest_are_listed(server: Server) -> None:
    """At most 4,096."""
    document = {"input": [5000], "layers": [{"type": "Dense", "units": 1, "name": "d"}]}
    body = explained(server, "d[0, 0]", model=document, inputs=np.linspace(0, 1, 5000).reshape(1, -1).tolist())
    (step,) = body["steps"]
    products = [abs(term["product"]) for term in step["terms"]]
    assert (len(products), step["terms_total"]) == (4096, 5000)
    assert products == sorted(products, reverse=True)


@pytest.mark.parametrize(("options", "pointer", "words"), [
    ({}, "/of", 'write "of": "head[0, 0]"'),
    ({"of": "conv"}, "/of", "more than one number"),
    ({"of": "conv[0, 1]"}, "/of", "which has 4 axes"),
    ({"of": "conv[0, 1, 1, :]"}, "/of", "more than one number"),
    ({"of": "conv[0, 1, 1, 1, 1]"}, "/of", "at most 4 parts"),
    ({"of": "conv[0, 8, 1, 1]"}, "/of", "-8 to 7"),
    ({"of": "conv[1, 1, 1, 1]"}, "/of", "-1 to 0"),
    ({"of": "head[0, argmax]"}, "/of", "of one number"),
    ({"of": {"address": "conv", "index": [0, 1, 1, 9]}}, "/of/index", "-4 to 3"),
    ({"of": "cnv[0, 1, 1, 1]"}, "/of", "conv"),
    ({"of": "conv*[0, 1, 1, 1]"}, "/of", "conv"),
    ({"of": CONV, "weights": True}, "/weights", "weights=false"),
    ({"of": CONV, "edits": [{"at": "conv", "zero": True}]}, "/edits", "no edits"),
    ({"of": CONV, "cmap": "viridis"}, "/cmap", "image/png"),
    ({"of": CONV, "layers": "conv"}, "/layers", "layers"),
    ({"of": CONV, "training": True}, "/training", "training"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(server: Server, options: dict[str, Any], pointer: str, words: str) -> None:
    """With a pointer to the option, and what to write."""
    reply = server.client.post("/v1/arithmetic", json={**ASKED, **options})
    assert reply.status_code == 422, reply.text
    (problem,) = reply.json()["errors"]
    assert problem["pointer"] == pointer
    assert words in json.dumps(problem, ensure_ascii=False).replace('\\"', '"')


def test_a_run_over_the_limit_is_refused(server: Server) -> None:
    """By its plan, before anything is computed: an element needs the tensors before it."""
    larger = {"type": "UpSampling2D", "size": 64}
    document = {"input": [8, 8, 3], "layers": [larger, larger, {"type": "GlobalMaxPooling2D", "name": "last"}]}
    reply = server.client.post("/v1/arithmetic", json={**ASKED, "model": document, "of": "last[0, 0]"})
    assert reply.status_code == 413, reply.text
    assert explained(server, "up_sampling2d[0, 511, 511, 2]", model=document)["value"] == PIXELS[7, 7, 2]

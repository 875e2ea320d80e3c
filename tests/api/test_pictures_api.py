"""Rendered pictures over HTTP: pixels of activations, weights and histograms, metadata, and errors."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

Array = np.ndarray[Any, Any]
CNN: dict[str, Any] = {
    "name": "pictured",
    "input": [8, 8, 1],
    "layers": [{"type": "Conv2D", "filters": 4, "kernel_size": 3}, {"type": "Flatten"}, {"type": "Dense", "units": 5}],
}
PICTURE = np.random.default_rng(5).normal(size=(2, 8, 8, 1)).astype(np.float32)


def body(model: Any = CNN, inputs: Array = PICTURE, **options: Any) -> dict[str, Any]:
    """Build a request."""
    data = base64.b64encode(inputs.tobytes()).decode()
    return {"model": model, "inputs": {"shape": inputs.shape, "dtype": "float32", "base64": data}, **options}


def picture(server: Server, accept: str = "image/png", **options: Any) -> tuple[Array, dict[str, str], httpx.Headers]:
    """Return the pixels of a run, the file's text chunks and the response's headers."""
    reply = server.post("/v1/activations", json=body(**options), headers={"Accept": accept})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png"), reply.text[:2000]
    with Image.open(io.BytesIO(reply.content)) as image:
        return np.asarray(image), dict(image.text), reply.headers  # type: ignore[attr-defined]


def values(server: Server, address: str, **options: Any) -> Array:
    """Return the same activation as numbers."""
    reply = server.post("/v1/activations", json=body(layers=[address], **options))
    return np.array(reply.json()["layers"][0]["data"], np.float32).astype(np.float64)


def codes(array: Array, low: float, high: float) -> Array:
    """Map values to gray levels from 0 to 255, in three equal channels."""
    return np.rint((array - low) / (high - low) * 255)[..., None].repeat(3, -1)


def test_a_contact_sheet_shows_every_channel(server: Server) -> None:
    """In a grid, scaled by the range of the layer, which file and headers contain."""
    found, texts, headers = picture(server, layers=["conv2d"])
    array = values(server, "conv2d")
    low, high = float(array.min()), float(array.max())
    assert found.shape == (2 * 2 * 7 - 1, 2 * 7 - 1, 3)
    for item in range(2):
        for channel in range(4):
            top, left = (item * 2 + channel // 2) * 7, channel % 2 * 7
            tile = found[top : top + 6, left : left + 6]
            np.testing.assert_array_equal(tile, codes(array[item, :, :, channel], low, high))
    assert texts == {
        "layerscope:address": "conv2d", "layerscope:min": repr(low), "layerscope:max": repr(high),
        "layerscope:range": f"{low!r},{high!r}", "layerscope:normalize": "layer", "layerscope:cmap": "gray",
        "layerscope:nonfinite": "0", "layerscope:clipped": "0",
    }  # fmt: skip
    assert headers["x-layerscope-range"] == f"{low!r},{high!r}"


def test_one_channel_of_every_example(server: Server) -> None:
    """In a sheet of its own, upscaled, scaled by each map's range."""
    found, _, headers = picture(server, layers=["conv2d"], channel=3, upscale=5, normalize="map")
    array = values(server, "conv2d")[..., 3]
    assert found.shape == (30, 61, 3)
    for item in range(2):
        tile = codes(array[item], array[item].min(), array[item].max()).repeat(5, 0).repeat(5, 1)
        np.testing.assert_array_equal(found[:, item * 31 : item * 31 + 30], tile)
    assert headers["x-layerscope-normalize"] == "map"


def test_layers_are_stacked_vertically(server: Server) -> None:
    """In the order of the reply, with a gap."""
    conv, _, _ = picture(server, layers=["conv2d"])
    dense, _, _ = picture(server, layers=["dense"])
    both, texts, headers = picture(server, layers=["dense", "conv2d"])
    np.testing.assert_array_equal(both[:2, :5], dense)
    np.testing.assert_array_equal(both[6:], conv)
    assert texts["layerscope:address"] == "dense; conv2d"
    assert len(headers["x-layerscope-range"].split("; ")) == 2


def test_pictures_are_drawn_of_views(server: Server) -> None:
    """Of sliced and reduced values, and of dequantized uint8."""
    found, _, _ = picture(server, layers=["conv2d"], slice="0, 1:4", reduce="mean@c")
    array = values(server, "conv2d", slice="0, 1:4", reduce="mean@c")
    np.testing.assert_array_equal(found, codes(array, array.min(), array.max()))
    whole, texts, _ = picture(server, layers=["conv2d"])
    bytes_, byte_texts, _ = picture(server, layers=["conv2d"], dtype="uint8")
    assert abs(whole.astype(int) - bytes_.astype(int)).max() <= 1
    assert float(byte_texts["layerscope:max"]) == pytest.approx(float(texts["layerscope:max"]))


def test_nan_and_clipped_values_are_counted(server: Server) -> None:
    """They are drawn in magenta and in the colors of the range's ends."""
    line = {"input": [4, 1, 1], "layers": [{"type": "Activation", "activation": "linear"}]}
    inputs = np.array([-3, 0, 2, np.nan], np.float32).reshape(1, 4, 1, 1)
    reply = server.post("/v1/activations", json=body(line, inputs, format="png", normalize="-2,2"))
    pixels = np.asarray(Image.open(io.BytesIO(reply.content)))
    np.testing.assert_array_equal(pixels[:, 0], [[0] * 3, [128] * 3, [255] * 3, [255, 0, 255]])
    assert (reply.headers["x-layerscope-clipped"], reply.headers["x-layerscope-nonfinite"]) == ("1", "1")
    assert reply.headers["x-layerscope-range"] == "-2.0,2.0"


def test_pictures_are_deterministic(server: Server) -> None:
    """Repeated requests return the same bytes."""
    replies = [
        server.post("/v1/activations", json=body(format=format, **options)).content
        for _ in range(2)
        for format, options in (("png", {"cmap": "coolwarm"}), ("png", {"histogram": 9}), ("svg", {"histogram": 9}))
    ]
    assert replies[:3] == replies[3:]


def test_weights_are_drawn(server: Server) -> None:
    """The kernel filter by filter, then the bias, in a symmetric range."""
    server.client.put("/v1/models/pictured", json=CNN)
    reply = server.client.get(
        "/v1/models/pictured/layers/conv2d/weights?upscale=2&normalize=symmetric", headers={"Accept": "image/png"}
    )
    pixels = np.asarray(Image.open(io.BytesIO(reply.content)))
    rows = server.client.get("/v1/models/pictured/layers/conv2d/weights").json()["layers"][0]["weights"]
    kernel = np.array(rows[0]["data"], np.float32).astype(np.float64)
    largest = float(abs(kernel).max())
    for number in range(4):
        top, left = number // 2 * 7, number % 2 * 7
        tile = codes(kernel[:, :, 0, number], -largest, largest).repeat(2, 0).repeat(2, 1)
        np.testing.assert_array_equal(pixels[top : top + 6, left : left + 6], tile)
    np.testing.assert_array_equal(pixels[13 + 4 :, :8], np.full((2, 8, 3), 128))
    assert reply.headers["x-layerscope-range"] == f"{-largest!r},{largest!r}; 0.0,0.0"
    assert reply.headers["content-type"] == "image/png"


def test_histograms_are_drawn(server: Server) -> None:
    """Bars are proportional to the counts, in PNG and SVG."""
    options: dict[str, Any] = {"layers": ["conv2d"], "histogram": "8,-1,1"}
    row = server.post("/v1/activations", json=body(**options)).json()["layers"][0]["histogram"]
    pixels, _, _ = picture(server, **options)
    heights = (pixels == (68, 114, 196)).all(-1).sum(0)[8 : 8 + 512 : 64]
    np.testing.assert_array_equal(heights, np.rint(np.array(row["counts"]) / max(row["counts"]) * 256))
    reply = server.post("/v1/activations", json=body(**options), headers={"Accept": "image/svg+xml"})
    assert reply.headers["content-type"].startswith("image/svg+xml")
    root = ElementTree.fromstring(reply.text)  # noqa: S314 (the service's own output)
    bars = [element for element in root.iter() if element.tag.endswith("}rect") and "x" in element.attrib]
    assert [int(bar.attrib["height"]) for bar in bars] == [height for height in heights if height]
    words = "".join(root.itertext())
    assert f"below {row['below']}   above {row['above']}   NaN 0" in words


@pytest.mark.parametrize(
    ("options", "status", "pointer"),
    [
        ({"cmap": "gray"}, 422, "/cmap"),
        ({"format": "npz", "upscale": 2}, 422, "/upscale"),
        ({"format": "png", "cmap": "jet"}, 422, "/cmap"),
        ({"format": "png", "normalize": "layers"}, 422, "/normalize"),
        ({"format": "png", "upscale": 0}, 422, "/upscale"),
        ({"format": "png", "upscale": 65}, 422, "/upscale"),
        ({"format": "png", "upscale": True}, 422, "/upscale"),
        ({"format": "png", "channel": -1}, 422, "/channel"),
        ({"format": "png", "channel": 4, "layers": ["conv2d"]}, 422, "/channel"),
        ({"format": "png", "channel": 0, "layers": ["conv2d"], "reduce": "mean@c"}, 422, "/channel"),
        ({"format": "png", "weights": True}, 422, "/weights"),
        ({"format": "png", "top": 1}, 422, "/top"),
        ({"format": "svg"}, 422, "/histogram"),
        ({"format": "svg", "histogram": {"dense": 4}}, 422, "/histogram"),
        ({"format": "png", "layers": ["flatten"], "upscale": 64, "slice": "0"}, 200, ""),
        ({"format": "png", "layers": ["conv2d", "conv2d:pre"]}, 422, "/layers/1"),
    ],
)
def test_invalid_picture_options_are_rejected(
    server: Server, options: dict[str, Any], status: int, pointer: str
) -> None:
    """With a pointer; picture options are also rejected for other formats."""
    reply = server.post("/v1/activations", json=body(**options))
    assert reply.status_code == status, reply.text[:500]
    if status != 200:
        assert reply.json()["errors"][0]["pointer"] == pointer


def test_pictures_over_the_pixel_limit_are_rejected(server: Server) -> None:
    """Before rendering, with both sizes; the engine's memory is released."""
    wide = {"input": [512, 512, 3], "layers": [{"type": "Activation", "activation": "linear", "name": "line"}]}
    inputs = np.zeros((1, 512, 512, 3), np.float32)
    for _ in range(3):
        reply = server.post("/v1/activations", json=body(wide, inputs, format="png", upscale=4))
        assert (reply.status_code, reply.json()["errors"][0]["received"]) == (413, "4,097 × 4,097 pixels")
    assert server.post("/v1/activations", json=body(wide, inputs, format="png", upscale=1)).status_code == 200

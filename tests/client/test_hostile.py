"""What should not reach the Python client, and does: NaN, strange arrays and names, closed clients, broken uploads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from layerscope_client import AsyncLayerscope, Layerscope, LayerscopeError, Model, errors
from PIL import Image

from tests.client.conftest import DIGIT, DOCUMENT, Array

if TYPE_CHECKING:
    from tests.conftest import Server

NAMES = ["日本語", "a b", "a/b", "../x", "..", ".", "", "%2e%2e", "a?b", "a#b", "a\nb", "a\0b", "x" * 5000, "\ud800"]
LARGE = {"input": [2048], "layers": [{"type": "Dense", "units": 2048}]}


@pytest.fixture(scope="module")
def numbers(ls: Layerscope) -> Model:
    """A network that returns four numbers as they are."""
    return ls.put("hostile", {"input": [4], "layers": [{"type": "Identity", "name": "same"}]})


def test_nan_and_infinities(numbers: Model) -> None:
    """Arrive and come back with their bits, are counted, and are streamed."""
    array = np.array([[np.nan, np.inf, -np.inf, -0.0]], np.float32)
    run = numbers.activations(array)
    assert run["same"].tobytes() == array.tobytes()
    assert (run.layers["same"].stats.nan, run.layers["same"].stats.inf) == (1, 2)
    assert next(iter(numbers.stream(array))).array.tobytes() == array.tobytes()
    assert "nan 1" in run._repr_html_()
    assert numbers.compare(array, {}).equal


@pytest.mark.parametrize(
    "value",
    [np.array([["a"] * 4]), np.array([[None] * 4]), np.array([[1j] * 4]), np.array([["2020-01-01"] * 4], "M8[D]"),
     np.zeros(1, [("x", "f4")]), [[1, 2], [3]], {"hostile": {"a": 1}}, object(), [], {1, 2}],
    ids=["text", "objects", "complex", "dates", "records", "ragged", "mapping", "object", "empty", "set"],
)  # fmt: skip
def test_arrays_that_are_no_numbers(numbers: Model, value: Any) -> None:
    """Are an error before anything is sent, or one that says what would fit."""
    with pytest.raises((TypeError, ValueError, errors.Invalid)):
        numbers.activations(value)


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i8", "u8", "f2", "f8", ">f4", ">i2"])
def test_dtypes(numbers: Model, dtype: str) -> None:
    """Of every kind and byte order keep their numbers."""
    array = np.array([[0, 1, 1, 0]]).astype(dtype)
    assert numbers.activations(array)["same"].tolist() == [[0, 1, 1, 0]]


@pytest.mark.parametrize(
    "array",
    [np.zeros((0, 4)), np.zeros((2, 0)), np.zeros((1,) * 20), np.zeros((2**21, 1)), np.zeros((3, 4, 4)),
     np.float32(3)],
    ids=lambda array: str(array.shape[:3]),
)  # fmt: skip
def test_shapes_that_do_not_fit(numbers: Model, array: Array) -> None:
    """Are refused with the shape that would."""
    with pytest.raises(errors.InvalidTensor) as caught:
        numbers.activations(array)
    assert caught.value.expected


def test_more_than_the_service_takes(start_stub_server: Any, tmp_path: Path) -> None:
    """Is an error that says so, though the service does not read it to its end."""
    with start_stub_server(tmp_path, MAX_BODY="1MiB") as server, Layerscope(server.url) as ls:
        ls.put("mine", DOCUMENT)
        for inputs in (np.zeros((200, 28, 28, 1)), np.zeros((9000, 28, 28, 1))):
            with pytest.raises(errors.TooLarge):
                ls["mine"].activations(inputs)
        assert list(ls) == ["mine"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_of_models(ls: Layerscope, name: str) -> None:
    """That cannot be are refused, and never taken for another route; the others are names."""
    before = {model.name for model in ls.models()}
    try:
        ls.put(name, DOCUMENT)
    except (LayerscopeError, ValueError):
        assert {model.name for model in ls.models()} == before
    else:
        assert name in ls
        assert ls[name].activations(DIGIT, "head").model.name == name
        del ls[name]
    for verb in (ls[name].summary, lambda: ls[name].activations(DIGIT), lambda: ls.delete(name)):
        with pytest.raises((LayerscopeError, ValueError)):
            verb()
    assert {model.name for model in ls.models()} == before


@pytest.mark.parametrize("layer", ["..", ".", "", "../../other", "conv/..", "日本語", "conv?", "a\nb"], ids=ascii)
def test_names_of_layers(model: Model, layer: str) -> None:
    """That are none are refused: never the weights of something else."""
    for verb in (lambda: model.weights(layer), lambda: model.activations(DIGIT, layer)):
        with pytest.raises(LayerscopeError):
            verb()


def test_names_of_layers_may_be_in_any_language(ls: Layerscope) -> None:
    """Their arrays and weights are found by them."""
    layers = [{"type": "Dense", "units": 2, "name": "слой ☃"}]
    model = ls.put("languages", {"input": {"вход": [4]}, "layers": layers})
    run = model.activations({"вход": np.ones((1, 4))}, "слой ☃")
    assert list(run) == ["слой ☃"]
    assert list(model.weights("слой ☃")) == ["слой ☃/kernel", "слой ☃/bias"]


@pytest.mark.parametrize("name", ['a"b', 'a"; filename="x', "a\r\nX-Y: z", "", "."], ids=ascii)
def test_names_of_inputs(model: Model, name: str) -> None:
    """Are one part of a form, whatever is in them."""
    with pytest.raises(errors.Invalid):
        model.activations({name: DIGIT, "input": DIGIT})


def test_names_of_files(ls: Layerscope, model: Model, tmp_path: Path) -> None:
    """May be in any language, too."""
    path = tmp_path / "фото ☃\n.png"
    Image.new("L", (28, 28)).save(path)
    for out in ("f.npz", "f.parquet", "f.zarr"):
        assert ls.extract([path], model="client", layers="head", out=tmp_path / out).files == [str(path)]


@pytest.mark.parametrize("key", ["a\nb", "ключ", "a\r\nX-Other: b"], ids=ascii)
def test_keys_that_are_none(server: Server, key: str) -> None:
    """Are an error, and no second header."""
    with Layerscope(server.url, key) as ls, pytest.raises((LayerscopeError, ValueError)):
        ls.models()


async def test_a_closed_client(server: Server) -> None:
    """Says that it is closed, and may be closed again."""
    ls, als = Layerscope(server.url), AsyncLayerscope(server.url)
    model, awaited = ls["client"], als["client"]
    for _ in range(2):
        ls.close()
        await als.close()
    with pytest.raises(RuntimeError, match="closed"):
        model.activations(DIGIT)
    with pytest.raises(RuntimeError, match="closed"):
        await awaited.activations(DIGIT)


class Stalled(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A body of which half is sent: then the event is set, and it is waited for ever, or interrupted."""

    def __init__(self, body: Any, event: asyncio.Event) -> None:
        self.body, self.event = body, event

    def __iter__(self) -> Iterator[bytes]:
        pieces = list(self.body)
        yield from pieces[: len(pieces) // 2]
        raise KeyboardInterrupt

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = [piece async for piece in self.body]
        for piece in pieces[: len(pieces) // 2]:
            yield piece
        self.event.set()
        await asyncio.sleep(3600)


def stalling(event: asyncio.Event) -> Any:
    """Return a hook that stalls uploads."""

    def stall(request: httpx.Request) -> None:
        if request.method == "PUT":
            request.stream = Stalled(request.stream, event)

    return stall


async def test_an_upload_that_is_cancelled_half_way(ls: Layerscope, server: Server) -> None:
    """Registers nothing, and the client goes on."""
    before, event = ls.put("large", LARGE).summary().id, asyncio.Event()
    stall = stalling(event)

    async def hook(request: httpx.Request) -> None:
        stall(request)

    weights = [np.ones((2048, 2048), np.float32), np.zeros(2048, np.float32)]
    async with httpx.AsyncClient(event_hooks={"request": [hook]}) as client:
        als = AsyncLayerscope(server.url, client=client)
        upload = asyncio.create_task(als.put("large", LARGE, weights=weights))
        await event.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert (await als["large"].summary()).id == before


def test_an_upload_that_is_interrupted_half_way(ls: Layerscope, server: Server) -> None:
    """By the keyboard: as if it had not been."""
    before = ls.put("large", LARGE).summary().id
    weights = [np.ones((2048, 2048), np.float32), np.zeros(2048, np.float32)]
    with httpx.Client(event_hooks={"request": [stalling(asyncio.Event())]}) as client:
        again = Layerscope(server.url, client=client)
        with pytest.raises(KeyboardInterrupt):
            again.put("large", LARGE, weights=weights)
        assert again["large"].summary().id == before


async def test_a_run_that_is_cancelled(als: AsyncLayerscope, model: Model) -> None:
    """Leaves the client as it was, whenever that is."""
    for pause in (0, 0.001, 0.005, 0.02):
        run = asyncio.create_task(als["client"].activations(DIGIT))
        await asyncio.sleep(pause)
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
    assert (await als["client"].activations(DIGIT, "head"))["head"].shape == (1, 10)

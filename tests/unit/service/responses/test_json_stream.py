"""JSON streamed while tensors arrive: held memory, and the reply when a tensor fails."""

from __future__ import annotations

import asyncio
import json
import weakref
from typing import Any

import numpy as np
import pytest

from models.errors import ClientDisconnected, EngineLost, LayerscopeError
from models.ipc.messages import LayerInfo, RunResult, TensorInfo
from service.engines.pending_result import PendingResult
from service.responses.json_stream import stream_layers
from service.wire.json import EntryParts
from service.wire.layer_streams import JsonLines, JsonStream

COUNT, SIDE = 4, 300
SHAPE = (SIDE, SIDE)
NBYTES = 4 * SIDE * SIDE
KERNEL = TensorInfo("weights/a/kernel", "float32", (2,), 8)
TENSORS = tuple(TensorInfo(f"a@{n}", "float32", SHAPE, NBYTES) for n in range(COUNT))
LAYERS = tuple(LayerInfo(info.name, "Dense", info, 2, weights=(KERNEL,)) for info in TENSORS)
RAN = RunResult(1, LAYERS, {}, 2, True, 0.0, 0.0, (TENSORS[0], KERNEL, *TENSORS[1:]), ())


def describe_error(error: LayerscopeError) -> dict[str, Any]:
    """Describe an error by its code."""
    return {"code": error.code}


class Tensors:
    """A result that adds tensors like an engine, and counts those still referenced."""

    def __init__(self) -> None:
        self.result = PendingResult(RunResult)
        self.result.start(RAN, [])
        self._kept: list[weakref.ref[Any]] = []

    def add(self, size: int) -> None:
        """Add the next tensor."""
        array = np.ones(size, np.float32)
        self._kept += [weakref.ref(array)] * (size > 2)
        self.result.add(array.data.cast("B"))

    def held(self) -> int:
        """Count the referenced large tensors."""
        return sum(kept() is not None for kept in self._kept)

    async def fall_to(self, count: int) -> None:
        """Wait until at most this many are referenced: dropped threads and generators release them a little later."""
        async with asyncio.timeout(30):
            while self.held() > count:  # noqa: ASYNC110 (there is no event for it)
                await asyncio.sleep(0.001)


async def test_each_layer_is_sent_when_complete() -> None:
    """A line is finished before the next tensor arrives; the kernel shared by all calls is retained."""
    tensors = Tensors()
    pieces = stream_layers(JsonLines({}, "nested"), RAN, tensors.result, EntryParts(weights=True), describe_error)
    assert await anext(pieces) == b"{}\n"
    for number in range(COUNT):
        tensors.add(SIDE * SIDE)
        if number == 0:
            tensors.add(2)
        line = b""
        while not line.endswith(b"\n"):
            line += await anext(pieces)
        layer = json.loads(line)
        assert np.shape(layer["data"]) == SHAPE
        assert layer["weights"] == [{"name": "kernel", "shape": [2], "dtype": "float32", "data": [1.0, 1.0]}]
        await tensors.fall_to(2)
    assert [piece async for piece in pieces] == [b""]
    await tensors.fall_to(0)


async def test_an_abandoned_reply_releases_its_tensors() -> None:
    """In the middle of a layer, without garbage collection."""
    tensors = Tensors()
    tensors.add(SIDE * SIDE)
    tensors.add(2)
    pieces = stream_layers(JsonStream({}, "nested"), RAN, tensors.result, EntryParts(weights=True), describe_error)
    await anext(pieces)
    await anext(pieces)
    assert tensors.held() == 1
    await pieces.aclose()
    await tensors.fall_to(0)


async def test_json_lines_end_with_the_error() -> None:
    """After complete lines."""
    tensors = Tensors()
    tensors.add(SIDE * SIDE)
    tensors.add(2)
    tensors.result.fail(EngineLost())
    pieces = stream_layers(JsonLines({}, "base64"), RAN, tensors.result, EntryParts(weights=True), describe_error)
    lines = b"".join([piece async for piece in pieces]).splitlines()
    assert [json.loads(line).get("address") for line in lines] == [None, "a@0", None]
    assert json.loads(lines[-1]) == {"error": {"code": "engine_lost"}}


async def test_a_disconnect_is_not_reported_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the stream nor in the log."""
    tensors = Tensors()
    tensors.result.cancel()
    pieces = stream_layers(JsonLines({}, "nested"), RAN, tensors.result, EntryParts(weights=True), describe_error)
    assert await anext(pieces) == b"{}\n"
    with pytest.raises(ClientDisconnected):
        await anext(pieces)
    assert not caplog.records


async def test_json_is_aborted_on_error() -> None:
    """An incomplete object cannot be ended properly: the error propagates, and the connection is closed."""
    tensors = Tensors()
    tensors.result.fail(EngineLost())
    pieces = stream_layers(JsonStream({}, "nested"), RAN, tensors.result, EntryParts(weights=True), describe_error)
    with pytest.raises(EngineLost):
        [piece async for piece in pieces]

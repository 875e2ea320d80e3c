"""Streamed JSON replies, layer by layer as tensors arrive: one layer is in memory, and a bounded part of its text."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, TypeVar

import orjson
from starlette.concurrency import run_in_threadpool

from models.errors import ClientDisconnected, LayerscopeError
from models.ipc.arrays import array_of
from models.ipc.messages import LayerInfo, RunResult, TensorInfo
from models.tensors.dtypes import Array
from models.views.view import MAIN, SUFFIXES
from service.engines.pending_result import PendingResult
from service.wire.json import EntryParts, LayerEntry
from service.wire.layer_streams import LayerStream

log = logging.getLogger("layerscope")

Value = TypeVar("Value")

THREAD_BYTES = 256 * 1024
"""JSON of more tensor bytes is written on a thread, to keep the event loop responsive."""
WRITE_BYTES = 256 * 1024
"""Smaller pieces of text are joined."""
DescribeError = Callable[[LayerscopeError], Mapping[str, Any]]
"""Builds the problem object of an error for the client."""


async def stream_layers(
    stream: LayerStream,
    result: RunResult,
    pending: PendingResult[RunResult],
    parts: EntryParts,
    describe_error: DescribeError,
) -> AsyncGenerator[bytes, None]:
    """Yield the whole reply. Tensors of a later layer too, such as shared weights, are kept until then."""
    names_by_layer = _names(result)
    last = {name: number for number, names in enumerate(names_by_layer) for name in names}
    arrived, arrays = named_tensors(result, pending), dict[str, Array]()
    yield stream.head()
    try:
        for number, (layer, names) in enumerate(zip(result.layers, names_by_layer, strict=True)):
            while not arrays.keys() >= names:
                name, array = await anext(arrived)
                arrays[name] = array
            nbytes = sum(arrays[name].nbytes for name in names)
            with closing(_joined(stream.layer(number, entry_of(layer, arrays, parts)))) as pieces:
                while piece := await _next_piece(pieces, nbytes):
                    yield piece
            arrays = {name: array for name, array in arrays.items() if last[name] > number}
    except LayerscopeError as error:
        ending = _ending_of(stream, error, describe_error)
        if ending is None:
            raise
        yield ending
        return
    yield stream.tail()


def _ending_of(stream: LayerStream, error: LayerscopeError, describe_error: DescribeError) -> bytes | None:
    """Return the end of an aborted reply; None if its format has none, or no client is left to read it."""
    if isinstance(error, ClientDisconnected):
        return None
    log.warning("response aborted: %s", error.code)
    return stream.failed(describe_error(error))


def entry_of(layer: LayerInfo, arrays: Mapping[str, Any], parts: EntryParts) -> LayerEntry:
    """Build the entry of a layer from its own arrays. Without its values it has no labels."""
    members = SUFFIXES if layer.view is not None else ()
    data = arrays.get(layer.address)
    view = {suffix: arrays[layer.address + suffix] for suffix in members if layer.address + suffix in arrays}
    return LayerEntry(
        layer,
        data,
        [arrays[info.name] for info in layer.weights] if parts.weights else None,
        view,
        parts.labels.get(layer.address) if data is not None or view else None,
    )


async def named_tensors(result: RunResult, pending: PendingResult[RunResult]) -> AsyncIterator[tuple[str, Array]]:
    """Yield every tensor of the result with its name, in the engine's memory."""
    infos = iter(result.tensors)
    async for view in pending.tensors():
        info = next(infos)
        yield info.name, array_of(info, view)


async def collect_tensors(
    result: RunResult, pending: PendingResult[RunResult], read: Callable[[TensorInfo, memoryview], Value]
) -> dict[str, Value]:
    """Return every tensor of the result by name, as `read` converts it from the engine's memory."""
    views = await pending.all_tensors()
    return {info.name: read(info, view) for info, view in zip(result.tensors, views, strict=True)}


def text_of(_: TensorInfo, view: memoryview) -> orjson.Fragment:
    """Return a tensor that the engine sent as JSON text."""
    return orjson.Fragment(bytes(view))


def _names(result: RunResult) -> list[set[str]]:
    """Return the names of each layer's tensors."""
    available = {info.name for info in result.tensors}
    return [
        available & ({layer.address + suffix for suffix in (MAIN, *SUFFIXES)} | {info.name for info in layer.weights})
        for layer in result.layers
    ]


def _joined(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Join pieces to WRITE_BYTES or more, except for the last."""
    buffer: list[bytes] = []
    for piece in pieces:
        buffer.append(piece)
        if sum(map(len, buffer)) >= WRITE_BYTES:
            yield b"".join(buffer)
            buffer.clear()
    yield b"".join(buffer)


async def _next_piece(pieces: Iterator[bytes], nbytes: int) -> bytes:
    """Return the next piece of a layer of `nbytes`; empty at its end."""
    return await run_in_threadpool(next, pieces, b"") if nbytes > THREAD_BYTES else next(pieces, b"")

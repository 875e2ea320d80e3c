"""Replies in JSON, written layer by layer as the tensors come: one layer is held, and a bounded part of its text."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, TypeVar

import numpy as np
import orjson
from starlette.concurrency import run_in_threadpool

from models.errors import ClientDisconnected, LayerscopeError
from models.ipc.messages import LayerInfo, RunResult, TensorInfo
from models.tensors.dtypes import DTYPES, Array
from models.views.view import MAIN, SUFFIXES
from service.engines.jobs import PendingResult
from service.wire.json import LayerEntry
from service.wire.layer_streams import LayerStream

log = logging.getLogger("layerscope")

Value = TypeVar("Value")

THREAD_BYTES = 256 * 1024
"""JSON of more tensor bytes than this is written on a thread, so that other connections are not kept waiting."""
WRITE_BYTES = 256 * 1024
"""Smaller pieces of text are sent together."""
DescribeError = Callable[[LayerscopeError], Mapping[str, Any]]
"""How an error is told to the client."""


async def layer_pieces(
    stream: LayerStream, ran: RunResult, answer: PendingResult, weights: bool, describe_error: DescribeError
) -> AsyncGenerator[bytes, None]:
    """The whole reply. Tensors that a later layer has too, as weights that are shared, are kept until then."""
    named = _names(ran)
    last = {name: number for number, names in enumerate(named) for name in names}
    arriving, arrays = named_tensors(ran, answer, array_of), dict[str, Array]()
    yield stream.head()
    try:
        for number, (layer, names) in enumerate(zip(ran.layers, named, strict=True)):
            while not arrays.keys() >= names:
                name, array = await anext(arriving)
                arrays[name] = array
            nbytes = sum(arrays[name].nbytes for name in names)
            with closing(_gathered(stream.layer(number, entry_of(layer, arrays, weights)))) as pieces:
                while piece := await _next(pieces, nbytes):
                    yield piece
            arrays = {name: array for name, array in arrays.items() if last[name] > number}
    except ClientDisconnected:
        raise
    except LayerscopeError as error:
        log.warning("a reply broke off: %s", error.code)
        ending = stream.failed(describe_error(error))
        if ending is None:
            raise
        yield ending
        return
    yield stream.tail()


def entry_of(layer: LayerInfo, arrays: Mapping[str, Any], weights: bool) -> LayerEntry:
    """A layer with those of the arrays that are its own."""
    members = SUFFIXES if layer.view is not None else ()
    return LayerEntry(
        layer,
        arrays.get(layer.address),
        [arrays[info.name] for info in layer.weights] if weights else None,
        {suffix: arrays[layer.address + suffix] for suffix in members if layer.address + suffix in arrays},
    )


async def named_tensors(
    ran: RunResult, answer: PendingResult, read: Callable[[TensorInfo, memoryview], Value]
) -> AsyncIterator[tuple[str, Value]]:
    """Every tensor of the answer with its name, as `read` takes it from the engine's memory."""
    infos = iter(ran.tensors)
    async for view in answer.tensors():
        info = next(infos)
        yield info.name, read(info, view)


def array_of(info: TensorInfo, view: memoryview) -> Array:
    """A tensor over the engine's memory."""
    return np.frombuffer(view, DTYPES[info.dtype]).reshape(info.shape)


def text_of(_: TensorInfo, view: memoryview) -> orjson.Fragment:
    """A tensor that came as JSON text."""
    return orjson.Fragment(bytes(view))


def _names(ran: RunResult) -> list[set[str]]:
    """The tensors of each layer."""
    sent = {info.name for info in ran.tensors}
    return [
        sent & ({layer.address + suffix for suffix in (MAIN, *SUFFIXES)} | {info.name for info in layer.weights})
        for layer in ran.layers
    ]


def _gathered(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The same text in pieces of WRITE_BYTES or more, but for the last."""
    waiting: list[bytes] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(map(len, waiting)) >= WRITE_BYTES:
            yield b"".join(waiting)
            waiting.clear()
    yield b"".join(waiting)


async def _next(pieces: Iterator[bytes], nbytes: int) -> bytes:
    """The next piece of a layer of so many bytes; nothing at its end."""
    return await run_in_threadpool(next, pieces, b"") if nbytes > THREAD_BYTES else next(pieces, b"")

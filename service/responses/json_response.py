"""Layers as JSON: a small reply in one piece, others streamed layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.ipc.arrays import array_of
from models.ipc.messages import RunResult
from models.views.labels import Names
from service.engines.pending_result import PendingResult
from service.responses.json_stream import (
    THREAD_BYTES,
    DescribeError,
    collect_tensors,
    entry_of,
    stream_layers,
    text_of,
)
from service.responses.tensor_stream import TensorResponse
from service.wire.format import Format
from service.wire.formats import JSON
from service.wire.json import EntryParts, activations_json
from service.wire.json_labels import label_bytes
from service.wire.json_values import DataMode
from service.wire.layer_streams import JsonLines, JsonStream, LayerStream, base64_length

SMALL_BYTES = 1 << 20
"""JSON of at most this many tensor bytes is written in one piece."""


class JsonStyle(NamedTuple):
    """Style of layers in JSON."""

    format: Format
    mode: DataMode
    parts: EntryParts
    describe_error: DescribeError


async def json_response(
    head: Mapping[str, Any], result: RunResult, pending: PendingResult[RunResult], style: JsonStyle
) -> Response:
    """Build the response with layers as JSON, or as JSON Lines, which are always streamed."""
    nbytes = _written_bytes(result, style.parts.labels)
    if style.format is JSON and nbytes <= SMALL_BYTES:
        return await _whole_response(head, result, pending, style, on_thread=nbytes > THREAD_BYTES)
    stream = _stream(head, result, style)
    pieces = stream_layers(stream, result, pending, style.parts, style.describe_error)
    return TensorResponse(pieces, stream.length, pending, style.format)


async def _whole_response(
    head: Mapping[str, Any], result: RunResult, pending: PendingResult[RunResult], style: JsonStyle, on_thread: bool
) -> Response:
    values = await collect_tensors(result, pending, text_of if result.texts else array_of)
    entries = [entry_of(layer, values, style.parts) for layer in result.layers]
    if on_thread:
        return Response(
            await run_in_threadpool(activations_json, head, entries, style.mode), media_type=JSON.media_type
        )
    return Response(activations_json(head, entries, style.mode), media_type=JSON.media_type)


def _stream(head: Mapping[str, Any], result: RunResult, style: JsonStyle) -> LayerStream:
    if style.format is not JSON:
        return JsonLines(head, style.mode)
    length = None
    if style.mode == "base64":
        length = base64_length(result.layers, result.tensors, style.parts)
    return JsonStream(head, style.mode, length)


def _written_bytes(result: RunResult, labels: Mapping[str, Names]) -> int:
    """Return the bytes of all tensors in JSON, where shared weights are repeated for every call, and of labels."""
    weights = [info for layer in result.layers for info in layer.weights]
    shared = sum(info.nbytes for info in weights) - sum({info.name: info.nbytes for info in weights}.values())
    labelled = [layer for layer in result.layers if layer.address in labels] if labels else []
    named = sum(label_bytes(layer, labels[layer.address]) for layer in labelled)
    return sum(info.nbytes for info in result.tensors) + shared + named

"""Responses from engine results: small JSON in one piece, everything else streamed as tensors arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.documents.inputs import InputSpec
from models.errors import LayerscopeError
from models.ipc.messages import RunResult, TensorInfo
from models.tensors.dtypes import DTYPES
from service.access.browser_headers import PICTURE
from service.engines.pending_result import PendingResult
from service.options.activation import ActivationOptions
from service.pictures.reply import Arrays, File, plan_weights_picture
from service.pictures.sheet import RenderStyle
from service.responses.json_stream import (
    THREAD_BYTES,
    DescribeError,
    array_of,
    entry_of,
    layer_pieces,
    named_tensors,
    text_of,
)
from service.responses.picture import drawing
from service.responses.tensor_stream import TensorResponse, tensor_response
from service.wire.format import Format, Kind, encoder_of
from service.wire.formats import JSON, SAFETENSORS
from service.wire.json import LayerEntry, activations_json, layer_object
from service.wire.json_values import DataMode, stringify_nonfinite
from service.wire.layer_streams import JsonLines, JsonStream, LayerStream, base64_length

Value = TypeVar("Value")

SMALL_BYTES = 1 << 20
"""JSON of at most this many tensor bytes is written in one piece."""


@dataclass(frozen=True)
class ReplyContext:
    """Facts of a request that are known before the engine's result."""

    id: str
    name: str | None
    inputs: Mapping[str, TensorInfo]
    preprocessing: Mapping[str, Mapping[str, Any]]
    started: float
    """`time.perf_counter()` when the request arrived."""


def head_of(context: ReplyContext, result: RunResult) -> dict[str, Any]:
    """The reply without its layers, ready for `orjson.dumps`."""
    inputs = {name: _input(name, info, context, result) for name, info in context.inputs.items()}
    total = (time.perf_counter() - context.started) * 1e3
    timing = {"build_ms": result.build_ms, "run_ms": result.run_ms, "total_ms": total}
    return {
        "model": {"id": context.id, "name": context.name, "parameters": result.parameters, "cached": result.cached},
        "inputs": inputs,
        "timing": {key: round(value, 3) for key, value in timing.items()},
    }


def _input(name: str, info: TensorInfo, context: ReplyContext, result: RunResult) -> dict[str, Any]:
    entry: dict[str, Any] = {"shape": info.shape, "dtype": info.dtype}
    if name in context.preprocessing:
        entry["preprocessing"] = context.preprocessing[name]
    if name in result.inputs:
        entry["stats"] = stringify_nonfinite(result.inputs[name])
    return entry


async def activations_response(
    context: ReplyContext,
    pending: PendingResult[RunResult],
    format: Format,
    options: ActivationOptions,
    describe_error: DescribeError,
) -> Response:
    """The activations in the negotiated format."""
    result = await pending.header
    if format.kind is Kind.JSON:
        return await _layers(
            head_of(context, result), result, pending, JsonStyle(format, options.data, options.weights, describe_error)
        )
    if format.kind is Kind.PICTURE:
        return await _picture(pending, format, lambda: drawing(result, format, options))
    return await _binary(result, pending, format, _metadata(context, result) if format is SAFETENSORS else {})


class JsonStyle(NamedTuple):
    """Style of layers in JSON."""

    format: Format
    mode: DataMode
    weights: bool
    describe_error: DescribeError


async def _layers(
    head: Mapping[str, Any], result: RunResult, pending: PendingResult[RunResult], json_style: JsonStyle
) -> Response:
    """JSON: a small reply in one piece, others streamed layer by layer."""
    format, mode, weights, describe_error = json_style
    if format is JSON and (nbytes := _written_bytes(result)) <= SMALL_BYTES:
        values = await _tensors(result, pending, text_of if result.texts else array_of)
        entries = [entry_of(layer, values, weights) for layer in result.layers]
        if nbytes <= THREAD_BYTES:
            return Response(activations_json(head, entries, mode), media_type=JSON.media_type)
        return Response(await run_in_threadpool(activations_json, head, entries, mode), media_type=JSON.media_type)
    stream: LayerStream = JsonLines(head, mode)
    if format is JSON:
        length = base64_length(result.layers, result.tensors, weights) if mode == "base64" else None
        stream = JsonStream(head, mode, length)
    return TensorResponse(
        layer_pieces(stream, result, pending, weights, describe_error), stream.length, pending, format
    )


def _written_bytes(result: RunResult) -> int:
    """Bytes of all tensors in JSON, where shared weights are repeated for every call."""
    weights = [info for layer in result.layers for info in layer.weights]
    shared = sum(info.nbytes for info in weights) - sum({info.name: info.nbytes for info in weights}.values())
    return sum(info.nbytes for info in result.tensors) + shared


async def _binary(
    result: RunResult, pending: PendingResult[RunResult], format: Format, metadata: Mapping[str, str]
) -> Response:
    """Binary tensors: a small reply in one piece, others streamed as tensors arrive."""
    try:
        stream = encoder_of(format)(result.tensors, metadata)
    except LayerscopeError:
        pending.cancel()
        raise
    return await tensor_response(stream, pending, format)


async def _picture(
    pending: PendingResult[RunResult], format: Format, plan: Callable[[], Callable[[Arrays], File]]
) -> Response:
    """A picture, drawn on a thread after `plan` has checked that it can be."""
    try:
        draw = plan()
    except LayerscopeError:
        pending.cancel()
        raise
    result = await pending.header
    file = await run_in_threadpool(draw, await _tensors(result, pending, array_of))
    return Response(file.content, headers={**file.headers, **PICTURE}, media_type=format.media_type)


def _metadata(context: ReplyContext, result: RunResult) -> dict[str, str]:
    """The JSON reply without arrays, for the metadata of safetensors."""
    layers = [layer_object(LayerEntry(layer), "none") for layer in result.layers]
    reply = {**head_of(context, result), "layers": layers}
    return {"layerscope": orjson.dumps(reply).decode()}


async def _tensors(
    result: RunResult, pending: PendingResult[RunResult], read: Callable[[TensorInfo, memoryview], Value]
) -> dict[str, Value]:
    """Every tensor of the result, by name."""
    return {name: value async for name, value in named_tensors(result, pending, read)}


class WeightsFormat(NamedTuple):
    """Requested format of weights."""

    format: Format
    mode: DataMode
    style: RenderStyle


async def weights_response(
    id: str, name: str, pending: PendingResult[RunResult], weights_format: WeightsFormat, describe_error: DescribeError
) -> Response:
    """The weights in the negotiated format: `{"model": …, "layers": [{"address", "type", "parameters",
    "weights": [...]}]}`, or one member `weights/<address>/<name>` each.
    """
    result = await pending.header
    format, mode, style = weights_format
    head = {"model": {"id": id, "name": name, "parameters": result.parameters}}
    if format.kind is Kind.JSON:
        return await _layers(head, result, pending, JsonStyle(format, mode, True, describe_error))
    if format.kind is Kind.PICTURE:
        return await _picture(pending, format, lambda: plan_weights_picture(result, style))
    return await _binary(result, pending, format, {"layerscope": orjson.dumps(head).decode()})


def infos(inputs: Mapping[str, InputSpec], arrays: Sequence[np.ndarray]) -> dict[str, TensorInfo]:
    """The shapes and dtypes of the inputs as the network takes them, by name."""
    return {
        name: TensorInfo(name, spec.dtype, array.shape, array.size * DTYPES[spec.dtype].itemsize)
        for (name, spec), array in zip(inputs.items(), arrays, strict=True)
    }

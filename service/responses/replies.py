"""From an engine's answer to a response: small JSON in one piece, all else as the tensors come."""

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
from service.engines.jobs import PendingResult
from service.options.activation import ActivationOptions
from service.pictures.reply import Arrays, File, planned_weights
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
from service.wire.formats import JSON, JSONL, NPY, NPZ, PNG, SAFETENSORS, SVG, Format
from service.wire.json import LayerEntry, activations_json, layer_object
from service.wire.json_values import DataMode, spelled
from service.wire.layer_streams import JsonLines, JsonStream, LayerStream, base64_length
from service.wire.npy import NpyStream
from service.wire.npz import NpzStream
from service.wire.safetensors import SafetensorsStream
from service.wire.stream import TensorStream

Value = TypeVar("Value")

ACTIVATION_FORMATS: tuple[Format, ...] = (JSON, NPZ, SAFETENSORS, NPY, JSONL, PNG, SVG)
"""What activations can be sent as, the default first."""
WEIGHT_FORMATS = (JSON, NPZ, SAFETENSORS, NPY, JSONL, PNG)
"""What weights can be sent as."""
SMALL_BYTES = 1 << 20
"""JSON of at most so many tensor bytes is written in one piece."""


@dataclass(frozen=True)
class ReplyContext:
    """What the front knows of a request before the engine answers."""

    id: str
    name: str | None
    inputs: Mapping[str, TensorInfo]
    preprocessing: Mapping[str, Mapping[str, Any]]
    started: float
    """`time.perf_counter()` when the request came."""


def head_of(told: ReplyContext, ran: RunResult) -> dict[str, Any]:
    """The reply without its layers, ready for `orjson.dumps`."""
    inputs = {name: _input(name, info, told, ran) for name, info in told.inputs.items()}
    total = (time.perf_counter() - told.started) * 1e3
    timing = {"build_ms": ran.build_ms, "run_ms": ran.run_ms, "total_ms": total}
    return {
        "model": {"id": told.id, "name": told.name, "parameters": ran.parameters, "cached": ran.cached},
        "inputs": inputs,
        "timing": {key: round(value, 3) for key, value in timing.items()},
    }


def _input(name: str, info: TensorInfo, told: ReplyContext, ran: RunResult) -> dict[str, Any]:
    described: dict[str, Any] = {"shape": info.shape, "dtype": info.dtype}
    if name in told.preprocessing:
        described["preprocessing"] = told.preprocessing[name]
    if name in ran.inputs:
        described["stats"] = spelled(ran.inputs[name])
    return described


async def activations_response(
    told: ReplyContext, answer: PendingResult, wanted: Format, options: ActivationOptions, describe_error: DescribeError
) -> Response:
    """The activations in the format that was agreed on."""
    ran = await answer.head
    assert isinstance(ran, RunResult)  # noqa: S101 (a plan answers plans)
    if wanted in (JSON, JSONL):
        return await _layers(
            head_of(told, ran), ran, answer, JsonStyle(wanted, options.data, options.weights, describe_error)
        )
    if wanted in (PNG, SVG):
        return await _picture(answer, wanted, lambda: drawing(ran, wanted, options))
    return await _binary(ran, answer, wanted, _metadata(told, ran) if wanted is SAFETENSORS else {})


class JsonStyle(NamedTuple):
    """How layers are written in JSON."""

    wanted: Format
    mode: DataMode
    weights: bool
    describe_error: DescribeError


async def _layers(head: Mapping[str, Any], ran: RunResult, answer: PendingResult, layout: JsonStyle) -> Response:
    """JSON: what is small in one piece, all else layer by layer."""
    wanted, mode, weights, describe_error = layout
    if wanted is JSON and (nbytes := _written_bytes(ran)) <= SMALL_BYTES:
        values = await _tensors(ran, answer, text_of if ran.texts else array_of)
        entries = [entry_of(layer, values, weights) for layer in ran.layers]
        if nbytes <= THREAD_BYTES:
            return Response(activations_json(head, entries, mode), media_type=JSON.media_type)
        return Response(await run_in_threadpool(activations_json, head, entries, mode), media_type=JSON.media_type)
    stream: LayerStream = JsonLines(head, mode)
    if wanted is JSON:
        length = base64_length(ran.layers, ran.tensors, weights) if mode == "base64" else None
        stream = JsonStream(head, mode, length)
    return TensorResponse(layer_pieces(stream, ran, answer, weights, describe_error), stream.length, answer, wanted)


def _written_bytes(ran: RunResult) -> int:
    """Bytes of all tensors as JSON has them: weights that are shared are written with every call."""
    weights = [info for layer in ran.layers for info in layer.weights]
    shared = sum(info.nbytes for info in weights) - sum({info.name: info.nbytes for info in weights}.values())
    return sum(info.nbytes for info in ran.tensors) + shared


async def _binary(ran: RunResult, answer: PendingResult, wanted: Format, metadata: Mapping[str, str]) -> Response:
    """The tensors as they are: what is small in one piece, all else as they come."""
    stream: TensorStream
    try:
        match wanted.name:
            case NPZ.name:
                stream = NpzStream(ran.tensors)
            case NPY.name:
                stream = NpyStream(ran.tensors)
            case _:
                stream = SafetensorsStream(ran.tensors, metadata)
    except LayerscopeError:
        answer.cancel()
        raise
    return await tensor_response(stream, answer, wanted)


async def _picture(answer: PendingResult, wanted: Format, plan: Callable[[], Callable[[Arrays], File]]) -> Response:
    """A picture, drawn on a thread once it is known that it can be."""
    try:
        draw = plan()
    except LayerscopeError:
        answer.cancel()
        raise
    ran = await answer.head
    assert isinstance(ran, RunResult)  # noqa: S101 (a plan answers plans)
    file = await run_in_threadpool(draw, await _tensors(ran, answer, array_of))
    return Response(file.content, headers={**file.headers, **PICTURE}, media_type=wanted.media_type)


def _metadata(told: ReplyContext, ran: RunResult) -> dict[str, str]:
    """The JSON reply without arrays, as safetensors carries text beside its tensors."""
    layers = [layer_object(LayerEntry(layer), "none") for layer in ran.layers]
    reply = {**head_of(told, ran), "layers": layers}
    return {"layerscope": orjson.dumps(reply).decode()}


async def _tensors(
    ran: RunResult, answer: PendingResult, read: Callable[[TensorInfo, memoryview], Value]
) -> dict[str, Value]:
    """Every tensor of the answer by name."""
    return {name: value async for name, value in named_tensors(ran, answer, read)}


class WeightsFormat(NamedTuple):
    """How a client wants weights written."""

    wanted: Format
    mode: DataMode
    style: RenderStyle


async def weights_response(
    id: str, name: str, answer: PendingResult, writing: WeightsFormat, describe_error: DescribeError
) -> Response:
    """Weights in the format that was agreed on: `{"model": …, "layers": [{"address", "type", "parameters",
    "weights": [...]}]}`, or one member `weights/<address>/<name>` each.
    """
    ran = await answer.head
    assert isinstance(ran, RunResult)  # noqa: S101 (a plan answers plans)
    wanted, mode, style = writing
    head = {"model": {"id": id, "name": name, "parameters": ran.parameters}}
    if wanted in (JSON, JSONL):
        return await _layers(head, ran, answer, JsonStyle(wanted, mode, True, describe_error))
    if wanted is PNG:
        return await _picture(answer, wanted, lambda: planned_weights(ran, style))
    return await _binary(ran, answer, wanted, {"layerscope": orjson.dumps(head).decode()})


def infos(inputs: Mapping[str, InputSpec], arrays: Sequence[np.ndarray]) -> dict[str, TensorInfo]:
    """The inputs as the network takes them, by name."""
    return {
        name: TensorInfo(name, spec.dtype, array.shape, array.size * DTYPES[spec.dtype].itemsize)
        for (name, spec), array in zip(inputs.items(), arrays, strict=True)
    }

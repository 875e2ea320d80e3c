"""From an engine's answer to a response: JSON in one piece, binary formats streamed tensor by tensor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.engine.messages import LayerInfo, Ran, TensorInfo
from models.errors import LayerscopeError
from models.tensors.dtypes import DTYPES
from models.views.view import SUFFIXES
from service.drawing import drawing
from service.jobs import Answer
from service.options import ActivationOptions
from service.pictures.reply import Arrays, File, planned_weights
from service.pictures.sheet import Manner
from service.tensor_response import TensorResponse
from service.wire.formats import JSON, NPZ, PNG, SAFETENSORS, SVG, Format
from service.wire.json import LayerEntry, activations_json, layer_object, spelled, weight_object
from service.wire.npz import NpzStream
from service.wire.safetensors import SafetensorsStream

OFFERED: tuple[Format, ...] = (JSON, NPZ, SAFETENSORS, PNG, SVG)
"""What activations can be sent as, the default first."""
WEIGHTS_OFFERED = (JSON, NPZ, SAFETENSORS, PNG)
"""What weights can be sent as."""
THREAD_BYTES = 256 * 1024
"""JSON of more tensor bytes than this is written on a thread, so that other connections are not kept waiting."""


@dataclass(frozen=True)
class Told:
    """What the front knows of a request before the engine answers."""

    id: str
    name: str | None
    inputs: Mapping[str, TensorInfo]
    preprocessing: Mapping[str, Mapping[str, Any]]
    started: float
    """`time.perf_counter()` when the request came."""


def head_of(told: Told, ran: Ran) -> dict[str, Any]:
    """The reply without its layers."""
    inputs = {name: _input(name, info, told, ran) for name, info in told.inputs.items()}
    total = (time.perf_counter() - told.started) * 1e3
    timing = {"build_ms": ran.build_ms, "run_ms": ran.run_ms, "total_ms": total}
    return {
        "model": {"id": told.id, "name": told.name, "parameters": ran.parameters, "cached": ran.cached},
        "inputs": inputs,
        "timing": {key: round(value, 3) for key, value in timing.items()},
    }


def _input(name: str, info: TensorInfo, told: Told, ran: Ran) -> dict[str, Any]:
    described: dict[str, Any] = {"shape": info.shape, "dtype": info.dtype}
    if name in told.preprocessing:
        described["preprocessing"] = told.preprocessing[name]
    if name in ran.inputs:
        described["stats"] = ran.inputs[name]
    return described


async def activations_response(told: Told, answer: Answer, wanted: Format, options: ActivationOptions) -> Response:
    """The activations in the format that was agreed on."""
    mode, weights = options.data, options.weights
    ran = await answer.head
    assert isinstance(ran, Ran)  # noqa: S101 (a plan answers plans)
    if wanted is JSON:
        arrays = await _arrays(ran, answer)
        size = sum(info.nbytes for info in ran.tensors)
        if size > THREAD_BYTES:
            body = await run_in_threadpool(_json, told, ran, arrays, mode, weights)
        else:
            body = _json(told, ran, arrays, mode, weights)
        return Response(body, media_type=JSON.media_type)
    if wanted in (PNG, SVG):
        return await _picture(answer, wanted, lambda: drawing(ran, wanted, options))
    if wanted is NPZ:
        return TensorResponse(NpzStream(ran.tensors), answer, wanted)
    return TensorResponse(SafetensorsStream(ran.tensors, _metadata(told, ran)), answer, wanted)


async def _picture(answer: Answer, wanted: Format, plan: Callable[[], Callable[[Arrays], File]]) -> Response:
    """A picture, drawn on a thread once it is known that it can be."""
    try:
        draw = plan()
    except LayerscopeError:
        answer.abandon()
        raise
    ran = await answer.head
    assert isinstance(ran, Ran)  # noqa: S101 (a plan answers plans)
    file = await run_in_threadpool(draw, await _arrays(ran, answer))
    return Response(file.content, headers=dict(file.headers), media_type=wanted.media_type)


def _json(told: Told, ran: Ran, arrays: Mapping[str, np.ndarray], mode: str, weights: bool) -> bytes:
    entries = [
        LayerEntry(
            layer,
            arrays.get(layer.address),
            [arrays[info.name] for info in layer.weights] if weights else None,
            {suffix: arrays[layer.address + suffix] for suffix in SUFFIXES if layer.address + suffix in arrays},
        )
        for layer in ran.layers
    ]
    return activations_json(head_of(told, ran), entries, mode)  # type: ignore[arg-type]


def _metadata(told: Told, ran: Ran) -> dict[str, str]:
    """The JSON reply without arrays, as safetensors carries text beside its tensors."""
    layers = [layer_object(LayerEntry(layer), "none") for layer in ran.layers]
    reply = {**head_of(told, ran), "layers": layers}
    return {"layerscope": orjson.dumps(spelled(reply)).decode()}


async def _arrays(ran: Ran, answer: Answer) -> dict[str, np.ndarray]:
    """Every tensor of the answer by name, over the engine's memory."""
    views = [view async for view in answer.tensors()]
    return {
        info.name: np.frombuffer(view, DTYPES[info.dtype]).reshape(info.shape)
        for info, view in zip(ran.tensors, views, strict=True)
    }


class Writing(NamedTuple):
    """How a client wants weights written."""

    wanted: Format
    mode: str
    manner: Manner


async def weights_response(id: str, name: str, answer: Answer, writing: Writing) -> Response:
    """Weights in the format that was agreed on: `{"model": …, "layers": [{"address", "type", "parameters",
    "weights": [...]}]}`, or one member `weights/<address>/<name>` each.
    """
    ran = await answer.head
    assert isinstance(ran, Ran)  # noqa: S101 (a plan answers plans)
    model = {"id": id, "name": name, "parameters": ran.parameters}
    wanted, mode, manner = writing
    if wanted is PNG:
        return await _picture(answer, wanted, lambda: planned_weights(ran, manner))
    if wanted is NPZ:
        return TensorResponse(NpzStream(ran.tensors), answer, wanted)
    if wanted is SAFETENSORS:
        metadata = {"layerscope": orjson.dumps({"model": model}).decode()}
        return TensorResponse(SafetensorsStream(ran.tensors, metadata), answer, wanted)
    arrays = await _arrays(ran, answer)
    body = await run_in_threadpool(_weights_json, model, ran, arrays, mode)
    return Response(body, media_type=JSON.media_type)


def _weights_json(model: Mapping[str, Any], ran: Ran, arrays: Mapping[str, np.ndarray], mode: str) -> bytes:
    layers = [_layer_weights(layer, arrays, mode) for layer in ran.layers]
    return orjson.dumps({"model": model, "layers": layers}, option=orjson.OPT_SERIALIZE_NUMPY)


def _layer_weights(layer: LayerInfo, arrays: Mapping[str, np.ndarray], mode: str) -> dict[str, Any]:
    weights = [weight_object(layer.address, info, arrays[info.name], mode) for info in layer.weights]  # type: ignore[arg-type]
    return {"address": layer.address, "type": layer.type, "parameters": layer.parameters, "weights": weights}


def infos(names: Sequence[str], arrays: Sequence[np.ndarray]) -> dict[str, TensorInfo]:
    """The inputs as they go to the engine, by name."""
    return {
        name: TensorInfo(name, array.dtype.name, array.shape, array.nbytes)
        for name, array in zip(names, arrays, strict=True)
    }

"""Responses with activations, in every format."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from starlette.responses import Response

from models.documents.inputs import InputSpec
from models.documents.notes import Note, notes_json
from models.explaining.target_reply import labelled
from models.explaining.targets import Target
from models.ipc.messages import RunResult, TensorInfo
from models.tensors.dtypes import DTYPES, Array
from models.views.labels import Names
from service.engines.pending_result import PendingResult
from service.options.activation import InputOptions, RunOptions
from service.pictures.photographs import Pictures
from service.responses.json_response import JsonStyle, json_response
from service.responses.json_stream import DescribeError
from service.responses.labels import WITHOUT_LABELS, ReplyLabels
from service.responses.picture import picture_response, plan_drawing
from service.responses.tensor_stream import binary_response
from service.wire.format import Format, Kind
from service.wire.formats import SAFETENSORS
from service.wire.json import EntryParts, LayerEntry, layer_object
from service.wire.json_values import stringify_nonfinite


@dataclass(frozen=True)
class ReplyContext:
    """Facts of a request that are known before the engine's result."""

    id: str
    name: str | None
    inputs: Mapping[str, TensorInfo]
    preprocessing: Mapping[str, Mapping[str, Any]]
    started: float
    """`time.perf_counter()` when the request arrived."""
    notes: Sequence[Note] = ()
    """Notes on a document in the request."""
    labels: ReplyLabels = WITHOUT_LABELS
    pictures: Array | None = None
    """The pictures that were posted, where they are drawn again."""
    members: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the reply."""
    target: Target | None = None
    """What is explained."""


def head_of(context: ReplyContext, result: RunResult) -> dict[str, Any]:
    """Return the reply without its layers, ready for `orjson.dumps`."""
    inputs = {name: _input(name, info, context, result) for name, info in context.inputs.items()}
    total = (time.perf_counter() - context.started) * 1e3
    timing = {"build_ms": result.build_ms, "run_ms": result.run_ms, "total_ms": total}
    return {
        "model": {"id": context.id, "name": context.name, "parameters": result.parameters, "cached": result.cached},
        "inputs": inputs,
        **context.members,
        **{name: stringify_nonfinite(value) for name, value in _facts(context, result).items()},
        "timing": {key: round(value, 3) for key, value in timing.items()},
        **notes_json(context.notes),
    }


def _facts(context: ReplyContext, result: RunResult) -> Mapping[str, Any]:
    """Return the other members that an analysis has, class labels beside the units of its target."""
    if context.target is None:
        return result.facts
    return {**result.facts, "target": labelled(result.facts["target"], context.target, context.labels.names)}


def input_json(name: str, info: TensorInfo, preprocessing: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an input as the network takes it, with what was done to make it so."""
    entry: dict[str, Any] = {"shape": info.shape, "dtype": info.dtype}
    return entry | ({"preprocessing": preprocessing[name]} if name in preprocessing else {})


def _input(name: str, info: TensorInfo, context: ReplyContext, result: RunResult) -> dict[str, Any]:
    entry = input_json(name, info, context.preprocessing)
    if name in result.inputs:
        entry["stats"] = stringify_nonfinite(result.inputs[name])
    return entry


async def activations_response(
    context: ReplyContext,
    pending: PendingResult[RunResult],
    format: Format,
    options: InputOptions,
    describe_error: DescribeError,
) -> Response:
    """Build the response with activations in the negotiated format."""
    result = await pending.header
    if format.kind is Kind.JSON:
        style = _style(format, options, context.labels.of(result), describe_error)
        return await json_response(head_of(context, result), result, pending, style)
    if format.kind is Kind.PICTURE and isinstance(options, RunOptions):
        pictures = Pictures(context.inputs, context.preprocessing, context.pictures)
        return await picture_response(pending, format, lambda: plan_drawing(result, format, options, pictures))
    return await binary_response(result, pending, format, _metadata(context, result) if format is SAFETENSORS else {})


def _style(
    format: Format, options: InputOptions, labels: Mapping[str, Names], describe_error: DescribeError
) -> JsonStyle:
    """Return the style of layers, which without options for tensors have none."""
    if not isinstance(options, RunOptions):
        return JsonStyle(format, "none", EntryParts(False), describe_error)
    return JsonStyle(format, options.data, EntryParts(options.sends_weights, labels), describe_error)


def _metadata(context: ReplyContext, result: RunResult) -> dict[str, str]:
    """Return the JSON reply without arrays, for the metadata of safetensors."""
    labels = context.labels.of(result)
    layers = [layer_object(LayerEntry(layer, labels=labels.get(layer.address)), "none") for layer in result.layers]
    reply = {**head_of(context, result), "layers": layers}
    return {"layerscope": orjson.dumps(reply).decode()}


def infos(inputs: Mapping[str, InputSpec], arrays: Sequence[np.ndarray]) -> dict[str, TensorInfo]:
    """Return the shapes and dtypes of the inputs as the network takes them, by name."""
    return {
        name: TensorInfo(name, spec.dtype, array.shape, array.size * DTYPES[spec.dtype].itemsize)
        for (name, spec), array in zip(inputs.items(), arrays, strict=True)
    }

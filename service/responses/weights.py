"""Responses with weights, in every format."""

from __future__ import annotations

from typing import NamedTuple

import orjson
from starlette.responses import Response

from models.ipc.messages import RunResult
from service.engines.pending_result import PendingResult
from service.pictures.rendering import plan_weights_picture
from service.pictures.sheet import RenderStyle
from service.responses.json_response import JsonStyle, json_response
from service.responses.json_stream import DescribeError
from service.responses.picture import picture_response
from service.responses.tensor_stream import binary_response
from service.wire.format import Format, Kind
from service.wire.json import EntryParts
from service.wire.json_values import DataMode


class WeightsFormat(NamedTuple):
    """Requested format of weights."""

    format: Format
    mode: DataMode
    style: RenderStyle


async def weights_response(
    id: str, name: str, pending: PendingResult[RunResult], weights_format: WeightsFormat, describe_error: DescribeError
) -> Response:
    """Build the response with weights in the negotiated format: `{"model": …, "layers": [{"address", "type",
    "parameters", "weights": [...]}]}`, or one member `weights/<address>/<name>` each.
    """
    result = await pending.header
    format, mode, style = weights_format
    head = {"model": {"id": id, "name": name, "parameters": result.parameters}}
    if format.kind is Kind.JSON:
        return await json_response(
            head, result, pending, JsonStyle(format, mode, EntryParts(weights=True), describe_error)
        )
    if format.kind is Kind.PICTURE:
        return await picture_response(pending, format, lambda: plan_weights_picture(result, style))
    return await binary_response(result, pending, format, {"layerscope": orjson.dumps(head).decode()})

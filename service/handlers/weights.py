"""Weights of a registered model."""

from __future__ import annotations

from functools import partial

from fastapi import Request
from starlette.responses import Response

from service.engines.request_builders import source_of, weights_request
from service.errors.handlers import problem_of
from service.handlers.planning import require_inputs
from service.handlers.pricing import owe_bytes
from service.observing.records import follow
from service.registry.checkout import CheckedOutModel
from service.responses.etag import ETag
from service.responses.weights import WeightsFormat, weights_response
from service.state import State


async def fetch_weights(
    request: Request, state: State, checked_out: CheckedOutModel, paths: tuple[str, ...] | None, output: WeightsFormat
) -> Response:
    """Fetch the weights of the layers at `paths`, or of all, from an engine, and build the response.

    Raises:
        InvalidDocument: the document declares no inputs.
    """
    require_inputs(checked_out.network)
    entry = checked_out.entry
    tag = ETag(request, (entry.id, entry.name, paths, output.format.name, output.mode, output.style))
    if (unchanged := tag.unchanged()) is not None:
        return unchanged
    engine_request = weights_request(source_of(checked_out.network, checked_out.model.weights), paths, state.settings)
    follow(request.scope, engine_request.trace, engine_request.key)
    pending = await state.engines.submit(engine_request)
    with pending.cancelled_on_error():
        result = await pending.header
        owe_bytes(request.scope, state, sum(info.nbytes for info in result.tensors))
    return tag.on(await weights_response(entry.id, entry.name, pending, output, partial(problem_of, request)))

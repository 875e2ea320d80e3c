"""Activations of a model on a request's inputs, for every route that runs a network."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from service.engines.request_builders import RunSpec
from service.handlers.asked import Asked, edits_of
from service.handlers.runs import RunRequest, respond
from service.options.activation import ActivationOptions
from service.registry.model import Model
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs
from service.requests.selection import selection_of
from service.state import State
from service.wire.format import Format, Kind
from service.wire.formats import JSON, NPY
from service.wire.npy import check_one_tensor


async def activations(
    request: Request, state: State, model: Model, run: RunRequest[ActivationOptions], share: MemoryShare
) -> Response:
    """Run a model on the inputs, and build the response. The share is released before the engine request is queued."""
    return await respond(request, state, model, run, share, _ask)


async def _ask(resolved: ResolvedInputs, options: ActivationOptions, format: Format) -> Asked:
    network = resolved.network
    outputs, views = await selection_of(network, options.layers, options.views())
    edits, arrays = edits_of(resolved, outputs)
    if format is NPY:
        check_one_tensor(outputs, options.weights)
    spec = RunSpec(
        outputs=outputs,
        data=format.kind is not Kind.JSON or options.data != "none",
        stats=options.stats if options.stats is not None else format.kind is Kind.JSON,
        weights=options.weights,
        training=options.training,
        views=views,
        texts=format is JSON and options.data == "nested" and not (views or options.weights),
        edits=edits,
        edit_arrays=arrays,
    )
    return Asked(spec)

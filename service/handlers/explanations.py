"""Explanations of a number of a network, for inline and registered models."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from models.networks.view_selection import views_of
from service.engines.request_builders import RunSpec
from service.handlers.asked import Asked, edits_of
from service.handlers.explanation_questions import explanation_of
from service.handlers.runs import RunRequest, respond
from service.options.explanation import TargetedOptions
from service.registry.model import Model
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs
from service.state import State
from service.wire.format import Format, Kind
from service.wire.formats import NPY, PNG
from service.wire.npy import check_one_tensor


async def explanations(
    request: Request, state: State, model: Model, run: RunRequest[TargetedOptions], share: MemoryShare
) -> Response:
    """Explain a number of each item, and build the response."""
    return await respond(request, state, model, run, share, _ask)


async def _ask(resolved: ResolvedInputs, options: TargetedOptions, format: Format) -> Asked:
    network = resolved.network
    options.check_overlay(format is PNG)
    question = explanation_of(network, options)
    if format is NPY and question.to:
        check_one_tensor(question.to, options.weights)
    edits, arrays = edits_of(resolved, question.target.addresses)
    spec = RunSpec(
        outputs=question.to,
        data=format.kind is not Kind.JSON or options.data != "none",
        stats=options.stats if options.stats is not None else format.kind is Kind.JSON,
        weights=options.weights,
        views=views_of(network, question.to, options.views()),
        edits=edits,
        edit_arrays=arrays,
    )
    return Asked(spec, question)

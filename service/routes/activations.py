"""`POST /v1/activations`: run a model sent with the request."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.errors import WeightsUnavailable
from service.errors.handlers import raises
from service.handlers.activations import activations
from service.handlers.runs import read_run_request
from service.openapi.bodies import activations_body
from service.openapi.errors import ACTIVATION_ERRORS
from service.openapi.replies import activations_replies
from service.registry.model import inline_model
from service.state import StateOf

router = APIRouter(tags=["activations"])


@router.post(
    "/v1/activations",
    summary="Run a model that comes with the request",
    responses=raises(*ACTIVATION_ERRORS, WeightsUnavailable) | activations_replies(),
    openapi_extra=activations_body(inline=True),
)
async def post_activations(request: Request, state: StateOf) -> Response:
    """Builds the document (or finds it built), runs it on the input and returns every layer asked for."""
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.activations, inline=True, share=share)
        model = await inline_model(state.store, run.model, state.resolver.read)
        return await activations(request, state, model, run, share)

"""`POST /v1/explanations`, and of registered models: which values a number of the network depends on, and how."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.errors import WeightsUnavailable
from service.errors.handlers import raises
from service.handlers.explanations import explanations
from service.handlers.runs import read_run_request
from service.openapi.analysis_schemas import ExplanationReply
from service.openapi.bodies import analysis_body
from service.openapi.errors import ACTIVATION_ERRORS, MODEL_ERRORS
from service.openapi.examples import EXPLANATION_EXAMPLE
from service.openapi.replies import NOT_MODIFIED, analysis_replies
from service.options.explanation import ExplanationOptions
from service.registry.checkout import checkout
from service.registry.lookup import find_entry
from service.registry.model import inline_model
from service.routes.parameters import Reference, refuse_model
from service.state import StateOf

router = APIRouter(tags=["explanations"])
REPLIES = analysis_replies(ExplanationReply, "The explanation at every address asked for.")


@router.post(
    "/v1/explanations",
    summary="Explain a number of a model that comes with the request",
    responses=raises(*ACTIVATION_ERRORS, WeightsUnavailable) | REPLIES,
    openapi_extra=analysis_body(ExplanationOptions, EXPLANATION_EXAMPLE, inline=True),
)
async def post_explanations(request: Request, state: StateOf) -> Response:
    """Says which values of the input, or of a layer, make each item's number what it is: gradients and maps."""
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.explanations, inline=True, share=share)
        model = await inline_model(state.store, run.model, state.resolver.read)
        return await explanations(request, state, model, run, share)


@router.post(
    "/v1/models/{name}/explanations",
    summary="Explain a number of a registered model",
    responses=raises(*MODEL_ERRORS, *ACTIVATION_ERRORS) | REPLIES | NOT_MODIFIED,
    openapi_extra=analysis_body(ExplanationOptions, EXPLANATION_EXAMPLE, inline=False),
)
async def post_model_explanations(request: Request, state: StateOf, name: Reference) -> Response:
    """Explains the model on an image or tensor: JSON, a form, or the raw bytes of a file."""
    await find_entry(state.store, name)
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.explanations, inline=False, share=share)
        refuse_model(run.model)
        async with checkout(state.store, name) as checked_out:
            return await explanations(request, state, checked_out.model, run, share)

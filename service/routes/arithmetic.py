"""`POST /v1/arithmetic`, and of registered models: how a number of the network came about."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.errors import WeightsUnavailable
from service.errors.handlers import raises
from service.handlers.arithmetic import arithmetic
from service.handlers.runs import read_run_request
from service.openapi.arithmetic_schemas import ArithmeticReply
from service.openapi.bodies import analysis_body
from service.openapi.errors import ACTIVATION_ERRORS, MODEL_ERRORS
from service.openapi.examples import ARITHMETIC_EXAMPLE
from service.openapi.replies import NOT_MODIFIED, analysis_replies
from service.options.arithmetic import ArithmeticOptions
from service.registry.checkout import checkout
from service.registry.lookup import find_entry
from service.registry.model import inline_model
from service.routes.parameters import Reference, refuse_model
from service.state import StateOf

router = APIRouter(tags=["arithmetic"])
REPLIES = analysis_replies(ArithmeticReply, "How the number came about.")


@router.post(
    "/v1/arithmetic",
    summary="Show how a number of a model that comes along came about",
    responses=raises(*ACTIVATION_ERRORS, WeightsUnavailable) | REPLIES,
    openapi_extra=analysis_body(ArithmeticOptions, ARITHMETIC_EXAMPLE, inline=True),
)
async def post_arithmetic(request: Request, state: StateOf) -> Response:
    """Lists the terms of the layer that computed an element, value by weight, and the part of each tensor it reads."""
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.arithmetic, inline=True, share=share)
        model = await inline_model(state.store, run.model, state.resolver.read)
        return await arithmetic(request, state, model, run, share)


@router.post(
    "/v1/models/{name}/arithmetic",
    summary="Show how a number of a registered model came about",
    responses=raises(*MODEL_ERRORS, *ACTIVATION_ERRORS) | REPLIES | NOT_MODIFIED,
    openapi_extra=analysis_body(ArithmeticOptions, ARITHMETIC_EXAMPLE, inline=False),
)
async def post_model_arithmetic(request: Request, state: StateOf, name: Reference) -> Response:
    """Runs the model on an image or tensor: JSON, a form, or the raw bytes of a file."""
    await find_entry(state.store, name)
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.arithmetic, inline=False, share=share)
        refuse_model(run.model)
        async with checkout(state.store, name) as checked_out:
            return await arithmetic(request, state, checked_out.model, run, share)

"""`POST /v1/comparisons`, and of registered models: how far two runs lie apart, layer by layer."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.errors import WeightsUnavailable
from service.errors.handlers import raises
from service.handlers.compared_sides import compared_sides
from service.handlers.comparisons import CompareRuns
from service.handlers.runs import read_run_request
from service.openapi.analysis_schemas import ComparisonReply
from service.openapi.bodies import analysis_body
from service.openapi.errors import ACTIVATION_ERRORS, MODEL_ERRORS
from service.openapi.examples import COMPARISON_EXAMPLE, MODEL_COMPARISON_EXAMPLE
from service.openapi.replies import NOT_MODIFIED, analysis_replies
from service.options.comparison import ComparisonOptions
from service.registry.checkout import checkout
from service.registry.lookup import find_entry
from service.requests.body import parse_comparison
from service.routes.parameters import Reference
from service.state import StateOf

router = APIRouter(tags=["comparisons"])
REPLIES = analysis_replies(ComparisonReply, "Every pair of tensors, and where the runs first diverge.")
REQUIRED = ("b",)


@router.post(
    "/v1/comparisons",
    summary="Compare two runs",
    responses=raises(*ACTIVATION_ERRORS, *MODEL_ERRORS, WeightsUnavailable) | REPLIES,
    openapi_extra=analysis_body(ComparisonOptions, COMPARISON_EXAMPLE, inline=True, required=REQUIRED),
)
async def post_comparisons(request: Request, state: StateOf) -> Response:
    """Runs two sides, which differ in the model, its weights, inputs, mode, precision or edits, and compares them."""
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.comparisons, True, share, parse_comparison)
        async with compared_sides(state, run) as sides:
            return await CompareRuns(request, state, run, sides, share).response()


@router.post(
    "/v1/models/{name}/comparisons",
    summary="Compare a run of a registered model with another",
    responses=raises(*MODEL_ERRORS, *ACTIVATION_ERRORS, WeightsUnavailable) | REPLIES | NOT_MODIFIED,
    openapi_extra=analysis_body(ComparisonOptions, MODEL_COMPARISON_EXAMPLE, inline=False, required=REQUIRED),
)
async def post_model_comparisons(request: Request, state: StateOf, name: Reference) -> Response:
    """Compares the model with another one, or with itself on other inputs, in another mode, precision or with edits."""
    await find_entry(state.store, name)
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.comparisons, False, share, parse_comparison)
        async with checkout(state.store, name) as checked_out, compared_sides(state, run, checked_out.model) as sides:
            return await CompareRuns(request, state, run, sides, share).response()

"""`POST /v1/diagnoses`, and of registered models: what is wrong with the layers of a network on a batch."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.errors import WeightsUnavailable
from service.errors.handlers import raises
from service.handlers.diagnoses import diagnoses
from service.handlers.runs import read_run_request
from service.openapi.analysis_schemas import DiagnosisReply
from service.openapi.bodies import analysis_body
from service.openapi.errors import ACTIVATION_ERRORS, MODEL_ERRORS
from service.openapi.examples import DIAGNOSIS_EXAMPLE
from service.openapi.replies import NOT_MODIFIED
from service.options.diagnosis import DiagnosisOptions
from service.registry.checkout import checkout
from service.registry.lookup import find_entry
from service.registry.model import inline_model
from service.routes.parameters import Reference, refuse_model
from service.state import StateOf

router = APIRouter(tags=["diagnoses"])
REPLIES: dict[int | str, dict[str, Any]] = {
    200: {"model": DiagnosisReply, "description": "What the findings say of every layer asked for."}
}


@router.post(
    "/v1/diagnoses",
    summary="Diagnose a model that comes with the request",
    responses=raises(*ACTIVATION_ERRORS, WeightsUnavailable) | REPLIES,
    openapi_extra=analysis_body(DiagnosisOptions, DIAGNOSIS_EXAMPLE, inline=True),
)
async def post_diagnoses(request: Request, state: StateOf) -> Response:
    """Runs a batch, and looks for dead units, NaN, saturation, copies of filters and more, with the evidence."""
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.diagnoses, inline=True, share=share)
        model = await inline_model(state.store, run.model, state.resolver.read)
        return await diagnoses(request, state, model, run, share)


@router.post(
    "/v1/models/{name}/diagnoses",
    summary="Diagnose a registered model",
    responses=raises(*MODEL_ERRORS, *ACTIVATION_ERRORS) | REPLIES | NOT_MODIFIED,
    openapi_extra=analysis_body(DiagnosisOptions, DIAGNOSIS_EXAMPLE, inline=False),
)
async def post_model_diagnoses(request: Request, state: StateOf, name: Reference) -> Response:
    """Diagnoses the model on a batch of images or tensors: JSON, a form, or the raw bytes of a file."""
    await find_entry(state.store, name)
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.diagnoses, inline=False, share=share)
        refuse_model(run.model)
        async with checkout(state.store, name) as checked_out:
            return await diagnoses(request, state, checked_out.model, run, share)

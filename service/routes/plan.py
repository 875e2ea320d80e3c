"""`POST /v1/plan`: cost estimate of a network, before anything is allocated."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from models.errors import InvalidDocument, InvalidOption, UnknownAddress, WeightsUnavailable
from models.files.not_json import ADVICE as OF_JSON
from models.files.signatures import Role
from models.files.unsupported import Advice
from models.json_text.limits import Claim
from service.errors.handlers import raises
from service.handlers.labels import check_labels
from service.handlers.planning import find_model, plan_response
from service.openapi.components import MODEL_SCHEMA
from service.openapi.errors import BODY_ERRORS, ENGINE_ERRORS, MODEL_ERRORS
from service.openapi.examples import PLAN_EXAMPLE
from service.openapi.option_schemas import option_parameters, option_properties
from service.openapi.plan_schemas import PlanReply
from service.openapi.replies import IF_NONE_MATCH, MODEL_ID, NOT_MODIFIED
from service.options.activation import from_pairs, merge_options
from service.options.field_names import MODEL
from service.options.plan import PlanOptions, plan_options
from service.registry.model import Model
from service.requests.body import decode_json, is_json, parse_json, read_body, unsupported
from service.requests.misplaced import PLAN, require_object
from service.responses.etag import ETag
from service.state import State, StateOf

router = APIRouter(tags=["plan"])

BODY = {
    "parameters": option_parameters(PlanOptions) + IF_NONE_MATCH["parameters"],
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"model": MODEL_SCHEMA, **option_properties(PlanOptions)},
                    "additionalProperties": False,
                },
                "examples": {
                    "pictures": {"summary": "64 large pictures through one convolution", "value": PLAN_EXAMPLE}
                },
            }
        }
    },
}


WITHOUT_INPUTS = 'a plan needs no inputs: send {"model": …} alone'
ADVICE: Advice = {**OF_JSON, Role.PICTURE: WITHOUT_INPUTS, Role.TENSORS: WITHOUT_INPUTS}
"""Advice for files sent in place of the body."""


def _parsed(body: bytes, claim: Claim) -> Any:
    return parse_json(body, advice=ADVICE, claim=claim)


@router.post(
    "/v1/plan",
    summary="Shapes, bytes, parameters, multiply-adds and receptive fields",
    responses=raises(
        *BODY_ERRORS, *MODEL_ERRORS, InvalidDocument, InvalidOption, UnknownAddress, WeightsUnavailable, *ENGINE_ERRORS
    )
    | {200: {"model": PlanReply, "headers": MODEL_ID}}
    | NOT_MODIFIED,
    openapi_extra=BODY,
)
async def post_plan(
    request: Request, state: StateOf, model: Annotated[str | None, Query(description="A registered model.")] = None
) -> Response:
    """Plans a document, or a registered model; nothing is built, nothing is fetched."""
    body = await read_body(request)
    if body and not is_json(request):
        raise unsupported(request, "application/json", body=body, advice=ADVICE)
    with state.memory.share() as share:
        raw = require_object(await decode_json(body, share, _parsed) if body or model is None else {}, PLAN)
        target, options = await _read(request, state, model, raw)
    if target.id is None:
        await check_labels(request, state, target)
        return await plan_response(request, state, target, options)
    tag = ETag(request, (target.id, target.name, options.model_dump_json()), weak=True)  # engines estimate seconds
    return tag.unchanged() or tag.on(await plan_response(request, state, target, options))


async def _read(request: Request, state: State, model: str | None, raw: dict[str, Any]) -> tuple[Model, PlanOptions]:
    query = from_pairs((name, value) for name, value in request.query_params.multi_items() if name != MODEL)
    options = plan_options(merge_options(query, {key: value for key, value in raw.items() if key != MODEL}))
    return await find_model(state, model, raw.get(MODEL)), options

"""`POST /v1/plan`: cost estimate of a network, before anything is allocated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.documents.validation import field_names, problems_of
from models.errors import InvalidDocument, InvalidOption, UnknownAddress, WeightsUnavailable
from models.files.not_json import ADVICE as OF_JSON
from models.files.signatures import Role
from models.files.unread import Advice
from models.json_text.limits import Claim
from models.suggestions import Words
from service.engines.requests import source_of
from service.errors.handlers import raises
from service.handlers.planning import plan_of, require_inputs
from service.openapi.contract import (
    BODY_ERRORS,
    ENGINE_ERRORS,
    IF_NONE_MATCH,
    MODEL_ERRORS,
    MODEL_SCHEMA,
    NOT_MODIFIED,
    PLAN_EXAMPLE,
)
from service.openapi.option_schemas import option_parameters, option_properties
from service.openapi.plan_schemas import PlanReply
from service.options.activation import Selectors, from_pairs, merge_options
from service.options.habits import PLAN
from service.options.pictures import NotBool
from service.options.query import as_in_url
from service.options.views import ViewOptions
from service.registry.model import Model, inline_model
from service.requests.body import decode_json, is_json, parse_json, unsupported
from service.requests.misplaced import PLAN as TEMPLATE
from service.requests.misplaced import require_object
from service.responses.etag import ETag
from service.state import State, StateOf

router = APIRouter(tags=["plan"])

MAX_BATCH = 2**20


class PlanOptions(ViewOptions):
    """Options of plan requests."""

    batch: Annotated[
        Annotated[int, Field(ge=1, le=MAX_BATCH), NotBool] | None,
        Field(description="Examples at once; null leaves the batch free."),
    ] = 1
    layers: Selectors = None


WORDS = Words({"": ["model", *field_names(PlanOptions)]}, {"": PLAN})
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
    | {200: {"model": PlanReply}}
    | NOT_MODIFIED,
    openapi_extra=BODY,
)
async def post_plan(
    request: Request, state: StateOf, model: Annotated[str | None, Query(description="A registered model.")] = None
) -> Response:
    """Plans a document, or a registered model; nothing is built, nothing is fetched."""
    body = await request.body()
    if body and not is_json(request):
        raise unsupported(request, "application/json", body=body, advice=ADVICE)
    with state.memory.share() as share:
        raw = require_object(await decode_json(body, share, _parsed) if body or model is None else {}, TEMPLATE)
        target, options = await _read(request, state, model, raw)
    if target.id is None:
        return await _plan(request, state, target, options)
    tag = ETag(request, (target.id, target.name, options.model_dump_json()), weak=True)  # engines estimate seconds
    return tag.unchanged() or tag.on(await _plan(request, state, target, options))


async def _read(request: Request, state: State, model: str | None, raw: dict[str, Any]) -> tuple[Model, PlanOptions]:
    query = from_pairs((name, value) for name, value in request.query_params.multi_items() if name != "model")
    options = _options(merge_options(query, {key: value for key, value in raw.items() if key != "model"}))
    return await _model(state, model, raw.get("model")), options


def _options(values: Mapping[str, Any]) -> PlanOptions:
    try:
        return PlanOptions.model_validate(values)
    except ValidationError as error:
        raise InvalidOption("", problems_of(error, values, WORDS)) from None


async def _model(state: State, name: str | None, raw: Any) -> Model:
    if name is None:
        return await inline_model(
            state.store, raw, state.applications.read_graph, "POST /v1/plan?model={name} plans it"
        )
    if raw is not None:
        raise InvalidOption.at(
            "/model", "there are two models", expected="one in the query or one in the body", received="both"
        )
    entry = state.store.find(name)
    architecture = await run_in_threadpool(state.store.architecture, entry)
    return Model(architecture, entry.name, entry.id)


async def _plan(request: Request, state: State, model: Model, options: PlanOptions) -> Response:
    try:
        network = model.architecture.network
        require_inputs(network)
        plan = await plan_of(state, network, options.batch, options.layers, options.views())
    except InvalidDocument as error:
        raise model.remap(error) from None
    except UnknownAddress as error:
        raise as_in_url(request, error) from None
    head = {
        "id": model.id or (source_of(network, model.weights).key if model.weights_to_fetch is None else None),
        "name": model.name,
        "parameters": plan["totals"]["parameters"],
    }
    return Response(orjson.dumps({"model": head, **plan}), media_type="application/json")

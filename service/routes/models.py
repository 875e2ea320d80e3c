"""`/v1/models`: networks registered under a name."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.documents.document import canonical
from models.errors import (
    InvalidDocument,
    InvalidOption,
    InvalidTensor,
    InvalidWeights,
    NotFound,
    WeightsUnavailable,
)
from models.networks.network import Network
from models.store.entries import Entry, entry_json
from service.errors.handlers import raises
from service.handlers.activations import activations
from service.handlers.labels import output_labels
from service.handlers.planning import plan_of, plan_step_blocks, require_inputs
from service.handlers.registration import ADVICE, parse_model_json, register, register_upload
from service.handlers.runs import read_run_request
from service.openapi.bodies import activations_body, model_body
from service.openapi.errors import ACTIVATION_ERRORS, BODY_ERRORS, CHANGE_ERRORS, ENGINE_ERRORS, MODEL_ERRORS
from service.openapi.model_schemas import DamagedName, ModelEntry, ModelList, ModelSummary
from service.openapi.replies import IF_NONE_MATCH, MODEL_FORMS, NOT_MODIFIED, REGISTERED, activations_replies
from service.options.field_names import MODEL
from service.registry.checkout import checkout
from service.registry.lookup import find_entry, look
from service.requests.body import decode_json, is_json, media_type, read_body, unsupported
from service.requests.multipart import MULTIPART
from service.requests.upload import receive_upload, stored_upload
from service.requests.upload_parts import is_weights_file
from service.responses.etag import ETag
from service.responses.model_forms import Form, document_form, keras_form, summary_form
from service.routes.parameters import Name, Reference, put_response, refuse_model
from service.state import StateOf

router = APIRouter(tags=["models"])


@router.put(
    "/v1/models/{name}",
    summary="Register or replace a model",
    responses=raises(
        *BODY_ERRORS,
        InvalidDocument,
        InvalidOption,
        InvalidWeights,
        InvalidTensor,
        *CHANGE_ERRORS,
        WeightsUnavailable,
        *ENGINE_ERRORS,
    )
    | REGISTERED,
    openapi_extra=model_body(),
)
async def put_model(request: Request, state: StateOf, name: Name) -> Response:
    """Checks a document and the weights that come with it, stores both, and points the name at them."""
    state.store.require_changeable(name)
    content_type = media_type(request)
    if content_type and is_json(request):
        body = await read_body(request)
        if not is_weights_file(body):
            with state.memory.share() as share:
                return put_response(await register(state, name, await decode_json(body, share, parse_model_json)))
        async with stored_upload(body, state.store.scratch, state.uploads) as upload:
            return put_response(await register_upload(state, name, upload))
    async with receive_upload(request, state.settings, state.store.scratch, state.uploads, documents=True) as upload:
        if upload.model is not None and content_type not in ("", MULTIPART):
            raise unsupported(
                request, "application/json", MULTIPART, ".keras files of any type", body=upload.model, advice=ADVICE
            )
        return put_response(
            await register_upload(state, name, upload, f"/{MODEL}" if content_type == MULTIPART else "")
        )


@router.get(
    "/v1/models", summary="Registered models", responses=raises(InvalidOption), response_model_exclude_defaults=True
)
async def get_models(state: StateOf) -> ModelList:
    """Every name and what it points to, and the names that point to nothing that can be read."""
    models = [ModelEntry(**entry_json(entry)) for entry in state.store.entries()]
    damaged = [DamagedName(name=name, problem=problem) for name, problem in state.store.damaged.items()]
    return ModelList(models=models, damaged=damaged)


@router.get(
    "/v1/models/{name}",
    summary="A model's graph, document, Keras JSON or summary",
    response_model=None,
    responses=raises(*MODEL_ERRORS, InvalidDocument, InvalidOption, *ENGINE_ERRORS) | MODEL_FORMS | NOT_MODIFIED,
    openapi_extra=IF_NONE_MATCH,
)
async def get_model(
    request: Request,
    response: Response,
    state: StateOf,
    name: Reference,
    form: Annotated[
        Form, Query(alias="as", description="`keras` loads with `keras.models.model_from_json`.")
    ] = "graph",
) -> ModelSummary | Response:
    """Nodes and edges, with shapes and parameters when the document declares its inputs; or another form of it."""
    async with checkout(state.store, name) as checked_out:
        entry, network = checked_out.entry, checked_out.network
    tag = ETag(request, (entry_json(entry), entry.object, form))
    if (unchanged := tag.unchanged()) is not None:
        return unchanged
    if form == "document":
        return tag.on(document_form(network))
    if form != "graph":
        require_inputs(network)
    plan = await plan_of(state.engines, network, None, ["**"]) if network.inputs else None
    if plan is None or form == "graph":
        tag.on(response)
        return ModelSummary(**_summary(entry, network, plan), labels=await output_labels(state, network))
    if form == "keras":
        return tag.on(keras_form(await plan_step_blocks(state, network, plan)))
    return tag.on(summary_form(network, plan))


def _summary(entry: Entry, network: Network, plan: dict[str, Any] | None) -> dict[str, Any]:
    rows = {row["address"]: row for row in plan["layers"]} if plan else {}
    nodes = []
    for node in network.calls:
        row = rows.get(node.outputs[0], {})
        nodes.append(
            {"address": node.address, "type": node.layer.type_name(), "inputs": node.inputs, "outputs": node.outputs,
             "shape": row.get("shape"), "parameters": row.get("parameters")}
        )  # fmt: skip
    edges = [(address, node.address) for node in network.calls for address in node.inputs]
    return {
        **entry_json(entry),
        "inputs": canonical(dict(network.inputs)),
        "outputs": network.outputs,
        "parameters": plan["totals"]["parameters"] if plan else None,
        "nodes": nodes,
        "edges": edges,
    }


@router.delete(
    "/v1/models/{name}",
    status_code=204,
    summary="Forget a model",
    responses=raises(NotFound, InvalidOption, *CHANGE_ERRORS),
)
async def delete_model(state: StateOf, name: Reference) -> None:
    """Removes a name; by id, every name that points to it. Requests that run already finish."""
    state.store.require_changeable(name)
    await look(state.store, name)
    await run_in_threadpool(state.store.delete, name)


@router.post(
    "/v1/models/{name}/activations",
    summary="Run a registered model",
    responses=raises(*MODEL_ERRORS, *ACTIVATION_ERRORS) | activations_replies() | NOT_MODIFIED,
    openapi_extra=activations_body(inline=False),
)
async def post_model_activations(request: Request, state: StateOf, name: Reference) -> Response:
    """Runs the model on an image or tensor: JSON, a form, or the raw bytes of a file."""
    await find_entry(state.store, name)
    with state.memory.share() as share:
        run = await read_run_request(request, state.queries.activations, inline=False, share=share)
        refuse_model(run.model)
        async with checkout(state.store, name) as checked_out:
            return await activations(request, state, checked_out.model, run, share)

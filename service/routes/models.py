"""`/v1/models`: networks registered under a name."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.document import canonical
from models.errors import (
    InvalidDocument,
    InvalidOption,
    NotFound,
    Problem,
    did_you_mean,
    shown,
)
from models.expansion import expand
from models.network import Network
from models.store import Entry, entry_json
from service.activations import Model, activations, document_bytes, read_ask
from service.bodies import is_json, parse_json, unsupported
from service.contract import (
    ACTIVATION_ERRORS,
    BODY_ERRORS,
    ENGINE_ERRORS,
    activations_body,
    activations_replies,
    document_body,
)
from service.errors import raises
from service.jobs import weights_question
from service.model_forms import Form, document_form, keras_form, summary_form
from service.replies import weights_json
from service.routes.plan import plan_of, require_inputs
from service.schemas import ModelEntry, ModelList, ModelSummary, WeightsReply
from service.state import State, StateOf

router = APIRouter(tags=["models"])

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _new_name(
    name: Annotated[str, Path(description=f"A name to register under: `{NAME.pattern}`.", examples=["digits"])],
) -> str:
    if NAME.fullmatch(name):
        return name
    expected = "1 to 64 letters, digits, dots, underscores and hyphens, the first a letter or digit"
    raise InvalidOption("", [Problem("/name", "a model cannot have this name", expected, shown(name))])


Name = Annotated[str, Depends(_new_name)]
Reference = Annotated[str, Path(description="A name, or an id `sha256:…`.", examples=["digits"])]
DataMode = Annotated[Literal["nested", "base64", "none"], Query(description="How the arrays are written.")]


@router.put(
    "/v1/models/{name}",
    summary="Register or replace a model",
    responses=raises(*BODY_ERRORS, InvalidDocument, InvalidOption, *ENGINE_ERRORS)
    | {
        200: {"model": ModelEntry, "description": "Replaced."},
        201: {"model": ModelEntry, "description": "Registered."},
    },
    openapi_extra=document_body(),
)
async def put_model(request: Request, state: StateOf, name: Name) -> Response:
    """Checks a document, plans it when its inputs are declared, stores it, and points the name at it."""
    body = await request.body()
    if not is_json(request):
        raise unsupported(request, "application/json")
    raw = parse_json(body)
    model = Model(await state.applications.read(raw), name)
    try:
        network = expand(model.document)
        if network.inputs:
            await plan_of(state, network, None, None)
    except InvalidDocument as error:
        raise model.located(error) from None
    entry, is_new = await run_in_threadpool(state.store.put, name, model.document)
    content = ModelEntry(**entry_json(entry)).model_dump_json()
    return Response(content, 201 if is_new else 200, {"Location": f"/v1/models/{name}"}, "application/json")


@router.get("/v1/models", summary="Registered models")
async def get_models(state: StateOf) -> ModelList:
    """Every name and what it points to."""
    return ModelList(models=[ModelEntry(**entry_json(entry)) for entry in state.store.entries()])


@router.get(
    "/v1/models/{name}",
    summary="A model's graph, document, Keras JSON or summary",
    response_model=None,
    responses=raises(NotFound, InvalidDocument, *ENGINE_ERRORS)
    | {200: {"model": ModelSummary, "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_model(
    state: StateOf,
    name: Reference,
    form: Annotated[
        Form, Query(alias="as", description="`keras` loads with `keras.models.model_from_json`.")
    ] = "graph",
) -> ModelSummary | Response:
    """Nodes and edges, with shapes and parameters when the document declares its inputs; or another form of it."""
    entry, network = await found(state, name)
    if form == "document":
        return document_form(network)
    if form != "graph":
        require_inputs(network)
    plan = await plan_of(state, network, None, ["**"]) if network.inputs else None
    if plan is None or form == "graph":
        return ModelSummary(**_summary(entry, network, plan))
    return keras_form(network, plan) if form == "keras" else summary_form(network, plan)


def _summary(entry: Entry, network: Network, plan: dict[str, Any] | None) -> dict[str, Any]:
    rows = {row["address"]: row for row in plan["layers"]} if plan else {}
    nodes = []
    for node in network.nodes:
        row = rows.get(node.outputs[0], {})
        nodes.append(
            {"address": node.address, "type": node.layer.type_name(), "inputs": node.inputs, "outputs": node.outputs,
             "shape": row.get("shape"), "parameters": row.get("parameters")}
        )  # fmt: skip
    edges = [(address, node.address) for node in network.nodes for address in node.inputs]
    return {
        **entry_json(entry),
        "inputs": canonical(dict(network.inputs)),
        "outputs": network.outputs,
        "parameters": plan["totals"]["parameters"] if plan else None,
        "nodes": nodes,
        "edges": edges,
    }


@router.delete("/v1/models/{name}", status_code=204, summary="Forget a model", responses=raises(NotFound))
async def delete_model(state: StateOf, name: Reference) -> None:
    """Removes a name; by id, every name that points to it. Requests that run already finish."""
    await run_in_threadpool(state.store.delete, name)


@router.post(
    "/v1/models/{name}/activations",
    summary="Run a registered model",
    responses=raises(NotFound, *ACTIVATION_ERRORS) | activations_replies(),
    openapi_extra=activations_body(inline=False),
)
async def post_model_activations(request: Request, state: StateOf, name: Reference) -> Response:
    """Runs the model on an image or tensor: JSON, a form, or the raw bytes of a file."""
    entry = state.store.find(name)
    ask = await read_ask(request, inline=False)
    if ask.model is not None:
        problem = Problem("/model", "the model is named by the path", "no model in the body", "a model")
        raise InvalidOption("", [problem])
    document = await run_in_threadpool(state.store.document, entry)
    return await activations(request, state, Model(document, entry.name, entry.id), ask)


@router.get(
    "/v1/models/{name}/weights",
    summary="All weights",
    responses=raises(NotFound, InvalidDocument, InvalidOption, *ENGINE_ERRORS) | {200: {"model": WeightsReply}},
)
async def get_weights(state: StateOf, name: Reference, data: DataMode = "nested") -> Response:
    """Every layer's weights, in `get_weights()` order."""
    entry, network = await found(state, name)
    return await _weights(state, entry, network, None, data)


@router.get(
    "/v1/models/{name}/layers/{address:path}/weights",
    summary="One layer's weights",
    responses=raises(NotFound, InvalidDocument, InvalidOption, *ENGINE_ERRORS) | {200: {"model": WeightsReply}},
)
async def get_layer_weights(
    state: StateOf, name: Reference, address: Annotated[str, Path(examples=["dense"])], data: DataMode = "nested"
) -> Response:
    """One layer's weights, or those of all layers in a block."""
    entry, network = await found(state, name)
    return await _weights(state, entry, network, layer_paths(network, address), data)


def layer_paths(network: Network, address: str) -> tuple[str, ...]:
    """The layers behind an address; calls of a shared layer share their weights.

    Raises:
        NotFound: naming the nearest address.
    """
    below = address + "/"
    meant = [
        node.path
        for node in network.nodes
        if address in (node.path, node.address, *node.outputs) or node.address.startswith(below)
    ]
    blocks = {node.path for node in network.nodes if node.is_block}
    paths = tuple(path for path in dict.fromkeys(meant) if path not in blocks)
    if not paths:
        known = [node.address for node in network.nodes]
        near = did_you_mean(address, known)
        raise NotFound("", [Problem("", "there is no layer at this address", f"one of {', '.join(known[:20])}",
                                    shown(address), f'use "{near}"' if near else None)])  # fmt: skip
    return paths


async def _weights(state: State, entry: Entry, network: Network, paths: tuple[str, ...] | None, data: str) -> Response:
    require_inputs(network)
    question = weights_question(network.identity(), document_bytes(network), paths, state.settings)
    answer = await state.engines.ask(question)
    return Response(await weights_json(entry.id, entry.name, answer, data), media_type="application/json")


async def found(state: State, reference: str) -> tuple[Entry, Network]:
    """A registered model and its network."""
    entry = state.store.find(reference)
    return entry, expand(await run_in_threadpool(state.store.document, entry))

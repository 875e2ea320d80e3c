"""Routes of `/v2/repository`: loading of models; and the parts of Triton's protocol that are not supported."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from models.errors import InvalidOption, ModelDamaged, SlowBody, TooLarge, Unparsable, Unsupported, WrongDigest
from service.errors.handlers import raises
from service.open_inference.openapi import small_body
from service.open_inference.repository import body_object, find_entry, index, index_of, parameters_of, refuse_models
from service.open_inference.schemas import IndexEntry
from service.state import StateOf

router = APIRouter(tags=["open inference"])

REFUSALS = raises(Unparsable, WrongDigest, SlowBody, TooLarge, InvalidOption, ModelDamaged, open_inference=True)
Name = Annotated[str, Path(description="A registered name, or an id `sha256:…`.", examples=["digits"])]


@router.post(
    "/v2/repository/index",
    summary="Open inference: registered models",
    responses=REFUSALS,
    openapi_extra=small_body("`ready`: only models that are.", "ready", {"ready": True}),
)
async def post_index(request: Request, state: StateOf) -> list[IndexEntry]:
    """Every name, and whether it is loaded."""
    return index(state.loaded_models, (await body_object(request)).get("ready") is True)


@router.post(
    "/v2/repository/models/{name}/load",
    summary="Open inference: load a model",
    responses=REFUSALS,
    openapi_extra=small_body("`parameters` may not hold a configuration or files.", "load", {}),
)
async def post_load(request: Request, state: StateOf, name: Name) -> IndexEntry:
    """Takes up a registered model that was unloaded; every other one is loaded already."""
    refuse_models(parameters_of(await body_object(request)))
    entry = await find_entry(state, name)
    state.loaded_models.load(entry.name)
    return index_of(state.loaded_models, entry.name)


@router.post("/v2/repository/models/{name}/unload", summary="Open inference: unload a model", responses=REFUSALS)
async def post_unload(request: Request, state: StateOf, name: Name) -> IndexEntry:
    """Refuses inferences on it under `/v2` until it is loaded again or the service restarts."""
    parameters_of(await body_object(request))
    entry = await find_entry(state, name)
    state.loaded_models.unload(entry.name)
    return index_of(state.loaded_models, entry.name)


async def not_offered() -> None:
    """Raise Unsupported: settings of tracing and logging, and shared memory, are not available to clients."""
    raise Unsupported("Trace settings, log settings and shared memory are not offered; GET /v2 lists what is.")


for path in (
    "/v2/trace/setting", "/v2/models/{name}/trace/setting", "/v2/logging", "/v2/{kind}sharedmemory/{action}",
    "/v2/{kind}sharedmemory/region/{region}/{action}",
):  # fmt: skip
    router.add_api_route(path, not_offered, methods=["GET", "POST"], include_in_schema=False)

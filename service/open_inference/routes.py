"""Routes of `/v2`, the Open Inference Protocol. Each route of a model is also served under `/versions/1`.

Bodies are parsed by hand, whatever their Content-Type: clients send none, or a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from models.errors import (
    InvalidDocument,
    InvalidImage,
    InvalidOption,
    InvalidTensor,
    NotReady,
    SlowBody,
    TooLarge,
    UnknownAddress,
    Unparsable,
    Unsupported,
    UnsupportedEncoding,
    WrongDigest,
)
from service.errors.handlers import raises
from service.handlers.readiness import not_ready_reason
from service.open_inference.description import configuration, metadata
from service.open_inference.infer import infer
from service.open_inference.openapi import infer_body, infer_replies
from service.open_inference.schemas import (
    EXTENSIONS,
    Alive,
    ModelConfiguration,
    ModelMetadata,
    ModelReady,
    ServerMetadata,
    ServerReady,
    Statistics,
)
from service.openapi.errors import ENGINE_ERRORS, MODEL_ERRORS
from service.registry.checkout import checkout
from service.registry.loaded import require_version
from service.registry.lookup import find_entry
from service.state import State, StateOf

router = APIRouter(tags=["open inference"])
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


async def model_name(
    request: Request,
    name: Annotated[str, Path(description="A registered name, or an id `sha256:…`.", examples=["digits"])],
) -> str:
    require_version(request.path_params.get("version"))
    return name


Name = Annotated[str, Depends(model_name)]


def model_route(method: str, path: str, *errors: Any, **described: Any) -> Callable[[Endpoint], Endpoint]:
    """Register an endpoint below `/v2/models/{name}`, with and without a version."""

    def register(endpoint: Endpoint) -> Endpoint:
        responses = raises(*MODEL_ERRORS, *errors, open_inference=True) | described.pop("replies", {})
        router.add_api_route(f"/v2/models/{{name}}{path}", endpoint, methods=[method], responses=responses, **described)
        versioned = f"/v2/models/{{name}}/versions/{{version}}{path}"
        router.add_api_route(versioned, endpoint, methods=[method], include_in_schema=False)
        return endpoint

    return register


@router.get("/v2/health/live", summary="Open inference: the front answers")
async def get_live() -> Alive:
    """Says nothing of the engines."""
    return Alive()


@router.get(
    "/v2/health/ready",
    summary="Open inference: an engine is warmed up",
    responses=raises(NotReady, open_inference=True),
)
async def get_ready(state: StateOf) -> ServerReady:
    """200 when inferences are served."""
    _require_ready(state)
    return ServerReady()


def _require_ready(state: State) -> None:
    reason = not_ready_reason(state, state.engines.states())
    if reason is not None:
        raise NotReady(f"{reason[0].upper()}{reason[1:]}.", (), state.engines.seconds_until_ready())


@router.get("/v2", summary="Open inference: the server and its extensions")
async def get_server() -> ServerMetadata:
    """What is running, and which extensions of the protocol it speaks."""
    return ServerMetadata(name="layerscope", version=version("layerscope"), extensions=list(EXTENSIONS))


@router.get("/v2/models/stats", summary="Open inference: statistics of every model")
async def get_all_statistics(state: StateOf) -> Statistics:
    """Counts and times since the service started, of every registered model."""
    return _statistics(state, state.loaded_models.names())


def _statistics(state: State, names: list[str]) -> Statistics:
    return Statistics.model_validate(
        {"model_stats": [state.loaded_models.statistics(name).json(name) for name in names]}
    )


@model_route("GET", "/stats", summary="Open inference: statistics of a model")
async def get_statistics(state: StateOf, name: Name) -> Statistics:
    """Counts and times since the service started."""
    return _statistics(state, [(await find_entry(state.store, name)).name])


@model_route("GET", "/ready", InvalidOption, NotReady, summary="Open inference: a model is ready")
async def get_model_ready(state: StateOf, name: Name) -> ModelReady:
    """200 when the model is loaded, as registered ones are until somebody unloads them, and an engine is warmed up."""
    state.loaded_models.require_loaded((await find_entry(state.store, name)).name)
    _require_ready(state)
    return ModelReady(name=name)


@model_route("GET", "", InvalidDocument, *ENGINE_ERRORS, summary="Open inference: a model's inputs and outputs")
async def get_metadata(state: StateOf, name: Name) -> ModelMetadata:
    """Names, datatypes and shapes. Beside the outputs listed, every address of a layer can be asked for."""
    async with checkout(state.store, name) as checked_out:
        return await metadata(state, name, checked_out)


@model_route("GET", "/config", InvalidDocument, *ENGINE_ERRORS, summary="Open inference: a model's configuration")
async def get_configuration(state: StateOf, name: Name) -> ModelConfiguration:
    """The model as Triton's configuration describes it, without the batch in its shapes."""
    async with checkout(state.store, name) as checked_out:
        return await configuration(state, name, checked_out)


@model_route(
    "POST", "/infer",
    Unparsable, WrongDigest, SlowBody, TooLarge, InvalidDocument, InvalidTensor, InvalidImage, InvalidOption,
    UnknownAddress, Unsupported, UnsupportedEncoding, *ENGINE_ERRORS,
    summary="Open inference: run a model",
    replies=infer_replies(), openapi_extra=infer_body(), response_model=None,
)  # fmt: skip
async def post_infer(request: Request, state: StateOf, name: Name) -> Response:
    """Runs the model and returns the outputs asked for: addresses of layers, or the model's own outputs."""
    entry = await find_entry(state.store, name)
    state.loaded_models.require_loaded(entry.name)
    with state.loaded_models.statistics(entry.name).measure() as watch:
        async with checkout(state.store, name) as checked_out:
            return await infer(request, state, name, checked_out.model, watch)

"""FastAPI application factory: state, routes, middleware, error handlers, OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from fastapi.telemetry import TelemetryConfig
from starlette.concurrency import run_in_threadpool
from starlette.types import Lifespan

from models.store.opening import list_models, open_store
from models.store.store import ModelStore
from service.access.authentication import Authenticator
from service.access.control import AccessControl
from service.access.hosts import Hosts, hosts_in
from service.access.origins import Origins, origins_of
from service.access.quotas import Quotas
from service.edge.body_limit import BodyLimit
from service.edge.compression import Compression
from service.edge.constant_headers import headers_always
from service.edge.content_digest import ContentDigest
from service.edge.drain import DrainState
from service.edge.head_method import HeadAsGet
from service.edge.middleware import EdgeMiddleware
from service.edge.refusals import Refusals
from service.edge.request_coding import RequestCoding
from service.edge.unhandled import UnhandledErrors
from service.engines.client import Engines
from service.engines.pool import EnginePool
from service.errors import handlers as errors
from service.handlers.fixed_models import read_fixed_models
from service.handlers.metrics import ServiceGauges
from service.observing.access_log import AccessLog
from service.observing.metrics import Metrics
from service.observing.route_templates import RouteTemplates
from service.observing.tracing import Tracing
from service.open_inference import repository_routes as model_repository
from service.open_inference import routes as open_inference
from service.openapi.components import components
from service.openapi.security import add_security
from service.options.query import known_query
from service.registry.loaded import LoadedModels
from service.registry.pretrained import Pretrained
from service.registry.resolver import ModelResolver
from service.requests.decode_memory import DecodeMemory
from service.requests.upload_permits import UploadPermits
from service.routes import (
    activations,
    arithmetic,
    comparisons,
    diagnoses,
    docs,
    explanations,
    health,
    layers,
    models,
    page,
    plan,
    weights,
)
from service.routes import metrics as metrics_route
from service.routes.fast_route import install_fast_routes
from service.settings import Settings
from service.state import State

NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI would look up OpenTelemetry's global providers at every request; this service sets none."""
DESCRIPTION = "Opens a Keras network up: post a picture and a layer config, get every layer's activations."


def create_app(  # noqa: PLR0913, PLR0917 (what the server makes before it)
    settings: Settings,
    engines: Engines | None = None,
    opened: ModelStore | None = None,
    drain: DrainState | None = None,
    keys: Authenticator | None = None,
    tracing: Tracing | None = None,
    built_page: Path = page.BUILT,
) -> FastAPI:
    """Build the application. `engines` replaces the local engine pool; an `opened` store is closed on shutdown; without
    `keys` none are needed, and without `tracing` no traces are exported. `built_page` is the
    folder of the page's files.
    """
    metrics = Metrics([name.strip() for name in settings.metrics_models.split(",")])
    observers = [metrics.observe] if tracing is None else [metrics.observe, tracing.observe]
    templates = RouteTemplates()
    access_log = AccessLog(settings.log, observers=observers, templates=templates)
    app = FastAPI(
        title="Layerscope", version=version("layerscope"), description=DESCRIPTION,
        lifespan=_lifespan(settings, engines, opened, drain, access_log),
        docs_url=None, redoc_url=None, swagger_ui_oauth2_redirect_url=None,
        generate_unique_id_function=lambda route: route.name,  # the operation's name in generated clients
        telemetry=NO_TELEMETRY,
    )  # fmt: skip
    _include_routes(app, built_page)
    templates.add(route.path for route in iter_route_contexts(app.routes) if route.path)
    errors.install(app)
    origins = Origins(origins_of(settings.origins, settings.host))
    access = AccessControl(
        origins, Hosts(hosts_in(settings.hosts), settings.host), keys or Authenticator(None), Quotas()
    )
    _add_middleware(app, settings, access, access_log)
    app.state.metrics, app.state.access = metrics, access
    app.state.refusals = Refusals(origins, access_log, headers_always(settings.instance_name))
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    return app


def _lifespan(
    settings: Settings,
    engines: Engines | None,
    opened: ModelStore | None,
    drain: DrainState | None,
    access_log: AccessLog,
) -> Lifespan[FastAPI]:
    """Return the context manager in which the application runs, with its state."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = opened if opened is not None else await run_in_threadpool(_open_store, settings)
        quotas = app.state.access.quotas
        state = new_state(settings, engines or EnginePool(settings), store, drain or DrainState(), quotas)
        app.state.layerscope = state
        await state.engines.start()
        app.state.metrics.watch(ServiceGauges(state))
        reading = asyncio.create_task(read_fixed_models(state))
        yield
        reading.cancel()
        await state.resolver.close()
        await state.engines.stop()
        await run_in_threadpool(store.close)
        await access_log.close()

    return lifespan


def _open_store(settings: Settings) -> ModelStore:
    return open_store(settings.data_dir, settings.sharing, list_models(settings.models))


def new_state(settings: Settings, engines: Engines, store: ModelStore, drain: DrainState, quotas: Quotas) -> State:
    """Return the state of an application."""
    resolver = ModelResolver(engines, Pretrained(settings, store))
    uploads, memory = UploadPermits(settings.max_uploads), DecodeMemory(int(settings.decode_memory))
    return State(settings, engines, store, uploads, resolver, LoadedModels(store), memory, drain, quotas)


def _include_routes(app: FastAPI, built_page: Path) -> None:
    for route in (activations, explanations, comparisons, diagnoses, arithmetic, plan, layers, models, weights):
        app.include_router(route.router, dependencies=[Depends(known_query)])
    for route in (open_inference, model_repository, health, metrics_route, docs):
        app.include_router(route.router)
    app.include_router(page.router_of(built_page))
    install_fast_routes(
        app,
        [activations.router, models.router, open_inference.router],
        [activations.post_activations, models.post_model_activations, open_inference.post_infer],
        bypassed=[open_inference.model_name],
    )
    app.mount("/swagger", docs.FILES)


def _add_middleware(app: FastAPI, settings: Settings, access: AccessControl, access_log: AccessLog) -> None:
    """Add the middleware, innermost first."""
    app.add_middleware(RequestCoding)
    app.add_middleware(Compression)
    app.add_middleware(ContentDigest)
    app.add_middleware(BodyLimit, settings=settings)
    app.add_middleware(UnhandledErrors)
    app.add_middleware(HeadAsGet)
    always = headers_always(settings.instance_name)
    app.add_middleware(EdgeMiddleware, access=access, log=access_log, always=always)


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, including the schemas of model documents."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _remove_framework_errors(schema)
        add_security(schema)
        schema["components"]["schemas"] |= components()
        app.openapi_schema = schema
    return app.openapi_schema


def _remove_framework_errors(schema: dict[str, Any]) -> None:
    """Remove FastAPI's default 422 responses: this service declares its own, in another shape."""
    for operation in (operation for path in schema["paths"].values() for operation in path.values()):
        if "application/json" in operation["responses"].get("422", {}).get("content", {}):
            del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)

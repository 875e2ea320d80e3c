"""The application: state, routes, errors, documentation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import fastapi_swagger
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from models.store import ModelStore
from service import errors
from service.body_limit import BodyLimit
from service.contract import components
from service.engines import Engines, LocalEngines
from service.request_id import RequestId
from service.routes import activations, health, layers, models, plan
from service.settings import Settings
from service.state import State

DESCRIPTION = "Opens a Keras network up: post a picture and a layer config, get every layer's activations."


def create_app(settings: Settings, engines: Engines | None = None) -> FastAPI:
    """The service. `engines` stands in for processes on this machine."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = ModelStore(settings.data_dir)
        store.open()
        running = engines if engines is not None else LocalEngines(settings)
        app.state.layerscope = State(settings, running, store)
        await running.start()
        yield
        await running.stop()

    app = FastAPI(
        title="Layerscope", version=version("layerscope"), description=DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None, swagger_ui_oauth2_redirect_url=None,
    )  # fmt: skip
    for route in (activations, plan, layers, models, health):
        app.include_router(route.router)
    fastapi_swagger.patch_fastapi(app, redirect_from_root_to_docs=False)
    errors.install(app)
    app.add_middleware(BodyLimit, settings=settings)
    app.add_middleware(RequestId)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    return app


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the schemas of model documents in it."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schema["components"]["schemas"] |= components()
        app.openapi_schema = schema
    return app.openapi_schema

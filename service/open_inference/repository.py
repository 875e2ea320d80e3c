"""The model repository extension: loading of registered models. `PUT /v1/models/{name}` registers them."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from models.errors import InvalidOption, NotFound, shown
from models.store.entries import Entry
from service.open_inference.schemas import IndexEntry
from service.registry import lookup
from service.registry.loaded import LoadedModels
from service.registry.statistics import VERSION
from service.requests.body import parse_json, read_body
from service.state import State

UNLOADED = "unloaded"


def index_of(loaded_models: LoadedModels, name: str) -> IndexEntry:
    """Return the index entry of one registered model."""
    if loaded_models.is_loaded(name):
        return IndexEntry(name=name, version=VERSION, state="READY")
    return IndexEntry(name=name, version=VERSION, state="UNAVAILABLE", reason=UNLOADED)


def index(loaded_models: LoadedModels, only_ready: bool) -> list[IndexEntry]:
    """Return the index of all registered models; a damaged one has its problem as the reason."""
    known = [
        index_of(loaded_models, name)
        for name in loaded_models.names()
        if loaded_models.is_loaded(name) or not only_ready
    ]
    damaged = {} if only_ready else loaded_models.damaged()
    return known + [
        IndexEntry(name=name, version=VERSION, state="UNAVAILABLE", reason=reason) for name, reason in damaged.items()
    ]


async def body_object(request: Request) -> dict[str, Any]:
    """Parse the JSON object of a request; empty without a body.

    Raises:
        InvalidOption: the body is not an object.
    """
    body = await read_body(request)
    raw = parse_json(body) if body else {}
    if not isinstance(raw, dict):
        raise InvalidOption.at("", "the body is not an object", expected="an object, or no body", received=shown(raw))
    return raw


def parameters_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the `parameters` of a request to load or unload.

    Raises:
        InvalidOption: they are not an object.
    """
    parameters = raw.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidOption.at(
            "/parameters", "parameters are an object", expected="an object", received=shown(parameters)
        )
    return parameters


async def find_entry(state: State, name: str) -> Entry:
    """Find the entry of a name or id.

    Raises:
        InvalidOption: there is none; Triton also replies with 400.
    """
    try:
        return await lookup.find_entry(state.store, name)
    except NotFound as error:
        raise InvalidOption(error.detail, error.problems) from None


def refuse_models(parameters: dict[str, Any]) -> None:
    """Raise InvalidOption if a request to load a model includes its configuration or files."""
    for key in parameters:
        if key == "config" or key.startswith("file:"):
            message = f"{key[:60]} is not read here: the model is what was registered"
            advice = "PUT /v1/models/{name} registers a document, with weights if you like"
            raise InvalidOption.at(
                "/parameters", message, expected="no config and no files", received=shown(key), suggestion=advice
            )

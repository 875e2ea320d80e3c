"""The model repository extension: which registered models are loaded. Registering them is `PUT /v1/models/{name}`."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from models.errors import InvalidOption, NotFound, Problem, shown
from models.store.entries import Entry
from service.open_inference.schemas import IndexEntry
from service.registry.loaded import VERSION, LoadedModels
from service.requests.body import parse_json
from service.state import State

UNLOADED = "unloaded"


def index_of(served: LoadedModels, name: str) -> IndexEntry:
    """One registered model."""
    if served.is_loaded(name):
        return IndexEntry(name=name, version=VERSION, state="READY")
    return IndexEntry(name=name, version=VERSION, state="UNAVAILABLE", reason=UNLOADED)


def index(served: LoadedModels, only_ready: bool) -> list[IndexEntry]:
    """Every registered model; of a name whose file is damaged, what is wrong with it."""
    known = [index_of(served, name) for name in served.names() if served.is_loaded(name) or not only_ready]
    damaged = {} if only_ready else served.damaged()
    return known + [
        IndexEntry(name=name, version=VERSION, state="UNAVAILABLE", reason=reason) for name, reason in damaged.items()
    ]


async def sent_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request; empty without a body.

    Raises:
        InvalidOption: it is something else.
    """
    body = await request.body()
    raw = parse_json(body) if body else {}
    if not isinstance(raw, dict):
        raise InvalidOption("", [Problem("", "the body is not an object", "an object, or no body", shown(raw))])
    return raw


def parameters_of(raw: dict[str, Any]) -> dict[str, Any]:
    """The `parameters` of a request to load or unload.

    Raises:
        InvalidOption: they are no object.
    """
    parameters = raw.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidOption("", [Problem("/parameters", "parameters are an object", "an object", shown(parameters))])
    return parameters


def registered(state: State, name: str) -> Entry:
    """The entry of a name or id.

    Raises:
        InvalidOption: there is none; Triton, too, answers 400.
    """
    try:
        return state.store.find(name)
    except NotFound as error:
        raise InvalidOption(error.detail, error.problems) from None


def refuse_models(parameters: dict[str, Any]) -> None:
    """Raises InvalidOption: a model's configuration or files come with a request to load it."""
    for key in parameters:
        if key == "config" or key.startswith("file:"):
            message = f"{key[:60]} is not read here: the model is what was registered"
            advice = "PUT /v1/models/{name} registers a document, with weights if you like"
            raise InvalidOption("", [Problem("/parameters", message, "no config and no files", shown(key), advice)])

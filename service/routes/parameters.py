"""Parameters and responses that the routes of registered models share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path
from starlette.responses import Response

from models.documents.notes import notes_json
from models.errors import InvalidOption, shown
from models.limits import NAME
from models.store.entries import entry_json
from service.handlers.registration import Registration
from service.openapi.model_schemas import RegisteredModel


async def _valid_name(
    name: Annotated[str, Path(description=f"A name to register under: `{NAME.pattern}`.", examples=["digits"])],
) -> str:
    if NAME.fullmatch(name):
        return name
    expected = "1 to 64 letters, digits, dots, underscores and hyphens, the first a letter or digit"
    raise InvalidOption.at("/name", "a model cannot have this name", expected=expected, received=shown(name))


Name = Annotated[str, Depends(_valid_name)]
Reference = Annotated[str, Path(description="A name, or an id `sha256:…`.", examples=["digits"])]


def refuse_model(raw: Any) -> None:
    """Raise InvalidOption for a model in the body of a route whose path names it."""
    if raw is not None:
        message, expected = "the model is named by the path", "no model in the body"
        raise InvalidOption.at("/model", message, expected=expected, received="a model")


def put_response(registration: Registration) -> Response:
    """Build the response to a PUT: the model's location, ID and entry."""
    entry = registration.entry
    reply = RegisteredModel(**entry_json(entry), **notes_json(registration.notes))
    content = reply.model_dump_json(exclude=None if reply.notes else {"notes"})
    headers = {"Location": f"/v1/models/{entry.name}"}
    return Response(content, 201 if registration.is_new else 200, headers, "application/json")

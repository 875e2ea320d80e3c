"""Responses that the framework cannot infer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from service.openapi.activation_schemas import ActivationsReply, WeightsReply
from service.openapi.components import DOCUMENT_REF
from service.openapi.document_schemas import reference
from service.openapi.model_schemas import RegisteredModel
from service.options.field_names import MODEL_HEADER
from service.wire.format import Format
from service.wire.formats import ACTIVATION_FORMATS, JSON, WEIGHT_FORMATS

REGISTERED: dict[int | str, dict[str, Any]] = {
    200: {"model": RegisteredModel, "description": "Replaced."},
    201: {
        "model": RegisteredModel,
        "description": "Registered.",
        "headers": {"Location": {"description": "Where it is.", "schema": {"type": "string"}}},
    },
}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has this reply already."}}
IF_NONE_MATCH: dict[str, Any] = {
    "parameters": [{"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"},
                    "description": "ETags of replies that the client has."}],
}  # fmt: skip
MODEL_ID: dict[str, Any] = {
    MODEL_HEADER: {
        "description": "The id of a document in the request; requests that send it back can be kept on one instance.",
        "schema": {"type": "string"},
    }
}
MODEL_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The graph; or as asked, the document, Keras' JSON or a table.",
        "content": {
            "application/json": {
                "schema": {"anyOf": [reference("ModelSummary"), DOCUMENT_REF, reference("KerasModel")]}
            },
            "text/plain": {"schema": {"type": "string"}},
        },
    }
}


def activations_replies() -> dict[int | str, dict[str, Any]]:
    """Return the 200 response of a route that returns activations, in every format."""
    return analysis_replies(ActivationsReply, "Every layer asked for.")


def analysis_replies(model: type[BaseModel], description: str) -> dict[int | str, dict[str, Any]]:
    """Return the 200 response of a route that runs a network, in every format; `model` is that in JSON."""
    content = reply_content(ACTIVATION_FORMATS)
    return {200: {"model": model, "description": description, "content": content, "headers": MODEL_ID}}


def reply_content(formats: Sequence[Format]) -> dict[str, Any]:
    """Return the content of a reply in formats other than JSON, which has a model."""
    return {format.media_type: {"schema": dict(format.schema)} for format in formats if format is not JSON}


def weights_replies() -> dict[int | str, dict[str, Any]]:
    """Return the 200 response of a route that returns weights, in every format."""
    content = reply_content(WEIGHT_FORMATS)
    return {200: {"model": WeightsReply, "description": "Every weight asked for.", "content": content}} | NOT_MODIFIED

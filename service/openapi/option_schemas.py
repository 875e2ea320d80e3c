"""What OpenAPI says of options: JSON keys, query parameters and form fields of the same names and meanings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from models.documents.json_schema import schema_of
from service.openapi.document_schemas import reference
from service.options.activation import ActivationOptions

IN_JSON_ALONE = ("object", "null")
"""Types of options that a query or form writes as JSON text, or leaves out."""


def option_schemas() -> dict[str, Any]:
    """Each option by the name of its component."""
    return {_component(name): schema for name, schema in schema_of(ActivationOptions)["properties"].items()}


def option_properties(options: type[BaseModel] = ActivationOptions) -> dict[str, Any]:
    """Options as keys of a JSON object."""
    return {
        name: reference(_component(name)) if name in ActivationOptions.model_fields else schema
        for name, schema in schema_of(options)["properties"].items()
    }


def option_fields() -> dict[str, Any]:
    """Options as fields of a form."""
    return {name: _as_text(schema) for name, schema in schema_of(ActivationOptions)["properties"].items()}


def option_parameters(options: type[BaseModel] = ActivationOptions) -> list[dict[str, Any]]:
    """Options as query parameters, which the route reads by itself."""
    return [
        {"name": name, "in": "query", "required": False, "description": schema["description"],
         "schema": {key: value for key, value in _as_text(schema).items() if key != "description"}}
        for name, schema in schema_of(options)["properties"].items()
    ]  # fmt: skip


def _component(name: str) -> str:
    return f"{name.title()}Option"


def _as_text(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without what only JSON can say."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm.get("type") not in IN_JSON_ALONE]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(arms) > 1:
        return {"anyOf": arms, **rest}
    return {**arms[0], **rest} if arms else rest

"""OpenAPI of the protocol's bodies, which are parsed by hand: its clients send no Content-Type of JSON."""

from __future__ import annotations

from typing import Any

from models.documents.json_schema import schema_of
from service.open_inference.request import InferRequest
from service.open_inference.schemas import InferReply
from service.openapi.examples import SMALL_INPUT
from service.wire.format import BINARY

INFER_EXAMPLE = {
    "inputs": [{"name": "input", "shape": SMALL_INPUT["shape"], "datatype": "FP32", "data": SMALL_INPUT["data"]}],
    "outputs": [{"name": "conv2d", "parameters": {"reduce": "mean@h,w"}}, {"name": "dense"}],
}
BODY_OF_BYTES = (
    "JSON and the bytes of the tensors behind it; `Inference-Header-Content-Length` says how long the JSON is."
)


def infer_body() -> dict[str, Any]:
    """Return the request body of an inference."""
    json_body = {"schema": _inlined(schema_of(InferRequest)),
                 "examples": {"tensor": {"summary": "A 4×4 picture as numbers", "value": INFER_EXAMPLE}}}  # fmt: skip
    binary = {"schema": {"description": BODY_OF_BYTES, **BINARY}}
    return {"requestBody": {"required": True, "content": {"application/json": json_body,
                                                          "application/octet-stream": binary}}}  # fmt: skip


def infer_replies() -> dict[int | str, dict[str, Any]]:
    """Return the response 200 of an inference."""
    content = {"application/octet-stream": {"schema": {"description": BODY_OF_BYTES, **BINARY}}}
    return {200: {"model": InferReply, "description": "The outputs asked for.", "content": content}}


def small_body(description: str, name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return an optional request body that is an object."""
    body = {"schema": {"type": "object", "description": description}, "examples": {name: {"value": value}}}
    return {"requestBody": {"required": False, "content": {"application/json": body}}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Inline the definitions of a schema."""
    definitions = schema.get("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return resolve(definitions[value["$ref"].rpartition("/")[2]])
        return {key: resolve(item) for key, item in value.items() if key != "$defs"}

    inlined: dict[str, Any] = resolve(schema)
    return inlined

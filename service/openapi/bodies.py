"""Request bodies that the framework cannot infer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from service.openapi.components import INPUTS_SCHEMA, MODEL_SCHEMA
from service.openapi.examples import RUN_EXAMPLE, SMALL_DOCUMENT, SMALL_INPUT
from service.openapi.option_schemas import option_fields, option_parameters, option_properties
from service.openapi.replies import IF_NONE_MATCH
from service.options.activation import ActivationOptions
from service.wire.format import BINARY
from service.wire.formats import NPZ, SAFETENSORS, TENSOR_TYPES

ANY_FILE = {"description": "A picture or a file of tensors is input under any name.", **BINARY}
ANY_WEIGHTS = {"description": "A file of weights is read under any name; one in all.", **BINARY}
INPUT_TYPES = ("image/*", *TENSOR_TYPES)
WEIGHTS_FILE = (
    "A .safetensors, .npz, .h5, .weights.h5 or .keras file, or a SavedModel folder in a .zip, .tar or .tar.gz; "
    "recognised by its bytes."
)

LABELS_TEXT = (
    "Names of the output's units, UTF-8: one on each line, `0 cat` on each as Teachable Machine writes, or JSON as in "
    "a document."
)


def activations_body(inline: bool) -> dict[str, Any]:
    """Return the request body and parameters of a route that runs a network; `inline`: with the model in the body."""
    example = RUN_EXAMPLE if inline else {"inputs": SMALL_INPUT, "layers": ["conv2d", "dense"]}
    return analysis_body(ActivationOptions, example, inline)


def analysis_body(
    options: type[BaseModel], example: dict[str, Any], inline: bool, required: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the request body and parameters of a route that runs a network with these options; `required` fields are
    by default the model and the inputs.
    """
    needed = required if required is not None else ["model", "inputs"] if inline else ["inputs"]
    json_body, form = _run_json(options, example, inline, needed), _run_form(options, inline, needed)
    content: dict[str, Any] = {"application/json": json_body, "multipart/form-data": {"schema": form}}
    if not inline:
        content |= {content_type: {"schema": BINARY} for content_type in INPUT_TYPES}
    parameters = option_parameters(options) + ([] if inline else IF_NONE_MATCH["parameters"])
    return {"requestBody": {"required": True, "content": content}, "parameters": parameters}


def _run_json(
    options: type[BaseModel], example: dict[str, Any], inline: bool, required: Sequence[str]
) -> dict[str, Any]:
    model = {"model": MODEL_SCHEMA} if inline else {}
    example = {key: value for key, value in example.items() if key != "model" or inline}
    schema = {
        "type": "object",
        "required": list(required),
        "properties": {**model, "inputs": INPUTS_SCHEMA, **option_properties(options)},
        "additionalProperties": False,
    }
    return {"schema": schema, "examples": {"tensor": {"summary": "A 4×4 picture as numbers", "value": example}}}


def _run_form(options: type[BaseModel], inline: bool, required: Sequence[str]) -> dict[str, Any]:
    needed = [name for name in required if name != "inputs"]
    model = {"model": {"description": "The document as JSON: text or a file.", "type": "string"}} if inline else {}
    return {
        "type": "object",
        "properties": {
            "image": {
                "description": "An image for the one input that nothing else names; several make a batch.",
                "type": "array",
                "items": BINARY,
            },
            "tensor": {"description": "A .npy file, or a .npz or .safetensors file of inputs by name.", **BINARY},
            "inputs": {"description": "Tensors as JSON, or an object of them by input name.", "type": "string"},
            **model,
            **option_fields(options),
        },
        "patternProperties": {
            "^inputs\\.": {
                "description": "One input by its name, as `inputs.left`: an image (several make a batch), a tensor "
                "file, or a tensor as JSON.",
            }
        },
        "additionalProperties": ANY_FILE,
        **({"required": needed} if needed else {}),
    }


def model_body() -> dict[str, Any]:
    """Return the request body that registers a model."""
    form = {
        "type": "object",
        "properties": {
            "model": {"description": "The document as JSON: text or a file. Left out with a .keras file.",
                      "type": "string"},
            "weights": {"description": WEIGHTS_FILE, **BINARY},
            "labels": {"description": LABELS_TEXT, "type": "string"},
        },
        "additionalProperties": ANY_WEIGHTS,
    }  # fmt: skip
    json_body = {"schema": MODEL_SCHEMA, "examples": {"tiny": {"value": SMALL_DOCUMENT}}}
    content = {"application/json": json_body, "multipart/form-data": {"schema": form},
               "application/octet-stream": {"schema": {"description": "A .keras file.", **BINARY}}}  # fmt: skip
    return {"requestBody": {"required": True, "content": content}}


def weights_body() -> dict[str, Any]:
    """Return the request body that replaces the weights of a model."""
    properties = {"weights": {"description": WEIGHTS_FILE, **BINARY}}
    form = {"type": "object", "minProperties": 1, "properties": properties, "additionalProperties": ANY_WEIGHTS}
    content_types = (SAFETENSORS.media_type, NPZ.media_type, "application/octet-stream")
    content = {content_type: {"schema": {"description": WEIGHTS_FILE, **BINARY}} for content_type in content_types}
    return {"requestBody": {"required": True, "content": {**content, "multipart/form-data": {"schema": form}}}}

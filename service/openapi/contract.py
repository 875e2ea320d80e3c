"""OpenAPI declarations of bodies and replies that the framework cannot infer, with working examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from models.errors import (
    DeadlineExceeded,
    DeviceMemory,
    Draining,
    EngineLost,
    InvalidDocument,
    InvalidImage,
    InvalidOption,
    InvalidTensor,
    ModelDamaged,
    NoGpu,
    NotFound,
    NotReady,
    Overloaded,
    Quarantined,
    SlowBody,
    StoreFull,
    StoreReadOnly,
    StoreUnreachable,
    TooLarge,
    Unacceptable,
    UnknownAddress,
    Unparsable,
    UnsupportedMedia,
    WrongDigest,
)
from models.reading.applications import FAMILIES
from service.errors.problem import OpenInferenceProblem, ProblemDocument
from service.openapi.document_schemas import COMPONENT, document_schemas, reference
from service.openapi.option_schemas import option_fields, option_parameters, option_properties, option_schemas
from service.openapi.schemas import ActivationsReply, ModelEntry, ModelSummary, WeightsReply
from service.wire.format import BINARY, Format
from service.wire.formats import ACTIVATION_FORMATS, JSON, NPZ, SAFETENSORS, WEIGHT_FORMATS

ENGINE_ERRORS = (
    NotReady, Overloaded, Draining, EngineLost, DeviceMemory, NoGpu, DeadlineExceeded, Quarantined,
)  # fmt: skip
BODY_ERRORS = (Unparsable, WrongDigest, SlowBody, TooLarge, UnsupportedMedia)
STORE_ERRORS = (StoreFull, StoreReadOnly, StoreUnreachable)
"""Errors of routes that change the store."""
MODEL_ERRORS = (NotFound, ModelDamaged, StoreUnreachable)
"""Errors of routes that read a registered model."""
ACTIVATION_ERRORS = (
    *BODY_ERRORS, Unacceptable, InvalidDocument, InvalidTensor, InvalidImage, InvalidOption, UnknownAddress,
    *ENGINE_ERRORS,
)  # fmt: skip

ANY_FILE = {"description": "A picture or a file of tensors is input under any name.", **BINARY}
ANY_WEIGHTS = {"description": "A file of weights is read under any name; one in all.", **BINARY}
WEIGHTS_FILE = "A .safetensors, .npz, .weights.h5 or .keras file; recognised by its bytes."
REGISTERED: dict[int | str, dict[str, Any]] = {
    200: {"model": ModelEntry, "description": "Replaced."},
    201: {
        "model": ModelEntry,
        "description": "Registered.",
        "headers": {"Location": {"description": "Where it is.", "schema": {"type": "string"}}},
    },
}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has this reply already."}}
IF_NONE_MATCH: dict[str, Any] = {
    "parameters": [{"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"},
                    "description": "ETags of replies that the client has."}],
}  # fmt: skip
DOCUMENT_REF = reference("Document")
APPLICATION_REFS = [reference(family.__name__) for family in FAMILIES]
KERAS_MODEL = {
    "title": "KerasModel",
    "description": "What `model.to_json()` of Keras 3 gives.",
    "type": "object",
    "required": ["class_name", "config"],
    "properties": {"class_name": {"type": "string"}, "config": {"type": "object"}},
}
TENSORFLOW_JS_MODEL = {
    "title": "TensorFlowJSModel",
    "description": "TensorFlow.js' model.json of a layers-model, or what stands under its modelTopology.",
    "type": "object",
    "anyOf": [{"required": ["modelTopology"]}, {"required": ["model_config"]}],
    "properties": {"modelTopology": {"type": "object"}, "model_config": reference("KerasModel")},
}
MODEL_SCHEMA = {
    "description": "A model document, its list of layers alone, a network of keras.applications, Keras' own JSON or "
    "TensorFlow.js' model.json; also as text.",
    "anyOf": [DOCUMENT_REF, {"type": "array", "items": reference("Layer"), "minItems": 1}, *APPLICATION_REFS,
              reference("KerasModel"), reference("TensorFlowJSModel"),
              {"type": "string", "contentMediaType": "application/json"}],
}  # fmt: skip
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
TENSOR_SCHEMA = reference("Tensor")
INPUTS_SCHEMA = {
    "description": "One tensor, or an object of tensors by input name.",
    "anyOf": [TENSOR_SCHEMA, {"type": "object", "additionalProperties": TENSOR_SCHEMA}],
}
PICTURE = {"type": "string", "contentEncoding": "base64"}
TENSOR_COMPONENT = {
    "title": "Tensor",
    "description": "A nested array; or flat data with its shape; or little-endian bytes; or image files, also as an "
    "array of objects.",
    "anyOf": [
        {"type": "array", "items": {}},
        {"type": "number"},
        {"type": "object", "required": ["data"], "properties": {
            "shape": {"type": "array", "items": {"type": "integer"}}, "dtype": {"type": "string"},
            "data": {"type": "array", "items": {}}}},
        {"type": "object", "required": ["shape", "dtype", "base64"], "properties": {
            "shape": {"type": "array", "items": {"type": "integer"}}, "dtype": {"type": "string"},
            "base64": {"type": "string", "contentEncoding": "base64"}}},
        {"type": "object", "required": ["image"], "properties": {"image": {"anyOf": [
            PICTURE, {"type": "array", "items": PICTURE, "description": "A batch."}]}}},
    ],
}  # fmt: skip

SMALL_DOCUMENT: dict[str, Any] = {
    "name": "tiny",
    "input": [4, 4, 1],
    "layers": [
        {"type": "Conv2D", "filters": 2, "kernel_size": 3, "padding": "same", "activation": "relu"},
        {"type": "MaxPooling2D"},
        {"type": "Flatten"},
        {"type": "Dense", "units": 2, "activation": "softmax"},
    ],
}
SMALL_INPUT = {"shape": [1, 4, 4, 1], "data": list(range(16))}
RUN_EXAMPLE = {"model": SMALL_DOCUMENT, "inputs": SMALL_INPUT, "layers": ["conv2d", "dense"]}
PLAN_EXAMPLE = {
    "model": {"input": [1920, 1080, 3], "layers": [{"type": "Conv2D", "filters": 16, "kernel_size": 5, "strides": 5}]},
    "batch": 64,
}


def activations_body(inline: bool) -> dict[str, Any]:
    """Return the request body and parameters of a route that runs a network; `inline`: with the model in the body."""
    model = {"model": MODEL_SCHEMA} if inline else {}
    example = RUN_EXAMPLE if inline else {"inputs": SMALL_INPUT, "layers": ["conv2d", "dense"]}
    json_body = {
        "schema": {
            "type": "object",
            "required": [*model, "inputs"],
            "properties": {**model, "inputs": INPUTS_SCHEMA, **option_properties()},
            "additionalProperties": False,
        },
        "examples": {"tensor": {"summary": "A 4×4 picture as numbers", "value": example}},
    }
    form = {
        "schema": {
            "type": "object",
            "properties": {
                "image": {
                    "description": "An image for the one input that nothing else names; several make a batch.",
                    "type": "array",
                    "items": BINARY,
                },
                "tensor": {"description": "A .npy file, or a .npz or .safetensors file of inputs by name.", **BINARY},
                "inputs": {"description": "Tensors as JSON, or an object of them by input name.", "type": "string"},
                **(
                    {"model": {"description": "The document as JSON: text or a file.", "type": "string"}}
                    if inline
                    else {}
                ),
                **option_fields(),
            },
            "patternProperties": {
                "^inputs\\.": {
                    "description": "One input by its name, as `inputs.left`: an image (several make a batch), a tensor "
                    "file, or a tensor as JSON.",
                }
            },
            "additionalProperties": ANY_FILE,
            **({"required": ["model"]} if inline else {}),
        }
    }
    raw = {} if inline else {kind: {"schema": BINARY} for kind in ("image/*", "application/x-npy", "application/x-npz",
                                                                   "application/vnd.safetensors")}  # fmt: skip
    content = {"application/json": json_body, "multipart/form-data": form, **raw}
    parameters = option_parameters() + ([] if inline else IF_NONE_MATCH["parameters"])
    return {"requestBody": {"required": True, "content": content}, "parameters": parameters}


def activations_replies() -> dict[int | str, dict[str, Any]]:
    """Return the 200 response of a route that runs a network, in every format."""
    content = reply_content(ACTIVATION_FORMATS)
    return {200: {"model": ActivationsReply, "description": "Every layer asked for.", "content": content}}


def reply_content(formats: Sequence[Format]) -> dict[str, Any]:
    """Return the content of a reply in formats other than JSON, which has a model."""
    return {format.media_type: {"schema": dict(format.schema)} for format in formats if format is not JSON}


def model_body() -> dict[str, Any]:
    """Return the request body that registers a model."""
    form = {
        "type": "object",
        "properties": {
            "model": {"description": "The document as JSON: text or a file. Left out with a .keras file.",
                      "type": "string"},
            "weights": {"description": WEIGHTS_FILE, **BINARY},
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
    kinds = (SAFETENSORS.media_type, NPZ.media_type, "application/octet-stream")
    content = {kind: {"schema": {"description": WEIGHTS_FILE, **BINARY}} for kind in kinds}
    return {"requestBody": {"required": True, "content": {**content, "multipart/form-data": {"schema": form}}}}


def weights_replies() -> dict[int | str, dict[str, Any]]:
    """Return the 200 response of a route that returns weights, in every format."""
    content = reply_content(WEIGHT_FORMATS)
    return {200: {"model": WeightsReply, "description": "Every weight asked for.", "content": content}} | NOT_MODIFIED


def components() -> dict[str, Any]:
    """Return the schemas that the framework does not find in the routes' signatures."""
    replies: list[Any] = [(reply, "serialization") for reply in (ProblemDocument, OpenInferenceProblem, ModelSummary)]
    _, schema = models_json_schema(replies, ref_template=COMPONENT)
    own = {"Tensor": TENSOR_COMPONENT, "KerasModel": KERAS_MODEL, "TensorFlowJSModel": TENSORFLOW_JS_MODEL}
    return {**document_schemas(), **option_schemas(), **schema["$defs"], **own}

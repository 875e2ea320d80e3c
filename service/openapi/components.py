"""Schemas of models and tensors, which the framework does not find in the routes' signatures."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from models.reading.application_arguments import FAMILIES
from service.errors.problem import OpenInferenceProblem, ProblemDocument
from service.openapi.document_schemas import COMPONENT, document_schemas, reference
from service.openapi.errors import described_codes
from service.openapi.model_schemas import ModelSummary
from service.openapi.option_schemas import option_schemas

DOCUMENT_REF = reference("Document")
APPLICATION_REFS = [reference(family.__name__) for family in FAMILIES]
LABELS_SCHEMA = {
    "description": "Class labels, as in a document.",
    "anyOf": [reference("LabelList"), {"type": "object", "additionalProperties": reference("LabelList")}],
}
KERAS_MODEL = {
    "title": "KerasModel",
    "description": "What `model.to_json()` of Keras 3 gives.",
    "type": "object",
    "required": ["class_name", "config"],
    "properties": {"class_name": {"type": "string"}, "config": {"type": "object"}, "labels": LABELS_SCHEMA},
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


def components() -> dict[str, Any]:
    """Return the schemas that the framework does not find in the routes' signatures."""
    replies: list[Any] = [(reply, "serialization") for reply in (ProblemDocument, OpenInferenceProblem, ModelSummary)]
    _, schema = models_json_schema(replies, ref_template=COMPONENT)
    schema["$defs"]["ProblemDocument"]["properties"]["code"]["x-codes"] = described_codes()
    own = {"Tensor": TENSOR_COMPONENT, "KerasModel": KERAS_MODEL, "TensorFlowJSModel": TENSORFLOW_JS_MODEL}
    return {**document_schemas(), **option_schemas(), **schema["$defs"], **own}

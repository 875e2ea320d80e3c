"""Declared inputs of a document: shapes without the batch, and dtypes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from models.errors import shown
from models.layers.fields import LayerName
from models.layers.named import STRICT
from models.limits import MAX_INPUTS, MAX_LENGTH, MAX_RANK

Dimension = Annotated[int, Field(ge=1, le=MAX_LENGTH)]
InputShape = Annotated[list[Dimension | None], Field(max_length=MAX_RANK - 1)]
LOOK_UP = "look the strings up before, and post integers of an int64 input"


def _is_number(value: Any) -> Any:
    """Refuse inputs of strings, with what to do instead."""
    if value in ("string", "str", "object"):
        context = {"expected": "a dtype of numbers or bool", "suggestion": LOOK_UP}
        raise PydanticCustomError("string", "inputs are numbers, not strings", context)
    return value


InputDType = Annotated[
    Literal["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64",
            "uint8", "uint16", "uint32", "uint64", "bool"],
    BeforeValidator(_is_number),
    Field(description="The dtype that the input is converted to."),
]  # fmt: skip


class InputSpec(BaseModel):
    """One input of a network: its shape without the batch (null: a free dimension) and its dtype."""

    model_config = STRICT
    shape: InputShape
    dtype: InputDType = "float32"


def _as_inputs(value: Any) -> Any:
    """Expand a single shape or specification to one input called `input`."""
    match value:
        case list():
            return {"input": InputSpec.model_validate({"shape": value})}
        case {"shape": list()}:
            return {"input": InputSpec.model_validate(value)}
        case dict() if value:
            return value
        case None:
            return None
    raise _shape_error(value, "an object of named inputs")


def _as_spec(value: Any) -> Any:
    """Expand a bare shape to a specification of float32."""
    if isinstance(value, dict | InputSpec):
        return value
    if isinstance(value, list):
        return {"shape": value}
    raise _shape_error(value, 'an object with "shape" and "dtype"')


def _shape_error(value: Any, alternative: str) -> PydanticCustomError:
    expected = f"a shape without the batch such as [28, 28, 1], or {alternative}"
    hint = f"write [{value}]" if type(value) is int else None
    return PydanticCustomError(
        "input", "is not a shape", {"expected": expected, "received": shown(value), "suggestion": hint}
    )


_SHAPE_SCHEMA = {"type": "array", "items": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}}
_SPEC_SCHEMA = {
    "type": "object",
    "required": ["shape"],
    "properties": {"shape": _SHAPE_SCHEMA, "dtype": {"type": "string"}},
}
_INPUT_SCHEMA = {
    "description": "The shape without the batch, or several named inputs; left out, taken from what is posted.",
    "anyOf": [
        _SHAPE_SCHEMA,
        _SPEC_SCHEMA,
        {"type": "object", "additionalProperties": {"anyOf": [_SHAPE_SCHEMA, _SPEC_SCHEMA]}},
        {"type": "null"},
    ],
}
Inputs = Annotated[
    Annotated[dict[LayerName, Annotated[InputSpec, BeforeValidator(_as_spec)]], Field(max_length=MAX_INPUTS)] | None,
    BeforeValidator(_as_inputs, json_schema_input_type=Annotated[Any, WithJsonSchema(_INPUT_SCHEMA)]),
]

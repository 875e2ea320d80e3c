"""Constants in place of tensors: numbers and small arrays."""

from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from models.errors import shown
from models.layers.faults import fault
from models.layers.fields import DType
from models.layers.named import STRICT
from models.layers.sizes import Shape
from models.limits import MAX_RANK

MAX_INTEGER = 2**53
"""The largest integer up to which float64 represents every integer."""
MAX_NUMBERS = 65_536
"""Maximum number of values in one array."""


def _is_number(value: Any) -> bool:
    return (type(value) is int and abs(value) <= MAX_INTEGER) or (type(value) is float and isfinite(value))


def _check_number(value: Any) -> Any:
    """Check a number, and keep integers: `x + 1` keeps an integer dtype, `x + 1.0` does not."""
    if _is_number(value):
        return value
    expected = f"a finite number, an integer of at most {MAX_INTEGER}"
    raise PydanticCustomError("number", "is not a number", {"expected": expected, "received": shown(value)})


Number = Annotated[int | float, BeforeValidator(_check_number), WithJsonSchema({"type": "number"})]


class ConstantArray(BaseModel):
    """An array written out: nested lists of numbers, or one number, and their dtype."""

    model_config = STRICT
    value: Annotated[list[Any], Field(min_length=1, max_length=MAX_NUMBERS)] | bool | Number
    dtype: DType = "float32"

    @model_validator(mode="after")
    def _is_regular(self) -> "ConstantArray":
        self.shape  # noqa: B018 (raises)
        return self

    @property
    def shape(self) -> Shape:
        """Return the lengths of the axes.

        Raises:
            PydanticCustomError: if the lists differ in length, hold anything but numbers, or mix booleans with numbers.
        """
        level: list[Any] = [self.value]
        lengths: list[int] = []
        while isinstance(level[0], list):
            sizes = {len(item) if isinstance(item, list) else -1 for item in level}
            if len(sizes) > 1 or not min(sizes, default=0) or len(lengths) == MAX_RANK:
                raise fault("array", "the lists are not of equal lengths", "nested lists of equal lengths, none empty")
            lengths.append(sizes.pop())
            level = [inner for item in level for inner in item]
            if len(level) > MAX_NUMBERS:
                raise fault("array", "there are too many numbers", f"at most {MAX_NUMBERS:,}")
        bools = sum(type(item) is bool for item in level)
        if not all(type(item) is bool or _is_number(item) for item in level):
            raise fault("array", "the lists hold something else than numbers", "numbers")
        if 0 < bools < len(level) and self.dtype != "bool":
            raise fault("array", "there are truth values among the numbers", "numbers, or truth values")
        return tuple(lengths)


def _parse_constant(value: Any) -> Any:
    if value is None or isinstance(value, ConstantArray):
        return value
    return ConstantArray.model_validate(value) if isinstance(value, dict) else _check_number(value)


_SCHEMA = {
    "anyOf": [
        {"type": "number"},
        {
            "type": "object",
            "required": ["value"],
            "properties": {"value": {"type": ["array", "number", "boolean"]}, "dtype": {"type": "string"}},
        },
        {"type": "null"},
    ]
}
Constant = Annotated[
    Any,
    BeforeValidator(_parse_constant),
    WithJsonSchema({"description": "A constant in the place of a tensor of `inputs`."} | _SCHEMA),
]
"""A number, a `ConstantArray`, or null for a tensor."""


@dataclass(frozen=True)
class ShapeOnly:
    """A constant whose values are not known yet: a weight."""

    shape: Shape


def _unwrap(value: Any) -> Any:
    return (
        value["value"] if isinstance(value, dict) and value.keys() <= {"value", "dtype"} and "value" in value else value
    )


Unwrapped = BeforeValidator(_unwrap)
"""For numbers and lists of them that Keras' graphs may also have as an array: `{"value": [0, 1], "dtype": "int64"}`."""


def shape_of(constant: Any) -> Shape:
    """Return the shape of a constant."""
    return constant.shape if isinstance(constant, ConstantArray | ShapeOnly) else ()

"""Field types of layer arguments: bounded, strict, and spelled as in Keras.

The bounds exclude values that crash TensorFlow (it aborts on strides of 2**31, segfaults on pools of 2**30,
and allocates dilation squared); within them, the figures of the plan decide.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, core_schema
from typing_extensions import TypeAliasType

from models.errors import shown
from models.limits import MAX_EXTENT, MAX_FEATURES, MAX_LENGTH, MAX_RANK

FORBIDDEN = re.compile(r"[/@:#*?\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that no name may have: those of addresses, and control characters."""
MAX_NAME = 128
"""Most characters of a name."""

RESERVED_NAMES = (".", "..", "__metadata__")
"""Names with a special meaning in archives and safetensors files."""


def _check_layer_name(name: str) -> str:
    if 1 <= len(name) <= MAX_NAME and not FORBIDDEN.search(name) and name not in RESERVED_NAMES:
        return name
    cleaned = f"layer{name}" if name in RESERVED_NAMES else FORBIDDEN.sub("_", name)[:100]
    context = {"expected": "1 to 128 characters without / @ : # * ? and control characters", "received": shown(name)}
    advice = {"suggestion": f"write {shown(cleaned, 130)}"} if cleaned else {}
    raise PydanticCustomError("layer_name", "is not a layer name", context | advice)


LayerName = TypeAliasType(
    "LayerName",
    Annotated[
        str,
        AfterValidator(_check_layer_name),
        WithJsonSchema({"type": "string", "pattern": r"^[^/@:#*?\x00-\x1f\x7f-\x9f]{1,128}$"}),
    ],
)
"""A Keras layer name without the characters of the address syntax."""
Address = Annotated[str, StringConstraints(min_length=1, max_length=1024)]

PerCall = TypeAliasType("PerCall", bool | Annotated[list[bool], Field(min_length=1, max_length=64)])
"""A flag of Keras' call: one for all calls of a layer, or a list with one for each."""
Features = Annotated[int, Field(ge=1, le=MAX_FEATURES)]
"""A number of units, filters or features."""
Extent = Annotated[int, Field(ge=1, le=MAX_EXTENT)]
"""A kernel, pool, stride or dilation along one axis."""
Length = Annotated[int, Field(ge=1, le=MAX_LENGTH)]
"""The length of one axis."""
Axis = Annotated[int, Field(ge=-MAX_RANK, le=MAX_RANK - 1)]
"""An axis number; negative ones count from the end."""


def _unwrap_single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], int) else value


OneOrSeveral = AfterValidator(_unwrap_single)
"""For arguments that are a number or a list in Keras: a list of one becomes the number, so that both are one model."""
Rate = Annotated[float, Field(ge=0, le=1)]
"""A fraction from 0 to 1."""
Epsilon = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
SeedNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""The seed of a layer's own random numbers; by default derived from the document's seed and the layer's address."""


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


AnyCase = BeforeValidator(_lower)
"""Makes an enumeration case-insensitive, for spellings such as TensorFlow's `SAME` and `VALID`."""
Padding = Annotated[Literal["valid", "same"], AnyCase]
CausalPadding = Annotated[Literal["valid", "same", "causal"], AnyCase]
DataFormat = Annotated[Literal["channels_last", "channels_first"], AnyCase]
LaterDataFormat = Annotated[
    DataFormat | None, AfterValidator(lambda value: None if value == "channels_last" else value)
]
"""For types registered before they had the field: `channels_last`, the only layout then, becomes null."""


def _is_float(value: Any) -> Any:
    """Refuse a policy of quantized kernels, such as int8_from_float32, with what to do instead."""
    if isinstance(value, str) and "_from_" in value:
        context = {"expected": "a dtype, mixed_float16 or mixed_bfloat16", "suggestion": UNQUANTIZED}
        raise PydanticCustomError("quantization", QUANTIZED, context)
    return value


QUANTIZED = "quantized kernels are not computed here"
UNQUANTIZED = "write the dtype from before quantize(), and upload float weights"
DType = TypeAliasType(
    "DType",
    Annotated[
        Literal[
            "float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16",
            "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool",
        ],
        AnyCase,
        BeforeValidator(_is_float),
    ],
)  # fmt: skip
"""A dtype or a mixed-precision policy."""
Unset: TypeAlias = None
"""For arguments whose only accepted value is Keras' default."""


@dataclass(frozen=True)
class Sizes:
    """Annotation of a tuple of one integer per spatial axis that may also be written as a single integer.

    `Annotated[tuple[int, int], Sizes(2)]` accepts `3` or `[3, 3]`, each from `low` to `high`.
    """

    rank: int
    low: int = 1
    high: int = MAX_EXTENT

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(list)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        one = {"type": "integer", "minimum": self.low, "maximum": self.high}
        several = {"type": "array", "items": one, "minItems": self.rank, "maxItems": self.rank}
        return {"anyOf": [one, several]}

    def parse(self, value: Any) -> tuple[int, ...]:
        """Return the tuple, from either spelling."""
        numbers = value if isinstance(value, list | tuple) else [value] * self.rank
        if len(numbers) == self.rank and all(self._fits(number) for number in numbers):
            return tuple(numbers)
        raise PydanticCustomError("sizes", "is not a size", {"expected": self._expected(), "received": shown(value)})

    def _fits(self, number: Any) -> bool:
        return type(number) is int and self.low <= number <= self.high

    def _expected(self) -> str:
        one = f"an integer from {self.low} to {self.high}"
        return f"{one}, or an array of {self.rank} such integers"


@dataclass(frozen=True)
class Margins:
    """Annotation of a (before, after) pair per spatial axis, as in ZeroPadding and Cropping.

    Written as one integer, one integer per axis (symmetric), or one pair per axis; for a single axis
    as one integer or one pair.
    """

    rank: int
    high: int = MAX_EXTENT

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(_as_lists)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        one: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": self.high}
        pair = {"type": "array", "items": one, "minItems": 2, "maxItems": 2}
        if self.rank == 1:
            return {"anyOf": [one, pair]}
        each = {"type": "array", "items": {"anyOf": [one, pair]}, "minItems": self.rank, "maxItems": self.rank}
        return {"anyOf": [one, each]}

    def parse(self, value: Any) -> tuple[Any, ...]:
        """Return a pair per axis; for one axis, the pair itself (as Keras stores it)."""
        if self.rank == 1:
            pair = self._pair(value)
            if pair:
                return pair
        else:
            axes = value if isinstance(value, list | tuple) else [value] * self.rank
            pairs = [self._pair(axis) for axis in axes] if len(axes) == self.rank else []
            if pairs and all(pairs):
                return tuple(pairs)
        raise PydanticCustomError(
            "margins", "is not a margin", {"expected": self._expected(), "received": shown(value)}
        )

    def _pair(self, value: Any) -> tuple[int, int] | None:
        both = value if isinstance(value, list | tuple) else (value, value)
        fits = len(both) == 2 and all(type(n) is int and 0 <= n <= self.high for n in both)
        return (both[0], both[1]) if fits else None

    def _expected(self) -> str:
        one = f"an integer from 0 to {self.high}"
        if self.rank == 1:
            return f"{one}, or a [before, after] pair of them"
        return f"{one}, or an array of {self.rank}: integers or [before, after] pairs"


def _as_lists(value: Any) -> Any:
    return [_as_lists(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


Sizes1D = Annotated[tuple[int, ...], Sizes(1)]
Sizes2D = Annotated[tuple[int, ...], Sizes(2)]
Sizes3D = Annotated[tuple[int, ...], Sizes(3)]
Margins1D = Annotated[tuple[Any, ...], Margins(1)]
Margins2D = Annotated[tuple[Any, ...], Margins(2)]
Margins3D = Annotated[tuple[Any, ...], Margins(3)]

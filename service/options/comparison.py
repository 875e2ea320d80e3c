"""Options of comparisons: the two sides, what is paired, and how far apart is close."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from models.documents.validation import field_names, problems_of
from models.errors import InvalidOption
from models.errors.suggestions import Words
from models.explaining.comparing.policy import POLICIES, Policy
from service.options.activation import RunOptions, Selectors, decoded_object
from service.options.field_names import INPUTS, MODEL
from service.options.foreign_names import COMMON
from service.pictures.colours import DIVERGING
from service.pictures.sheet import RenderStyle

MAX_PAIRS = 1024
SIDE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                MODEL: {"description": "A model document, or the name of a registered model."},
                INPUTS: {"description": "As in a run."},
                "training": {"type": "boolean"},
                "edits": {"type": "array", "maxItems": 64, "items": {"type": "object", "required": ["at"]}},
                "dtype": {"enum": list(POLICIES)},
            },
        },
        {"type": "string"},
    ]
}
OR_NONE: dict[str, Any] = {"anyOf": [*SIDE_SCHEMA["anyOf"], {"type": "null"}]}
NOT_NEGATIVE = {"type": "number", "minimum": 0, "default": 0}
TOLERANCE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {"rtol": NOT_NEGATIVE, "atol": NOT_NEGATIVE},
        },
        {"type": "string"},
        {"type": "null"},
    ]
}
Decoded = BeforeValidator(decoded_object)


class SideOptions(BaseModel):
    """One side of a comparison. Fields of the second that are left out are those of the first."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    model: Any = None
    inputs: Any = None
    training: StrictBool | None = None
    edits: list[Any] | None = None
    dtype: Policy | None = None


SIDE_WORDS = Words({"": field_names(SideOptions)}, {"": COMMON})


def side_of(raw: Mapping[str, Any], pointer: str) -> SideOptions:
    """Return a side of a request.

    Raises:
        InvalidOption: it has another field, or a value that makes no sense.
    """
    try:
        return SideOptions.model_validate(raw)
    except ValidationError as error:
        raise InvalidOption("", problems_of(error, raw, SIDE_WORDS)).under(pointer) from None


class ToleranceOptions(BaseModel):
    """How far apart numbers may be that are close: |a - b| ≤ atol + rtol · |a|."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    rtol: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    atol: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


class ComparisonOptions(RunOptions):
    """Options of a request for a comparison."""

    a: Annotated[dict[str, Any] | None, Decoded] = Field(
        None,
        description="The first side: `model`, `inputs`, `training`, `edits` and `dtype`, a policy of Keras. What is "
        "left out is that of the request.",
        json_schema_extra=OR_NONE,
    )
    b: Annotated[dict[str, Any], Decoded] = Field(
        description="The second side: the same fields, of which only those are needed that differ from the first.",
        json_schema_extra=SIDE_SCHEMA,
    )
    layers: Selectors = None
    pairs: Annotated[dict[str, str] | None, Field(max_length=MAX_PAIRS), Decoded] = Field(
        None,
        description="Addresses of `b` by those of `a` that they are compared with, of layers or blocks. Others are "
        "paired by address.",
        json_schema_extra={
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": MAX_PAIRS},
                {"type": "string"},
                {"type": "null"},
            ]
        },
    )
    tolerance: Annotated[ToleranceOptions | None, Decoded] = Field(
        None,
        description="Relative and absolute: close is |a - b| ≤ atol + rtol · |a|. Default: by the dtypes of each pair, "
        "as torch.testing has it.",
        json_schema_extra=TOLERANCE_SCHEMA,
    )
    weights: bool = Field(False, description="Whether the weights of each layer are compared, too.")
    stats: bool | None = Field(False, description="Whether min, max and so on of a - b are counted.")
    data: Literal["nested", "base64", "none"] = Field("none", description="How JSON carries a - b.")

    @cached_property
    def cache_key(self) -> str:
        """The options that determine the reply, but the models and inputs of the sides."""
        rest = [
            {key: value for key, value in (side or {}).items() if key not in (MODEL, INPUTS)} for side in self.sides
        ]
        return f"{self.model_dump_json(exclude={'format', 'a', 'b'})} {rest!r}"

    @property
    def sides(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Both sides, unparsed."""
        return self.a, self.b

    @property
    def sends_weights(self) -> bool:
        """Whether weights are sent: they are compared where they are."""
        return False

    @property
    def is_repeatable(self) -> bool:
        """Whether equal requests have equal replies: in training mode numbers are drawn."""
        return not any((side or {}).get("training") for side in self.sides)

    def style(self) -> RenderStyle:
        """Return the style in which differences are drawn: in coolwarm, unless the request says otherwise.

        Raises:
            InvalidOption: `normalize` is not a range.
        """
        return super().style() if "cmap" in self.model_fields_set else self.style_in(DIVERGING)

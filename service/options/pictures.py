"""What a client may ask of a picture."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from models.errors import InvalidOption, Problem
from service.pictures.colours import DIVERGING, ColourMap
from service.pictures.scaling import parse_range
from service.pictures.sheet import RenderStyle

MAX_UPSCALE = 64


def not_a_bool(value: Any) -> Any:
    """True is no count, though Python takes it for 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


Whole = BeforeValidator(not_a_bool)
"""Marks an integer that is a count."""


class PictureOptions(BaseModel):
    """Of `image/png`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    channel: Annotated[int, Field(ge=0), Whole] | None = Field(None, description="In pictures: this channel alone.")
    cmap: ColourMap = Field("gray", description="Colours of pictures; `coolwarm` has zero in its middle.")
    normalize: Annotated[str, Field(max_length=100)] | None = Field(
        None,
        description="The range of values that the colours of pictures stand for: `layer` the whole layer's, `map` each "
        "map's own, `symmetric` as far below zero as above, or `low,high`. Default: `layer`; coolwarm `symmetric`.",
    )
    upscale: Annotated[int, Field(ge=1, le=MAX_UPSCALE), Whole] = Field(1, description="Pixels of a value, each way.")

    def style(self) -> RenderStyle:
        """How maps are drawn.

        Raises:
            InvalidOption: `normalize` names no range.
        """
        usual = "symmetric" if self.cmap == DIVERGING else "layer"
        return RenderStyle(self.cmap, parse_range(self.normalize or usual), self.upscale)

    def refuse_given(self) -> None:
        """Nothing may be asked of a picture where none is drawn.

        Raises:
            InvalidOption: one of these options is given.
        """
        for name in sorted(self.model_fields_set & OF_PICTURES):
            advice = 'write "format": "png", or accept image/png'
            raise InvalidOption("", [Problem(f"/{name}", f"{name} is of pictures", "nothing", name, advice)])


OF_PICTURES = frozenset(PictureOptions.model_fields)

"""Options of rendered pictures."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from models.errors import InvalidOption
from service.pictures.colours import DIVERGING, ColourMap
from service.pictures.scaling import parse_range
from service.pictures.sheet import RenderStyle

MAX_UPSCALE = 64


def not_a_bool(value: Any) -> Any:
    """Raise for a bool, which Python would accept as 0 or 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


NotBool = BeforeValidator(not_a_bool)
"""Validator of integers that rejects true and false."""


class PictureOptions(BaseModel):
    """Options of replies as `image/png`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    channel: Annotated[int, Field(ge=0), NotBool] | None = Field(None, description="In pictures: this channel alone.")
    cmap: ColourMap = Field("gray", description="Colours of pictures; `coolwarm` has zero in its middle.")
    normalize: Annotated[str, Field(max_length=100)] | None = Field(
        None,
        description="The range of values that the colours of pictures stand for: `layer` the whole layer's, `map` each "
        "map's own, `symmetric` as far below zero as above, or `low,high`. Default: `layer`; coolwarm `symmetric`.",
    )
    upscale: Annotated[int, Field(ge=1, le=MAX_UPSCALE), NotBool] = Field(1, description="Pixels of a value, each way.")

    def style(self) -> RenderStyle:
        """Return the style in which maps are drawn.

        Raises:
            InvalidOption: `normalize` is not a range.
        """
        return self.style_in(self.cmap)

    def style_in(self, cmap: ColourMap) -> RenderStyle:
        """Return the style with these colours; raises as `style`."""
        default = "symmetric" if cmap == DIVERGING else "layer"
        return RenderStyle(cmap, parse_range(self.normalize or default), self.upscale)

    @property
    def opacity(self) -> float:
        """That of maps over pictures."""
        return 1.0

    def refuse_if_set(self) -> None:
        """Refuse these options for a reply that is not a picture.

        Raises:
            InvalidOption: one of these options is set.
        """
        for name in sorted(self.model_fields_set & PICTURE_OPTIONS):
            advice = 'write "format": "png", or accept image/png'
            raise InvalidOption.at(
                f"/{name}", f"{name} is of pictures", expected="nothing", received=name, suggestion=advice
            )


PICTURE_OPTIONS = frozenset(PictureOptions.model_fields)

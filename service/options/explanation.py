"""Options of requests for explanations: the target, the method, and the method's own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, create_model
from pydantic.fields import FieldInfo

from models.errors import InvalidOption, shown
from models.explaining.methods import methods
from models.explaining.methods.method import Knobs
from models.explaining.targets import TargetOptions
from service.options.activation import RunOptions, Selectors, decoded_object
from service.pictures.colours import DIVERGING
from service.pictures.sheet import RenderStyle

DEFAULT = "gradient"
TARGET_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["address"],
            "properties": {"address": {"type": "string"}, "index": {"type": "array", "items": {}}},
        },
        {"type": "null"},
    ]
}


def _sign(value: Any) -> Any:
    """Return a sign that is text, as in a query or a form, as a number; other values unchanged."""
    return int(value) if value in ("1", "-1") else value


def _target(description: str) -> Any:
    return Field(None, description=description, json_schema_extra={**TARGET_SCHEMA})


Target = Annotated[Any, BeforeValidator(decoded_object)]


class TargetedOptions(RunOptions):
    """Options of requests about one number of a network."""

    method: str = Field(DEFAULT, description="How it is explained.")
    to: Selectors = Field(None, description="Selectors of what it is explained by. Default: as the method has it.")
    of: Target = _target(
        "The number that is explained: an address with NumPy's index after the batch, `dense:pre[7]`, or `[argmax]` "
        "for each item's largest unit. Axes left free are summed. Default: the largest unit of the first output, "
        "before a softmax or sigmoid."
    )
    minus: Target = _target("A second number, which is subtracted.")
    sign: Annotated[Literal[1, -1], BeforeValidator(_sign)] = Field(
        1, description="-1 explains the other side of a score."
    )

    resized: bool = Field(
        False, description="Whether maps come at the size of the picture, too, as `<address>:resized`."
    )
    overlay: bool = Field(False, description="In pictures: whether maps are drawn over the picture that was posted.")
    alpha: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        0.5, description="Opacity of the map in an overlay."
    )

    @property
    def is_overlay(self) -> bool:
        """Whether maps are drawn over the pictures that were posted."""
        return self.overlay

    @property
    def opacity(self) -> float:
        """That of maps over pictures."""
        return self.alpha

    def style(self) -> RenderStyle:
        """Return the style in which maps are drawn: those on both sides of zero in coolwarm, else viridis.

        Raises:
            InvalidOption: `normalize` is not a range.
        """
        if "cmap" in self.model_fields_set:
            return super().style()
        return self.style_in(DIVERGING if methods()[self.method].signed else "viridis")

    def check_overlay(self, is_png: bool) -> None:
        """Check the options of overlays.

        Raises:
            InvalidOption: they are of another format, or of no overlay.
        """
        if self.overlay and not is_png:
            advice = 'write "format": "png", or accept image/png'
            raise InvalidOption.at("/overlay", "an overlay is a picture", "format=png", "another format", advice)
        if "alpha" in self.model_fields_set and not self.overlay:
            raise InvalidOption.at("/alpha", "alpha is of an overlay", "overlay=true", "false", 'write "overlay": true')

    def target(self) -> TargetOptions:
        """Return the options of the target."""
        return TargetOptions(self.of, self.minus, self.sign)

    def knobs(self) -> dict[str, Any]:
        """Return the options of the method that are set.

        Raises:
            InvalidOption: there is no such method, or an option is of another one.
        """
        known = methods()
        if self.method not in known:
            names = ", ".join(known)
            raise InvalidOption.at("/method", "there is no such method", f"one of {names}", shown(self.method))
        own = known[self.method].knobs.model_fields
        given = self.model_fields_set - set(TargetedOptions.model_fields)
        for name in sorted(given - set(own)):
            users = [method.name for method in known.values() if name in method.knobs.model_fields]
            message = f"{name} is not of {self.method}"
            raise InvalidOption.at(
                f"/{name}", message, f"method {' or '.join(users)}", shown(self.method), "leave it out"
            )
        return {name: getattr(self, name) for name in given}


def _knob_fields(knobs: type[Knobs]) -> dict[str, Any]:
    """Return the options of a method as fields that may be left out."""
    return {
        name: (Annotated[info.annotation, "as the method has it", *info.metadata] | None, _optional(info))
        for name, info in knobs.model_fields.items()
    }


def _optional(info: FieldInfo) -> Any:
    default = "" if info.default is None else f" Default: {info.default}."
    return Field(None, description=f"{info.description}{default}")


def _explanation_options() -> type[TargetedOptions]:
    fields = {name: field for method in methods().values() for name, field in _knob_fields(method.knobs).items()}
    text = "Options of a request for explanations."
    return create_model("ExplanationOptions", __base__=TargetedOptions, __doc__=text, __module__=__name__, **fields)


ExplanationOptions = _explanation_options()

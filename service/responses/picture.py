"""Picture replies: checks of the options, and drawing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query

from models.errors import InvalidOption
from models.ipc.messages import RunResult
from service.options.activation import ActivationOptions
from service.options.pictures import MAX_UPSCALE, PictureOptions
from service.pictures.colours import ColourMap
from service.pictures.reply import Arrays, File, plan_picture, plan_svg
from service.wire.format import Format, Kind
from service.wire.formats import PNG, SVG


def check_drawing(options: ActivationOptions, format: Format) -> None:
    """Check that the options fit the format, before the model is run.

    Raises:
        InvalidOption: picture options with another format, or a picture of something that has none.
    """
    if format is not PNG:
        options.refuse_given()
    if format.kind is not Kind.PICTURE:
        return
    options.style()
    if options.weights:
        expected = "weights=false"
        advice = "weights have pictures of their own: GET /v1/models/{name}/layers/{address}/weights"
        raise _refused("/weights", "a picture holds no weights", expected, "true", advice)
    if options.top is not None:
        raise _refused("/top", "there is no picture of top units", "another view, or another format", "top")
    if format is SVG and options.histogram is None:
        raise _refused(
            "/histogram", "only histograms are drawn as SVG", "histogram", "nothing", 'write "histogram": 64'
        )


def drawing(result: RunResult, format: Format, options: ActivationOptions) -> Callable[[Arrays], File]:
    """The function that draws the picture of a run from its values.

    Raises:
        InvalidOption, TooLarge: the picture cannot be drawn.
    """
    return plan_svg(result) if format is SVG else plan_picture(result, options.style(), options.channel)


async def weights_drawing(
    cmap: ColourMap | None = None,
    normalize: Annotated[str | None, Query(max_length=100, description="Of pictures; per weight: see cmap.")] = None,
    upscale: Annotated[int | None, Query(ge=1, le=MAX_UPSCALE, description="Of pictures.")] = None,
) -> PictureOptions:
    """The picture options of a request for weights."""
    options: dict[str, Any] = {"cmap": cmap, "normalize": normalize, "upscale": upscale}
    return PictureOptions(**{name: value for name, value in options.items() if value is not None})


def _refused(pointer: str, message: str, expected: str, received: str, suggestion: str | None = None) -> InvalidOption:
    return InvalidOption.at(pointer, message, expected=expected, received=received, suggestion=suggestion)

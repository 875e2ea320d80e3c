"""Whether and how a request is answered with a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query

from models.errors import InvalidOption, Problem
from models.ipc.messages import RunResult
from service.options.activation import ActivationOptions
from service.options.pictures import MAX_UPSCALE, PictureOptions
from service.pictures.colours import ColourMap
from service.pictures.reply import Arrays, File, planned, planned_svg
from service.wire.formats import PNG, SVG, Format


def check_drawing(options: ActivationOptions, wanted: Format) -> None:
    """Whether the options go with the format, before anything is run.

    Raises:
        InvalidOption: what is of pictures is asked of another format, or a picture of what has none.
    """
    if wanted is not PNG:
        options.refuse_given()
    if wanted not in (PNG, SVG):
        return
    options.style()
    if options.weights:
        expected = "weights=false"
        advice = "weights have pictures of their own: GET /v1/models/{name}/layers/{address}/weights"
        raise _refused("/weights", "a picture holds no weights", expected, "true", advice)
    if options.top is not None:
        raise _refused("/top", "there is no picture of top units", "another view, or another format", "top")
    if wanted is SVG and options.histogram is None:
        raise _refused(
            "/histogram", "only histograms are drawn as SVG", "histogram", "nothing", 'write "histogram": 64'
        )


def drawing(ran: RunResult, wanted: Format, options: ActivationOptions) -> Callable[[Arrays], File]:
    """How the picture of a run is drawn, once its values are there.

    Raises:
        InvalidOption, TooLarge: it cannot be.
    """
    return planned_svg(ran) if wanted is SVG else planned(ran, options.style(), options.channel)


async def weights_drawing(
    cmap: ColourMap | None = None,
    normalize: Annotated[str | None, Query(max_length=100, description="Of pictures; per weight: see cmap.")] = None,
    upscale: Annotated[int | None, Query(ge=1, le=MAX_UPSCALE, description="Of pictures.")] = None,
) -> PictureOptions:
    """What a request for weights asks of a picture."""
    given: dict[str, Any] = {"cmap": cmap, "normalize": normalize, "upscale": upscale}
    return PictureOptions(**{name: value for name, value in given.items() if value is not None})


def _refused(pointer: str, message: str, expected: str, received: str, suggestion: str | None = None) -> InvalidOption:
    return InvalidOption("", [Problem(pointer, message, expected, received, suggestion)])

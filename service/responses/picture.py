"""Responses with pictures: checks of the options, and drawing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.errors import InvalidOption
from models.ipc.arrays import array_of
from models.ipc.messages import RunResult
from service.access.browser_headers import PICTURE_HEADERS
from service.engines.pending_result import PendingResult
from service.options.activation import RunOptions
from service.options.arithmetic import ArithmeticOptions
from service.options.pictures import MAX_UPSCALE, PICTURE_OPTIONS, PictureOptions
from service.pictures.colours import ColourMap
from service.pictures.overlay import plan_overlay
from service.pictures.photographs import Pictures, plan_photographs
from service.pictures.rendering import Arrays, File, plan_picture, plan_svg
from service.responses.json_stream import collect_tensors
from service.wire.format import Format, Kind
from service.wire.formats import PNG, SVG

MAPS = PICTURE_OPTIONS - {"upscale"}
"""Options of pictures of maps; without them, parts of pictures keep their own colours."""


def check_drawing(options: RunOptions, format: Format) -> None:
    """Check that the options fit the format, before the model is run.

    Raises:
        InvalidOption: picture options with another format, or a picture of something that has none.
    """
    if format is not PNG:
        options.refuse_if_set()
    if format.kind is not Kind.PICTURE:
        return
    options.style()
    if options.weights:
        message, expected = "a picture holds no weights", "weights=false"
        advice = "weights have pictures of their own: GET /v1/models/{name}/layers/{address}/weights"
        raise InvalidOption.at("/weights", message, expected=expected, received="true", suggestion=advice)
    if options.top is not None:
        message, expected = "there is no picture of top units", "another view, or another format"
        raise InvalidOption.at("/top", message, expected=expected, received="top")
    if format is SVG and options.histogram is None:
        message, advice = "only histograms are drawn as SVG", 'write "histogram": 64'
        raise InvalidOption.at("/histogram", message, expected="histogram", received="nothing", suggestion=advice)


def plan_drawing(
    result: RunResult, format: Format, options: RunOptions, pictures: Pictures
) -> Callable[[Arrays], File]:
    """Return the function that draws the picture of a run from its values.

    Raises:
        InvalidOption, TooLarge: the picture cannot be drawn.
    """
    if not result.layers:
        message, expected = "no part of an input is read, so that there is nothing to draw", "json"
        raise InvalidOption.at("/format", message, expected=expected, received=format.name)
    if format is SVG:
        return plan_svg(result)
    if options.is_overlay:
        return plan_overlay(result, options.style(), options.opacity, pictures.posted)
    drawn = None
    if isinstance(options, ArithmeticOptions) and not options.model_fields_set & MAPS:
        drawn = plan_photographs(result, pictures, options.upscale)
    return drawn or plan_picture(result, options.style(), options.channel)


async def picture_response(
    pending: PendingResult[RunResult], format: Format, plan: Callable[[], Callable[[Arrays], File]]
) -> Response:
    """Build the response with a picture, drawn on a thread after `plan` has checked that it can be."""
    with pending.cancelled_on_error():
        draw = plan()
    result = await pending.header
    file = await run_in_threadpool(draw, await collect_tensors(result, pending, array_of))
    headers = {**file.headers, **_warnings(result), **PICTURE_HEADERS}
    return Response(file.content, headers=headers, media_type=format.media_type)


def _warnings(result: RunResult) -> dict[str, str]:
    """Return the header of the warnings of an explanation, each word once: a picture does not show them."""
    words = dict.fromkeys(warning["warning"] for warning in result.facts.get("warnings", ()))
    return {"X-Layerscope-Warnings": ", ".join(words)} if words else {}


async def weights_picture_options(
    cmap: ColourMap | None = None,
    normalize: Annotated[str | None, Query(max_length=100, description="Of pictures; per weight: see cmap.")] = None,
    upscale: Annotated[int | None, Query(ge=1, le=MAX_UPSCALE, description="Of pictures.")] = None,
) -> PictureOptions:
    """Return the picture options of a request for weights."""
    options: dict[str, Any] = {"cmap": cmap, "normalize": normalize, "upscale": upscale}
    return PictureOptions(**{name: value for name, value in options.items() if value is not None})

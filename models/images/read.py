"""Reading of an uploaded image into the tensor of an input, with a record of the preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.errors import InvalidImage, LayerscopeError
from models.images.channels import channels_of
from models.images.decode import DecodedImage, OpenedImage, decode, open_image
from models.images.picture import Picture
from models.images.resize import Resize, resized
from models.images.scale import Scale, scaled
from models.tensors.dtypes import Array
from models.tensors.forms import decode_base64
from models.tensors.shapes import words


def read_image(  # noqa: PLR0913 - the four options of the contract, and the pointer
    data: bytes,
    spec_shape: Sequence[int | None] | None,
    *,
    resize: Resize,
    scale: Scale,
    max_pixels: int,
    pointer: str = "",
) -> tuple[Array, dict[str, Any]]:
    """Read an image as float32 (height, width, channels), C order, and the `preprocessing` of the reply.

    `spec_shape` is the input's (height, width, channels) with None where it is free, or None when
    nothing is fixed; `pointer` is the image's. The image is rotated upright, converted to the
    channels, resized, then scaled.

    Raises:
        InvalidImage: not an image, a damaged one, or one that does not fit the input.
        TooLarge: more than `max_pixels` pixels before, during or after resizing.
        InvalidOption: the scale does not go with the channels.
    """
    try:
        return read_opened(open_image(data, max_pixels), spec_shape, resize=resize, scale=scale, max_pixels=max_pixels)
    except LayerscopeError as error:
        raise error.under(pointer) from error


def read_opened(
    picture: OpenedImage, spec_shape: Sequence[int | None] | None, *, resize: Resize, scale: Scale, max_pixels: int
) -> tuple[Array, dict[str, Any]]:
    """Read an image whose header has been read, as `read_image` does; raises the same."""
    height, width, channels = image_axes(spec_shape)
    decoded = decode(picture, max_pixels)
    channels, notes = channels_of(decoded.image, channels)
    upright = Picture(decoded.image, decoded.orientation, channels)
    sized = resized(upright, height, width, resize, max_pixels)
    notes["resize"] = resize if sized.shape[:2] != upright.size else "none"
    preprocessing = _preprocessing(decoded, notes, upright.size, sized) | {"scale": scale}
    return np.ascontiguousarray(scaled(sized, scale), np.float32), preprocessing


def _preprocessing(decoded: DecodedImage, notes: dict[str, Any], size: tuple[int, int], sized: Array) -> dict[str, Any]:
    """Return the preprocessing, for the reply. Sizes are [height, width]; `original_size` is that of the upright image.

    `frame` is present when the file has several.
    """
    sizes = {"original_size": list(size), "size": list(sized.shape[:2])}
    frame = {"frame": 0} if decoded.has_more_frames else {}
    applied = {"orientation_applied": decoded.orientation_applied}
    return {"format": decoded.format, **frame, **sizes, **applied, **notes}


def image_axes(shape: Sequence[int | None] | None) -> Sequence[int | None]:
    """Return the (height, width, channels) of an input, None where they are free.

    Raises:
        InvalidImage: it has other axes.
    """
    if shape is None:
        return (None, None, None)
    if len(shape) == 3:
        return shape
    raise InvalidImage.at(
        "",
        "the input is not one for pictures",
        expected="(height, width, channels)",
        received=words(shape),
        suggestion="send a tensor",
    )


def stack(images: Sequence[Array], pointer: str = "") -> Array:
    """Stack images of equal size and channels into one batch (number, height, width, channels).

    Raises:
        InvalidImage: they differ, or there are none.
    """
    if not images:
        raise InvalidImage.at(pointer, "there is no picture", expected="one or more", received="none")
    for index, image in enumerate(images):
        if image.shape != images[0].shape:
            message = "the pictures of a batch have the same size and channels"
            expected = f"{words(images[0].shape)} as the first"
            received = f"{words(image.shape)} at picture {index}"
            advice = "fix the input's height, width and channels, or send pictures of one size"
            raise InvalidImage.at(pointer, message, expected=expected, received=received, suggestion=advice)
    return np.stack(images)


def image_bytes(raw: Any, pointer: str) -> bytes:
    """Decode the value of an `{"image": "<base64>"}`, which may be a data URL, as from a browser's canvas.

    Raises:
        InvalidTensor: it is not base64.
    """
    prefix, comma, encoded = raw.partition(",") if isinstance(raw, str) and raw.startswith("data:") else ("", "", raw)
    payload = encoded if comma and prefix.endswith(";base64") else raw
    return decode_base64(payload, pointer)

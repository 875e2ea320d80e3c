"""From the bytes of a picture to its pixels, with Pillow kept inside limits."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from models.errors import InvalidImage, Problem, TooLarge, shown
from models.files.signatures import JSON, PDF, VIDEO, Role
from models.files.unread import Advice, unread
from models.images.turning import TURNS, UPRIGHT

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""What Pillow may try; every other decoder stays shut."""
AS_PNG = "save it as PNG or JPEG"
ADVICE: Advice = {
    Role.PICTURE: AS_PNG,
    PDF: AS_PNG,
    VIDEO: AS_PNG,
    JSON: "numbers as JSON go under inputs",
    Role.TENSORS: "a file of tensors is the part tensor of a form",
    Role.WEIGHTS: "weights come with PUT /v1/models/{name}, as the part weights",
}
"""Where a file goes that is no picture."""
FAILURES = (
    OSError, ValueError, SyntaxError, RuntimeError, EOFError, struct.error, zlib.error, MemoryError,
    ArithmeticError, LookupError, TypeError, AttributeError, AssertionError,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files; none of it says more than that the file is damaged."""
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
"""Pillow's own cap, above ours: an exception, or a warning where warnings are errors."""
ORIENTATION = 0x0112
"""The EXIF tag; TIFF uses the same number."""


class Opened(NamedTuple):
    """A picture of which the header has been read, and its bytes."""

    image: Image.Image
    data: bytes


class Decoded(NamedTuple):
    """The first frame of a picture, as it is stored."""

    image: Image.Image
    orientation: int
    """The EXIF orientation, 1 to 8, in which it is still to be turned; 1 is upright."""
    format: str
    orientation_applied: bool
    """Whether it is not stored upright."""
    several_frames: bool


def opened(data: bytes, max_pixels: int) -> Opened:
    """A picture in one of FORMATS, no pixel decoded.

    Raises:
        InvalidImage: the bytes are none of FORMATS, or the header is damaged.
        TooLarge: more than `max_pixels` pixels.
    """
    image = _open(data, max_pixels)
    _check_size(image, max_pixels)
    return Opened(image, data)


def decode(picture: Opened, max_pixels: int) -> Decoded:
    """The first frame of a picture. An EXIF block that cannot be read counts as none.

    Raises:
        InvalidImage: it is damaged.
        TooLarge: more than `max_pixels` pixels, whatever the header said.
    """
    image, data = picture
    # Pillow turns TIFF upright while it loads; asking a PNG this early would make it load.
    turned = _orientation(image) if image.format == "TIFF" else UPRIGHT
    several = _load(image, data, max_pixels)
    _check_size(image, max_pixels)
    left = _orientation(image)
    return Decoded(image, left, _name(image), (turned, left) != (UPRIGHT, UPRIGHT), several)


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """The picture with only its header read."""
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except BOMBS as error:
        raise _too_large("more than Pillow opens", max_pixels) from error
    except UnidentifiedImageError as error:
        raise InvalidImage(problems=[unread(data, f"one of {', '.join(FORMATS)}", "", ADVICE)]) from error
    except FAILURES as error:
        raise _damaged(data, None, error) from error


def _load(image: Image.Image, data: bytes, max_pixels: int) -> bool:
    """Decodes the pixels in place; whether further frames follow."""
    try:
        several = bool(getattr(image, "is_animated", False))
        image.load()
    except BOMBS as error:
        raise _too_large("more than Pillow decodes", max_pixels) from error
    except FAILURES as error:
        raise _damaged(data, image.format, error) from error
    return several


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise _too_large(f"{height} × {width} = {width * height} pixels", max_pixels)
    if width < 1 or height < 1:
        raise InvalidImage(problems=[Problem("", "the picture is empty", "1 pixel or more", f"{height} × {width}")])


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; UPRIGHT without a readable one."""
    try:
        value = image.getexif().get(ORIENTATION, UPRIGHT)
    except FAILURES:
        return UPRIGHT
    return value if isinstance(value, int) and value in TURNS else UPRIGHT


def _name(image: Image.Image) -> str:
    """The format's name. Pillow calls a JPEG with further pictures behind the first MPO."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def _damaged(data: bytes, name: str | None, error: BaseException) -> InvalidImage:
    expected = f"a whole {name} file" if name else f"one of {', '.join(FORMATS)}"
    received = f"{len(data)} bytes; Pillow says {shown(str(error), 120)}"
    return InvalidImage(problems=[Problem("", "the picture is damaged or cut short", expected, received)])


def _too_large(received: str, max_pixels: int) -> TooLarge:
    problem = Problem("", "the picture is too large", f"at most {max_pixels} pixels", received, "send a smaller one")
    return TooLarge(problems=[problem])

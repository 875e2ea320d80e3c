"""From the bytes of a picture to its pixels, upright, with Pillow kept inside limits."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from models.errors import InvalidImage, Problem, TooLarge, shown
from models.files.signatures import JSON, PDF, VIDEO, Role
from models.files.unread import Advice, unread

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
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of each EXIF orientation upright."""


class Decoded(NamedTuple):
    """A picture as it is seen: its first frame, turned upright."""

    image: Image.Image
    format: str
    orientation_applied: bool
    several_frames: bool


def decode(data: bytes, max_pixels: int) -> Decoded:
    """The first frame of a picture in one of FORMATS, upright.

    The header's size is compared with `max_pixels` before a pixel is decoded. An EXIF block that
    cannot be read counts as none.

    Raises:
        InvalidImage: the bytes are none of FORMATS, or damaged.
        TooLarge: more than `max_pixels` pixels.
    """
    image = _opened(data, max_pixels)
    _check_size(image, max_pixels)
    # Pillow turns TIFF upright while it loads; asking a PNG this early would make it load.
    turned = _orientation(image) if image.format == "TIFF" else 1
    several = _load(image, data, max_pixels)
    _check_size(image, max_pixels)
    left = _orientation(image)
    upright = image.transpose(UPRIGHT[left]) if left in UPRIGHT else image
    return Decoded(upright, _name(image), turned in UPRIGHT or left in UPRIGHT, several)


def _opened(data: bytes, max_pixels: int) -> Image.Image:
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
    """The EXIF orientation, 1 to 8; 1 (upright) without a readable one."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except FAILURES:
        return 1
    return value if isinstance(value, int) else 1


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

"""Decoding of image files with Pillow, within limits."""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from models.errors import InvalidImage, TooLarge, shown
from models.files.signatures import JSON, PDF, START_BYTES, VIDEO, Role, kind_of
from models.files.unsupported import Advice, unsupported_data
from models.images.orientation import TRANSPOSITIONS, UPRIGHT

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""The formats that Pillow may try; all other decoders are disabled."""
AS_PNG = "save it as PNG or JPEG"
ADVICE: Advice = {
    Role.PICTURE: AS_PNG,
    PDF: AS_PNG,
    VIDEO: AS_PNG,
    JSON: "numbers as JSON go under inputs",
    Role.TENSORS: "a file of tensors is the part tensor of a form",
    Role.WEIGHTS: "weights come with PUT /v1/models/{name}, as the part weights",
}
"""The advice for a file that is not an image."""
FAILURES = (
    OSError, ValueError, SyntaxError, RuntimeError, EOFError, struct.error, zlib.error, MemoryError,
    ArithmeticError, LookupError, TypeError, AttributeError, AssertionError,
)  # fmt: skip
"""Exceptions of Pillow's decoders on damaged files; they carry no further information."""
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
"""Pillow's own limit, above this one: an exception, or a warning where warnings are errors."""
ADDRESS = re.compile(r" at 0x[0-9a-f]+", re.IGNORECASE)
"""Where an object is in memory: a part of some of Pillow's messages that differs each time."""
ORIENTATION = 0x0112
"""The EXIF tag; TIFF uses the same number."""


class OpenedImage(NamedTuple):
    """Image with its header read and its pixels not decoded, and its bytes."""

    image: Image.Image
    data: bytes


class DecodedImage(NamedTuple):
    """First frame of an image, as it is stored."""

    image: Image.Image
    orientation: int
    """The EXIF orientation, 1 to 8, that is still to be applied; 1 is upright."""
    format: str
    orientation_applied: bool
    """Whether the stored image is not upright."""
    has_more_frames: bool


def open_image(data: bytes, max_pixels: int) -> OpenedImage:
    """Read the header of an image in one of FORMATS; no pixel is decoded.

    Raises:
        InvalidImage: the format is not in FORMATS, or the header is damaged.
        TooLarge: more than `max_pixels` pixels.
    """
    image = _open(data, max_pixels)
    _check_size(image, max_pixels)
    return OpenedImage(image, data)


def decode(picture: OpenedImage, max_pixels: int) -> DecodedImage:
    """Decode the first frame of an image. An EXIF block that cannot be read is ignored.

    Raises:
        InvalidImage: it is damaged.
        TooLarge: more than `max_pixels` pixels, even if the header declares fewer.
    """
    image, data = picture
    # Pillow applies the orientation of TIFF as it loads; reading that of a PNG this early would load it.
    applied = _orientation(image) if image.format == "TIFF" else UPRIGHT
    more_frames = _load(image, data, max_pixels)
    _check_size(image, max_pixels)
    remaining = _orientation(image)
    return DecodedImage(image, remaining, _format_name(image), (applied, remaining) != (UPRIGHT, UPRIGHT), more_frames)


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Read the header of an image."""
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except BOMBS as error:
        raise _too_large("more than Pillow opens", max_pixels) from error
    except UnidentifiedImageError as error:
        if (name := _declared_format(data)) is not None:
            raise _damaged(data, name, error) from error
        raise InvalidImage(problems=[unsupported_data(data, f"one of {', '.join(FORMATS)}", "", ADVICE)]) from error
    except FAILURES as error:
        raise _damaged(data, None, error) from error


def _declared_format(data: bytes) -> str | None:
    """Return which of FORMATS a file begins like: Pillow identifies none with a damaged header or without a pixel."""
    kind = kind_of(data[:START_BYTES])
    name = kind.name.split()[1] if kind is not None and kind.role is Role.PICTURE else ""
    return name if name.upper() in FORMATS else None


def _load(image: Image.Image, data: bytes, max_pixels: int) -> bool:
    """Decode the pixels in place; return whether there are further frames."""
    try:
        has_more_frames = bool(getattr(image, "is_animated", False))
        image.load()
    except BOMBS as error:
        raise _too_large("more than Pillow decodes", max_pixels) from error
    except FAILURES as error:
        raise _damaged(data, image.format, error) from error
    return has_more_frames


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise _too_large(f"{height} × {width} = {width * height} pixels", max_pixels)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; UPRIGHT if it cannot be read."""
    try:
        value = image.getexif().get(ORIENTATION, UPRIGHT)
    except FAILURES:
        return UPRIGHT
    return value if isinstance(value, int) and value in TRANSPOSITIONS else UPRIGHT


def _format_name(image: Image.Image) -> str:
    """Return the format's name. MPO is Pillow's name for a JPEG with further images after the first."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def _damaged(data: bytes, name: str | None, error: BaseException) -> InvalidImage:
    expected = f"a whole {name} file of 1 pixel or more" if name else f"one of {', '.join(FORMATS)}"
    received = f"{len(data)} bytes; Pillow says {shown(ADDRESS.sub('', str(error)), 120)}"
    return InvalidImage.at("", "the picture is damaged or cut short", expected=expected, received=received)


def _too_large(received: str, max_pixels: int) -> TooLarge:
    return TooLarge.at(
        "",
        "the picture is too large",
        expected=f"at most {max_pixels} pixels",
        received=received,
        suggestion="send a smaller one",
    )

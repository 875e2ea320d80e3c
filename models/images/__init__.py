"""Input images: decoded within limits, converted to the channels and size of an input, and scaled."""

from models.images.decode import OpenedImage, open_image
from models.images.memory import reading_memory
from models.images.read import image_bytes, read_image, read_opened, stack
from models.images.resize import Resize
from models.images.scale import Scale

__all__ = [
    "OpenedImage",
    "Resize",
    "Scale",
    "image_bytes",
    "open_image",
    "read_image",
    "read_opened",
    "reading_memory",
    "stack",
]

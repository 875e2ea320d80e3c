"""Pictures on their way in: decoded within limits, brought to the channels and size of an input, and scaled."""

from models.images.decode import Opened, opened
from models.images.memory import reading_memory
from models.images.read import image_bytes, read_image, read_opened, stack
from models.images.resize import Resize
from models.images.scale import Scale

__all__ = [
    "Opened",
    "Resize",
    "Scale",
    "image_bytes",
    "opened",
    "read_image",
    "read_opened",
    "reading_memory",
    "stack",
]

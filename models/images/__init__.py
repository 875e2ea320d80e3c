"""Pictures on their way in: decoded within limits, brought to the channels and size of an input, and scaled."""

from models.images.read import image_bytes, read_image, stack
from models.images.resize import Resize
from models.images.scale import Scale

__all__ = ["Resize", "Scale", "image_bytes", "read_image", "stack"]

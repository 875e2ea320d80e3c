"""PNG encoding."""

from __future__ import annotations

import io
from collections.abc import Mapping

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from models.tensors.dtypes import Array

PREFIX = "layerscope:"


def png(pixels: Array, texts: Mapping[str, str]) -> bytes:
    """Encode (height, width, 3) uint8 with texts under keys `layerscope:…`; the bytes are deterministic."""
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(PREFIX + key, text)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()

"""Colour maps, from codes 0 to 255 to RGB."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from models.tensors.dtypes import Array
from service.pictures.tables import CIVIDIS, COOLWARM, MAGMA, VIRIDIS

ColourMap = Literal["gray", "viridis", "cividis", "magma", "coolwarm"]
COLOUR_MAPS: tuple[str, ...] = get_args(ColourMap)
DIVERGING: Literal["coolwarm"] = "coolwarm"
"""The diverging map, for values around zero."""
GUTTER = (64, 64, 96)
"""Colour between maps; not a grey, so that it is not mistaken for a value."""
NONFINITE = (255, 0, 255)
"""Colour of NaN and infinities; not in any map."""

TABLES = {"viridis": VIRIDIS, "cividis": CIVIDIS, "magma": MAGMA, "coolwarm": COOLWARM}


def table(name: str) -> Array:
    """Return the 256 colours of a map, (256, 3) uint8."""
    if name == "gray":
        return np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(256, 3)
    return np.frombuffer(bytes.fromhex(TABLES[name]), np.uint8).reshape(256, 3)

"""The view `dtype`: the values in fewer bytes."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from models.errors import InvalidOption, shown, suggest
from models.tensors.dtypes import DTYPES, Array, kind_of
from models.views.tensor_type import TensorType

NAMES = ("float16", "bfloat16", "float32", "float64", "uint8")
"""The dtypes that values are cast to."""
CHUNK = 1 << 20
"""Elements quantized at a time, in double precision."""
EXPECTED = f"one of {', '.join(NAMES)}"


class Cast(msgspec.Struct, frozen=True):
    """Cast to the nearest values of a floating-point dtype, or to the 256 steps of `offset + scale * uint8`.

    Values too large for the dtype become infinite and are counted as overflow. scale and offset are per tensor: its
    minimum is 0, its maximum 255, and every value is at most half a scale off.
    """

    dtype: str
    pointer: str

    def result_type(self, tensor: TensorType) -> TensorType:
        """Return the same shape in the new dtype."""
        return TensorType(tensor.shape, self.dtype, tensor.axes)

    def apply(self, array: Array, address: str) -> tuple[Array, dict[str, Any]]:
        """Return the cast values, and the facts for the reply: `overflow`, or `scale` and `offset`.

        Raises:
            InvalidOption: the tensor has NaN or infinities, which uint8 cannot hold.
        """
        if self.dtype == "uint8":
            return self._quantize(array, address)
        with np.errstate(over="ignore"):
            cast = array.astype(DTYPES[self.dtype], copy=False)
        return cast, {"overflow": _infinities(cast) - _infinities(array)}

    def _quantize(self, array: Array, address: str) -> tuple[Array, dict[str, Any]]:
        low, high = float(array.min()), float(array.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            non_finite = array.size - int(np.count_nonzero(np.isfinite(array)))
            message = f"{address}: uint8 has no NaN and no infinities"
            raise InvalidOption.at(
                self.pointer, message, "finite values", f"{non_finite:,} that are not", 'write "float16"'
            )
        scale = (high / 2 - low / 2) / 255 * 2  # in halves, for the range itself may overflow
        codes, flat = np.empty(array.size, np.uint8), array.reshape(-1)
        for start in range(0, flat.size, CHUNK):
            wide = flat[start : start + CHUNK].astype(np.float64) / 2 - low / 2
            codes[start : start + CHUNK] = np.clip(np.rint(wide / ((scale / 2) or 1.0)), 0, 255)
        return codes.reshape(array.shape), {"scale": scale, "offset": low}


def _infinities(array: Array) -> int:
    return int(np.count_nonzero(np.isinf(array))) if kind_of(array.dtype) == "float" else 0


def parse_cast(value: Any, pointer: str) -> Cast:
    """Parse the name of a dtype.

    Raises:
        InvalidOption: tensors are not sent in it.
    """
    if isinstance(value, str) and value.strip() in NAMES:
        return Cast(value.strip(), pointer)
    advice = suggest(value, NAMES)
    raise InvalidOption.at(pointer, "tensors are not sent in this dtype", EXPECTED, shown(value), advice)

"""Window functions of signal processing, as `scipy.signal.get_window` computes them."""

from typing import Annotated, Literal

import numpy as np

from models.layers.fields import AnyCase

WindowName = Annotated[
    Literal["hann", "hamming", "blackman", "nuttall", "blackmanharris", "flattop", "boxcar"], AnyCase
]
COSINES: dict[str, tuple[float, ...]] = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.50, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
"""Coefficients of sums of cosines. Source: scipy.signal.windows."""


def window_values(name: str, length: int, periodic: bool) -> list[float]:
    """Return the `length` values of a window; a periodic one omits the last of `length + 1` values."""
    points = length + 1 if periodic else length
    angles = np.linspace(-np.pi, np.pi, points)
    waves = (weight * np.cos(order * angles) for order, weight in enumerate(COSINES[name]))
    values: list[float] = sum(waves, np.zeros(points))[:length].tolist()
    return values

"""Method `grad_cam`."""

from __future__ import annotations

import numpy as np

from models.explaining.maps import MapMethod
from models.tensors.dtypes import Array


class GradCam(MapMethod):
    """A map of the channels, each weighted by its mean gradient (Selvaraju et al. 2017, arXiv:1610.02391)."""

    name = "grad_cam"

    def map_of(self, activations: Array, gradients: Array) -> Array:
        """Return Σ_c mean_hw(gradient) × activation (equations 1 and 2)."""
        return np.asarray(np.einsum("nhwc,nc->nhw", activations, gradients.mean(axis=(1, 2))))

"""Method `layer_cam`."""

from __future__ import annotations

import numpy as np

from models.explaining.maps import MapMethod
from models.tensors.dtypes import Array


class LayerCam(MapMethod):
    """A map of the activations, each weighted by its positive gradient (Jiang 2021, doi:10.1109/TIP.2021.3089943)."""

    name = "layer_cam"

    def map_of(self, activations: Array, gradients: Array) -> Array:
        """Return Σ_c relu(gradient) × activation."""
        return np.asarray(np.einsum("nhwc,nhwc->nhw", activations, np.maximum(gradients, 0)))

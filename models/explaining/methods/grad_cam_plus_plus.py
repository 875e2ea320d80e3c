"""Method `grad_cam++`."""

from __future__ import annotations

import numpy as np

from models.explaining.maps import MapMethod
from models.tensors.dtypes import Array


class GradCamPlusPlus(MapMethod):
    """Grad-CAM with weights for each position that speaks for the target (Chattopadhay 2018, arXiv:1710.11063)."""

    name = "grad_cam++"

    def map_of(self, activations: Array, gradients: Array) -> Array:
        """Return Σ_c Σ_hw(α × relu(gradient)) × activation with the paper's α for a score within an exponential
        (eq. 19): g² / (2 g² + g³ Σ_hw activation), 0 where the gradient is.
        """
        squares = gradients**2
        denominator = 2 * squares + squares * gradients * activations.sum(axis=(1, 2), keepdims=True)
        alphas = np.divide(squares, denominator, out=np.zeros_like(squares), where=denominator != 0)
        weights = (alphas * np.maximum(gradients, 0)).sum(axis=(1, 2))
        return np.asarray(np.einsum("nhwc,nc->nhw", activations, weights))

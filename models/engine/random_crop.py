"""Keras' RandomCrop, announcing what it returns at inference."""

from __future__ import annotations

from typing import Any

import keras

from models.layers.sizes import Shape


class WholeImage(keras.layers.RandomCrop):  # type: ignore[misc]
    """RandomCrop at inference: the image itself, of any size, though Keras announces that of the crop.

    Source: keras.src.layers.preprocessing.image_preprocessing.random_crop.RandomCrop (transform_images).
    """

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return where to crop; nothing at inference, where Keras needs known lengths for a window it does not use."""
        return super().get_random_transformation(data, training, seed) if training else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the image."""
        return tuple(input_shape)

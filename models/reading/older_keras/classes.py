"""Classes of Keras 1 and 2 under their names in Keras 3, and those that Keras 3 has no equivalent of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from models.errors import shown
from models.files.keras_versions import BACKEND, VERSION
from models.reading.keras_json.classes import custom_refusal
from models.reading.keras_json.site import Site
from models.reading.older_keras.masks import layers_below
from models.reading.older_keras.values import CONVOLUTION

MERGES = {
    "sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot",
    "cos": "Dot",
}  # fmt: skip
"""The `mode` of Keras 1's Merge, and the class of Keras 3."""
OWN = ("keras.", "tf_keras.", "tensorflow.python.keras.", "tensorflow.keras.")
"""Packages of Keras' own classes; Keras 1 and most of Keras 2 name no module."""


def _merge(config: dict[str, Any], site: Site) -> str:
    """Return the class of a Merge by its mode; a function is code."""
    mode = config.get("mode")
    if not isinstance(mode, str) or mode not in MERGES or config.get("mode_type", "raw") != "raw":
        raise site.reading("mode").refusal("Merge is known by these modes only", ", ".join(MERGES), shown(mode))
    return MERGES[mode]


CLASSES: dict[str, str | Callable[[dict[str, Any], Site], str]] = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "Custom>CustomScaleLayer": "CustomScaleLayer",
    "GRUV1": "GRU",
    "LSTMV1": "LSTM",
    "Merge": _merge,
    "RandomCrop": "Resizing",
    "RandomHeight": "Identity",
    "RandomWidth": "Identity",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "SyncBatchNormalization": "BatchNormalization",
    "ThresholdedReLU": "ReLU",
    "TimeDistributedDense": "Dense",
}
"""The class of Keras 3 that computes the same at inference."""
CUDNN = {"activation": "tanh", "recurrent_activation": "sigmoid"}
"""What the layers for NVIDIA's library compute, which Keras does not write."""
FIXED: dict[str, dict[str, Any]] = {
    "CuDNNGRU": CUDNN | {"reset_after": True},
    "CuDNNLSTM": CUDNN,
    "RandomCrop": {"crop_to_aspect_ratio": True},
}
"""Arguments of Keras 3 that a class of Keras 2 implies."""
CROPS_FIRST = 8
"""The minor version of Keras 2 whose RandomCrop crops before it resizes."""
REBUILD = "build the same from layers and operations of GET /v1/layers, and send it with the weights"
GONE: dict[str, tuple[str, str]] = {
    "Deconvolution2D": ("is a layer of Keras 1 whose kernel has its axes in another order", REBUILD),
    "Deconvolution3D": ("is a layer of Keras 1 whose kernel has its axes in another order", REBUILD),
    "Highway": ("is a layer of Keras 1 that was removed", REBUILD),
    "LocallyConnected1D": ("has weights of its own for each place, which no layer of Keras 3 has", REBUILD),
    "LocallyConnected2D": ("has weights of its own for each place, which no layer of Keras 3 has", REBUILD),
    "MaxoutDense": ("is a layer of Keras 1 that was removed", REBUILD),
    "ParametricSoftplus": ("is a layer of Keras 1 that was removed", REBUILD),
    "SReLU": ("is a layer of Keras 1 that was removed", REBUILD),
    "TensorFlowOpLayer": (
        "holds a node of TensorFlow's graph, which is not run",
        "save the model with TensorFlow 2.4 or later, which writes the function's name",
    ),
}
"""Classes without an equivalent: why, and what to do instead."""


def check_kernels(raw: dict[str, Any], site: Site) -> None:
    """Refuse convolutions of Keras on Theano, which turns their kernels by half a turn."""
    if raw.get(BACKEND) == "theano" and any(CONVOLUTION in str(one["class_name"]) for one in layers_below(raw)):
        message, expected = "convolutions of Keras on Theano turn their kernels", "a model saved on TensorFlow"
        raise site.reading(BACKEND).refusal(message, expected, '"theano"', "save it with Keras on TensorFlow")


def check_crops(raw: dict[str, Any], site: Site) -> None:
    """Refuse RandomCrop of versions that computed something else at inference: before 2.8 it resized first and cropped
    then, and kept integers. Later ones crop to the ratio of the sides and resize, as Resizing does.
    """
    version = re.match(r"2\.(\d{1,3})\.", str(raw.get(VERSION)))
    is_known = version is not None and int(version[1]) >= CROPS_FIRST
    if not is_known and any(one["class_name"] == "RandomCrop" for one in layers_below(raw)):
        message = "RandomCrop computes something else at inference in the Keras that wrote this"
        advice = "write Resizing with crop_to_aspect_ratio, or CenterCrop, in its place"
        received = shown(raw.get(VERSION)) if VERSION in raw else "no version"
        raise site.reading(VERSION).refusal(message, f"keras_version 2.{CROPS_FIRST} or later", received, advice)


def check_known(entry: dict[str, Any], word: str, site: Site) -> None:
    """Check that the class is Keras' own, as far as the file tells.

    Raises:
        InvalidDocument: pointing at the module or the registered name.
    """
    module, registered = entry.get("module"), entry.get("registered_name")
    if module is not None and not (isinstance(module, str) and f"{module}.".startswith(OWN)):
        raise custom_refusal(word, site, "module", module)
    if registered is not None and registered != word:
        raise custom_refusal(word, site, "registered_name", registered)

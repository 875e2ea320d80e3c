"""What keras.layers has and the catalogue has not, each with its reason."""

from __future__ import annotations

EXCLUDED: dict[str, str] = {
    "FlaxLayer": "it runs code of another framework, JAX",
    "Input": "inputs are declared in the document's own field, input",
    "InputLayer": "inputs are declared in the document's own field, input",
    "InputSpec": "it describes an input inside Keras; it is not a layer",
    "JaxLayer": "it runs code of another framework, JAX",
    "Lambda": "its argument is code",
    "Layer": "it is the base class of all layers and computes nothing",
    "MaxNumBoundingBoxes": "it pads bounding boxes, which documents do not have, and leaves images as they are",
    "RandomCrop": "at inference Keras announces the cropped shape and returns the whole image",
    "StringLookup": "it looks up strings, and tensors here are numbers",
    "TFSMLayer": "it loads code and weights from a file",
    "TextVectorization": "it splits strings, and tensors here are numbers",
    "TorchModuleWrapper": "it runs code of another framework, PyTorch",
    "Wrapper": "it is the base class of wrappers and computes nothing",
}
"""By the name in keras.layers."""

"""Classes of keras.layers excluded from the catalogue, with reasons and alternatives."""

EXCLUDED: dict[str, str] = {
    "FlaxLayer": "it runs code of another framework, JAX",
    "InputSpec": "it describes an input inside Keras; it is not a layer",
    "JaxLayer": "it runs code of another framework, JAX",
    "Lambda": "its argument is code",
    "Layer": "it is the base class of all layers and computes nothing",
    "MaxNumBoundingBoxes": "it pads bounding boxes, which documents do not have, and leaves images as they are",
    "StringLookup": "it looks up strings, and tensors here are numbers",
    "TFSMLayer": "it loads code and weights from a file",
    "TextVectorization": "it splits strings, and tensors here are numbers",
    "TorchModuleWrapper": "it runs code of another framework, PyTorch",
    "Wrapper": "it is the base class of wrappers and computes nothing",
}
"""Reason for the exclusion, by the name in keras.layers."""
FROM_LAYERS = "build the same from layers and operations of GET /v1/layers, such as ops.multiply"
LOOK_UP = 'look the strings up before, and post integers: "input": {"shape": […], "dtype": "int64"}'
DECLARE = 'declare the shape in the document\'s "input"'
INSTEAD: dict[str, str] = {
    "FlaxLayer": FROM_LAYERS,
    "InputSpec": DECLARE,
    "JaxLayer": FROM_LAYERS,
    "Lambda": FROM_LAYERS,
    "Layer": 'write "Block" with "layers", as a sub-class would hold them',
    "MaxNumBoundingBoxes": "leave it out",
    "StringLookup": LOOK_UP,
    "TFSMLayer": FROM_LAYERS,
    "TextVectorization": LOOK_UP,
    "TorchModuleWrapper": FROM_LAYERS,
    "Wrapper": "write the layer that it wraps",
}
"""Alternative to each excluded class."""
INPUT_LAYERS = ("InputLayer", "Input")
"""Keras' input declarations: not layers of a network, but accepted at the head of a document's layers."""

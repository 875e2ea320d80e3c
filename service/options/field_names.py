"""Names of the fields of requests that are not options: the same in JSON, in forms and in uploads."""

from __future__ import annotations

MODEL, INPUTS = "model", "inputs"
SIDES = ("a", "b")
"""The two sides of a comparison, each with fields of its own."""
IMAGE, TENSOR = "image", "tensor"
"""Fields of files for the input that nothing else names."""
WEIGHTS = "weights"
"""Field of the weights file of an upload."""
LABELS = "labels"
"""Field of the class labels of an upload."""
MODEL_HEADER = "X-Layerscope-Model"
"""The id of a document of the request, in replies; a proxy can keep requests that send it back on one instance."""

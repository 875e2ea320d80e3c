"""Limits of networks, layers and tensors, and of the names of models."""

from __future__ import annotations

import re

MAX_EXTENT = 1024
"""Largest kernel, pool, stride, dilation, padding or repetition along one axis."""
MAX_FEATURES = 2**20
"""Most units, filters or features of one layer."""
MAX_LENGTH = 2**24
"""Longest single axis of a tensor, and the largest vocabulary."""
MAX_LAYERS = 2048
"""Most layers in one document, those inside blocks included. NASNetLarge, the longest of keras.applications, has
1,041."""
MAX_INPUTS = 64
"""Most inputs of a network or a block."""
MAX_RANK = 8
"""Most axes of a tensor, the batch included (TensorFlow aborts at 255)."""
MAX_LABELS = 65_536
"""Most class labels in one list: the items of arrays that a document may have."""
MAX_LABEL = 256
"""Most characters of a class label."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names of registered models."""

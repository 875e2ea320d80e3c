"""Attributes of HDF5 files in Keras' older format: the layers in order, their weights, and the model's JSON.

Keras 1 and 2 write it, and Keras 3 for names that end in `.h5`. Runs in the short-lived process only: h5py may crash or
loop for ever on damaged attributes.
Source: tf_keras.src.saving.legacy.hdf5_format (save_model_to_hdf5, save_attributes_to_hdf5_group).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5g, h5t

from models.weights.reader_messages import OlderFile, SavedLayer
from models.weights.reader_refusal import Refusal

WEIGHTS, LAYERS, NAMES = "model_weights", "layer_names", "weight_names"
MAX_TEXT = 16 * 1024 * 1024
"""Most characters of the JSON, and most bytes of one attribute of names."""
MAX_NAMES = 8192
"""Most names in one list."""
NOT_WALKED = frozenset(("", ".", "..", "optimizer", "optimizer_weights"))
"""Parts of paths to groups whose links have not been checked."""
MAX_NAME = 1024
"""Most characters of a name."""
MAX_CHUNKS = 1024
"""Most attributes that hold one list: above 64,512 bytes it is divided, `layer_names0`, `layer_names1`, …"""


def older_file(root: h5g.GroupID, tensors: Collection[str]) -> OlderFile | None:
    """Return what a file in the older format says of itself; None for other files.

    Raises:
        Refusal: an attribute is too large, not text, or names a tensor that is not in the file.
    """
    is_whole = WEIGHTS in h5py.Group(root)
    group, prefix = (h5g.open(root, WEIGHTS.encode()), f"{WEIGHTS}/") if is_whole else (root, "")
    names = _list(group, LAYERS)
    if names is None:
        return None
    if len(set(names)) < len(names):
        raise Refusal("the file names a layer twice", f"{len(names)} names of {len(set(names))} layers")
    layers = tuple(SavedLayer(name, tuple(_paths(group, name, prefix, tensors))) for name in names)
    if sum(len(layer.paths) for layer in layers) > len(tensors):
        raise Refusal("the file names a weight twice", f"more names than its {len(tensors)} tensors")
    backend = _text(group, "backend") or _text(root, "backend")
    return OlderFile(layers, _text(root, "model_config"), _text(root, "keras_version"), backend)


def _paths(group: h5g.GroupID, name: str, prefix: str, tensors: Collection[str]) -> Iterator[str]:
    """Yield the paths of a layer's weights."""
    if not NOT_WALKED.isdisjoint(name.split("/")) or name.encode() not in group:
        raise Refusal("the file names a layer that it does not hold", _shown(name))
    for weight in _list(h5g.open(group, name.encode()), NAMES) or ():
        path = f"{prefix}{name}/{weight}"
        if path not in tensors:
            raise Refusal("the file names a weight that it does not hold", _shown(path))
        yield path


def _list(group: h5g.GroupID, name: str) -> list[str] | None:
    """Return the names in an attribute, or in several that continue one another; None without it."""
    if h5a.exists(group, name.encode()):
        return _names(group, name)
    chunks: list[str] = []
    for number in range(MAX_CHUNKS):
        if not h5a.exists(group, f"{name}{number}".encode()):
            return chunks if number else None
        chunks += _names(group, f"{name}{number}")
        if len(chunks) > MAX_NAMES:
            break
    raise Refusal("the file has too many names", f"over {MAX_NAMES} in {name}", too_large=True)


def _names(group: h5g.GroupID, name: str) -> list[str]:
    values = np.atleast_1d(_value(group, name))
    if values.size > MAX_NAMES:
        raise Refusal("the file has too many names", f"over {MAX_NAMES} in {name}", too_large=True)
    decoded = [_decoded(value, name) for value in values.tolist()]
    if any(len(value) > MAX_NAME for value in decoded):
        raise Refusal("a name is too long", f"over {MAX_NAME} characters in {name}", too_large=True)
    return decoded


def _text(group: h5g.GroupID, name: str) -> str | None:
    return _decoded(_value(group, name), name) if h5a.exists(group, name.encode()) else None


def _value(group: h5g.GroupID, name: str) -> Any:
    """Return the value of an attribute: text, or several; of an empty list Keras writes no text."""
    attribute = h5a.open(group, name.encode())
    if attribute.shape == (0,):
        return ()
    if attribute.get_type().get_class() != h5t.STRING:
        raise Refusal("an attribute holds something other than text", name)
    if attribute.get_storage_size() > MAX_TEXT:
        raise Refusal("an attribute is too large", f"over {MAX_TEXT} bytes of {name}", too_large=True)
    return h5py.Group(group).attrs[name]


def _decoded(value: Any, name: str) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise Refusal("an attribute holds something other than text", name)
    if len(text) > MAX_TEXT:
        raise Refusal("an attribute is too large", f"over {MAX_TEXT} characters of {name}", too_large=True)
    return text


def _shown(path: str) -> str:
    return path.encode("unicode_escape").decode("ascii")[-200:]

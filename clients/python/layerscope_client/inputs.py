"""Inputs and options of a request, as parts of a form."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from layerscope_client.calls import Part
from layerscope_client.tensors import array_of, json_tensor, npy

Inputs: TypeAlias = Any
"""One input, or a mapping of inputs by name. An input is a picture (a path, a file's bytes, a PIL image), a list of
pictures, the path of an .npy, .npz or .safetensors file, or what NumPy makes an array of numbers of."""
TENSOR_FILES = (".npy", ".npz", ".safetensors")
FORMAT = "PNG"
"""Of PIL images: their pixels unchanged."""


def is_image(value: Any) -> bool:
    """Whether a value is a path, the bytes of a file, or a PIL image (told by what it has, not by its class)."""
    return isinstance(value, str | bytes | bytearray | memoryview | PathLike) or (
        hasattr(value, "mode") and hasattr(value, "save")
    )


def pictures_of(value: Any) -> list[Any] | None:
    """Return the pictures of one input, a batch of them; None if it is an array."""
    if is_image(value):
        return [value]
    is_batch = isinstance(value, Sequence) and len(value) > 0 and all(map(is_image, value))
    return list(value) if is_batch else None


def file_of(value: Any) -> bytes:
    """Return the bytes of a picture or a file. Raises OSError if a path cannot be read."""
    if isinstance(value, str | PathLike):
        return Path(fspath(value)).read_bytes()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    file = io.BytesIO()
    value.save(file, FORMAT)
    return file.getvalue()


def input_parts(inputs: Inputs) -> list[Part]:
    """Return the parts of a form that are its inputs. Raises TypeError for what is no input, OSError for a path."""
    if isinstance(inputs, Mapping):
        return [part for name, value in inputs.items() for part in _parts(value, f"inputs.{name}", f"inputs.{name}")]
    return list(_parts(inputs, "image", "tensor"))


def _parts(value: Any, picture: str, tensor: str) -> Iterator[Part]:
    pictures = pictures_of(value)
    if pictures is None:
        yield tensor, ("tensor.npy", npy(value))
        return
    for one in pictures:
        is_tensor = isinstance(one, str | PathLike) and Path(fspath(one)).suffix in TENSOR_FILES
        yield tensor if is_tensor else picture, ("file", file_of(one))


def option_parts(options: Mapping[str, Any]) -> list[Part]:
    """Return options as fields of a form; those that are None are left out."""
    return [(name, (None, _text(name, value))) for name, value in options.items() if value is not None]


def _text(name: str, value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value, name), allow_nan=False)


class Named:
    """What the service knows by a name: a model."""

    name: str


def plain(value: Any, name: str = "") -> Any:
    """Return what JSON has for a value of an option: arrays nested, models as their names, `inputs` as tensors."""
    if name == "model" or isinstance(value, Named):
        return getattr(value, "name", value)
    if isinstance(value, Mapping):
        return {key: plain(item, "inputs" if name == "inputs" else key) for key, item in value.items()}
    if name == "inputs":
        return _tensor_json(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not isinstance(value, np.ndarray | np.generic):
        return value
    array = array_of(value)
    return (array if array.dtype.kind in "biuf" else array.astype(float)).tolist()


def _tensor_json(value: Any) -> dict[str, Any]:
    pictures = pictures_of(value)
    if pictures is None:
        return json_tensor(value)
    images = [base64.b64encode(file_of(one)).decode() for one in pictures]
    return {"image": images[0] if len(images) == 1 else images}


def batch_of(inputs: Inputs, shapes: Mapping[str, Sequence[int | None]]) -> int | None:
    """Return how many items inputs have, where `shapes` are those of a network's inputs without the batch; None if only
    the service can tell.
    """
    name, value = next(iter(inputs.items())) if isinstance(inputs, Mapping) else (next(iter(shapes)), inputs)
    pictures = pictures_of(value)
    if pictures is not None:
        is_tensor = isinstance(pictures[0], str | PathLike) and Path(fspath(pictures[0])).suffix in TENSOR_FILES
        return None if is_tensor else len(pictures)
    array = array_of(value)
    return len(array) if array.ndim > len(shapes.get(name, ())) else 1

"""The inputs of a request, undecoded and decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.files.signatures import (
    NPY_START,
    START_BYTES,
    ZIP_START,
    Role,
    is_safetensors,
    kind_of,
)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class InputPayload:
    """Undecoded inputs of a request. The three fields together have each input once."""

    inputs: Any = None
    """JSON: one tensor, or an object of tensors by name."""
    files: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """By form field, files that do not name an input: a tensor file, or images, by their content."""
    parts: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """By input name, the content of the form fields `inputs.<name>`: images, a tensor file, or JSON."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no input."""
        return self.inputs is None and not self.files and not self.parts

    @property
    def has_images(self) -> bool:
        """Whether there are image files, which are slow to decode."""
        return any(not is_tensor_file(file) for files in self.files.values() for file in files)


@dataclass(frozen=True)
class DecodedInput:
    """Decoded input."""

    array: Array
    pointer: str
    batched: bool | None = None
    """Whether the first axis is the batch; None if the rank decides."""
    dtype: str | None = None
    """The dtype in the request, if any."""
    preprocessing: dict[str, Any] = field(default_factory=dict)


def is_input_file(data: bytes) -> bool:
    """Whether bytes are an image or a tensor file, by signature. JSON is ruled out first: it is received thousands of
    times per second.
    """
    return is_tensor_file(data) or (not data.startswith(b"{") and is_image_file(data))


def is_image_file(data: bytes) -> bool:
    """Whether it is an image, also in an unsupported format."""
    kind = kind_of(data[:START_BYTES])
    return kind is not None and kind.role is Role.PICTURE


def is_tensor_file(data: bytes) -> bool:
    """Whether it is handled, or rejected, as a tensor file; images have other signatures."""
    return data.startswith((NPY_START, ZIP_START)) or is_safetensors(data)

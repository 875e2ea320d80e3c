"""The input half of a request, and how each piece of it becomes an array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.errors import InvalidTensor, LayerscopeError, Problem, TooLarge, Unparsable
from models.images import image_bytes, read_image, stack
from models.inputs import InputSpec
from models.tensors import parse_tensor, read_npy, read_npz, read_safetensors
from service.bodies import parse_json
from service.options import ActivationOptions
from service.settings import Settings

Array = np.ndarray[Any, Any]
UNNAMED = ""
"""The name of what a .npy file holds."""


@dataclass(frozen=True)
class Posted:
    """Inputs as they came. Several of these together are one set, in which each input stands once."""

    inputs: Any = None
    """JSON: one tensor, or an object of tensors by name."""
    images: tuple[bytes, ...] = ()
    tensor: bytes | None = None
    """A .npy, .npz or .safetensors file."""
    parts: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """By input name what a form's `inputs.<name>` holds: images, a tensor file, or JSON."""


@dataclass(frozen=True)
class Given:
    """One input, decoded."""

    array: Array
    pointer: str
    batched: bool | None = None
    """Whether the first axis is the batch; None when that is to be judged by the rank."""
    dtype: str | None = None
    """The dtype the client wrote, if any."""
    preprocessing: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """Decodes inputs by the options of one request, within limits. `spec` is None for an undeclared input."""

    options: ActivationOptions
    settings: Settings

    def json(self, raw: Any, spec: InputSpec | None, pointer: str) -> Given:
        """A tensor in JSON, or `{"image": "<base64>"}`."""
        if isinstance(raw, dict) and isinstance(raw.get("image"), str) and set(raw) == {"image"}:
            return self.images([image_bytes(raw["image"], f"{pointer}/image")], spec, f"{pointer}/image")
        dtype = raw.get("dtype") if isinstance(raw, dict) and isinstance(raw.get("dtype"), str) else None
        return Given(parse_tensor(raw, pointer, spec.dtype if spec is not None else None), pointer, None, dtype)

    def images(self, files: Sequence[bytes], spec: InputSpec | None, pointer: str) -> Given:
        """One or more images as a batch of height × width × channels."""
        shape = tuple(spec.shape) if spec is not None else None
        if shape is not None and len(shape) != 3:
            message = "the network's input is not an image"
            expected = f"a tensor of shape (batch, {', '.join(str(d) for d in shape)})"
            raise InvalidTensor("", [Problem(pointer, message, expected, "an image")])
        read: list[tuple[Array, dict[str, Any]]] = []
        nbytes = 0
        for number, data in enumerate(files):
            with _at(pointer if len(files) == 1 else f"{pointer}/{number}"):
                read.append(self._image(data, shape))
                nbytes += read[-1][0].nbytes
                check_bytes(nbytes, self.settings)
        with _at(pointer):
            batch = stack([array for array, _ in read])
        notes = read[0][1] if len(read) == 1 else {"images": [note for _, note in read]}
        return Given(self._whole(batch, spec), pointer, True, None, notes)

    def _image(self, data: bytes, shape: Sequence[int | None] | None) -> tuple[Array, dict[str, Any]]:
        options, pixels = self.options, self.settings.max_pixels
        return read_image(data, shape, resize=options.resize, scale=options.scale or "none", max_pixels=pixels)

    def _whole(self, batch: Array, spec: InputSpec | None) -> Array:
        """Resizing makes fractions of whole pixels; an input of integers takes the nearest ones."""
        takes_integers = spec is not None and "int" in spec.dtype
        return np.rint(batch) if takes_integers and self.options.scale == "none" else batch

    def tensors(self, data: bytes, pointer: str) -> dict[str, Array]:
        """What a tensor file holds, by name; a .npy has one UNNAMED."""
        if data.startswith(b"\x93NUMPY"):
            return {UNNAMED: read_npy(data, pointer)}
        if data.startswith(b"PK"):
            return read_npz(data, int(self.settings.max_input_bytes), pointer)
        if _is_safetensors(data):
            return read_safetensors(data, pointer)
        expected = "a .npy, .npz or .safetensors file"
        raise Unparsable("", [Problem(pointer, "this is not a tensor file", expected, f"{len(data):,} other bytes")])

    def part(self, files: Sequence[bytes], spec: InputSpec | None, pointer: str) -> Given:
        """What a form's part for one input holds: a tensor file or JSON by how it begins, and otherwise images."""
        is_tensor_file, is_json = _is_tensor_file(files[0]), _is_json(files[0])
        if not (is_tensor_file or is_json):
            return self.images(files, spec, pointer)
        if len(files) > 1:
            message, expected = "only images make a batch of several parts", "one part, or images"
            raise InvalidTensor("", [Problem(pointer, message, expected, f"{len(files)} parts")])
        if is_tensor_file:
            return Given(_only(self.tensors(files[0], pointer), pointer), pointer)
        with _at(pointer):
            raw = parse_json(files[0])
        return self.json(raw, spec, pointer)


def _only(arrays: Mapping[str, Array], pointer: str) -> Array:
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    message = "a part for one input holds one tensor"
    hint = "send a file of several as `tensor`: its names are the inputs'"
    raise InvalidTensor("", [Problem(pointer, message, "one tensor", f"{len(arrays)} tensors", hint)])


def _is_tensor_file(data: bytes) -> bool:
    return data.startswith((b"\x93NUMPY", b"PK")) or _is_safetensors(data)


def _is_safetensors(data: bytes) -> bool:
    """Eight bytes of length, then JSON; text would be a header of 2 ** 61 bytes."""
    return len(data) > 9 and data[8:9] == b"{" and int.from_bytes(data[:8], "little") < 2**32


def _is_json(data: bytes) -> bool:
    """Whether it begins as JSON does, which no image format does; nothing at all is bad JSON."""
    return data.lstrip()[:1] in b'[{"-0123456789tfn'


def check_bytes(nbytes: int, settings: Settings) -> None:
    """Refuse more than all inputs of a request may have.

    Raises:
        TooLarge: with the limit.
    """
    limit = int(settings.max_input_bytes)
    if nbytes > limit:
        message = "the inputs are over their limit"
        problem = Problem("", message, f"at most {limit:,} bytes", f"{nbytes:,} bytes", "send a smaller batch")
        raise TooLarge("", [problem])


@contextmanager
def _at(pointer: str) -> Iterator[None]:
    """Points the errors of what happens inside at the field it came from."""
    try:
        yield
    except LayerscopeError as error:
        raise error.under(pointer) from None

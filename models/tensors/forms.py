"""Parser of the JSON forms of a tensor: nested, flat with a shape, or base64."""

from __future__ import annotations

import base64
import binascii
from math import prod
from typing import Any

from models.errors import InvalidTensor, Problem, shown, suggest
from models.files.mistaken_text import kind_of_base64, text_advice
from models.files.signatures import Role
from models.tensors.convert import converted
from models.tensors.dtypes import Array, dtype_named, from_bytes
from models.tensors.nested import parse_nested
from models.tensors.numbers import Numbers
from models.tensors.shapes import checked_shape

KEYS = ("shape", "dtype", "data", "base64", "image")
"""Keys of an object that is one tensor."""
EXPECTED = 'nested arrays of numbers, {"shape", "dtype", "data"} or {"shape", "dtype", "base64"}'


def is_tensor_form(raw: Any) -> bool:
    """Whether `raw` is one tensor or image rather than an object of named inputs."""
    if not isinstance(raw, dict):
        return True
    if not set(raw) <= set(KEYS):
        return False
    return "data" in raw or "base64" in raw or _are_images(raw.get("image"))


def _are_images(value: Any) -> bool:
    """Whether this is the base64 of one or more images, rather than the tensor of an input called image."""
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and isinstance(value[0], str))


def parse_tensor(raw: Any, pointer: str, dtype: str | None = None) -> Array:
    """Parse `raw`, the JSON value at `pointer`, into a tensor in C order, little-endian.

    Numbers get their own "dtype", else `dtype`, else the first of bool, int64, uint64 and float64 that
    holds them. The shape is as sent. `models.images` reads images.

    Raises:
        InvalidTensor: with a pointer to the invalid row, number or key.
    """
    if isinstance(raw, list | int | float | Numbers):
        return _parse_numbers(raw, pointer, pointer, dtype)
    if not isinstance(raw, dict):
        raise InvalidTensor.at(
            pointer, "this is not a tensor", expected=EXPECTED, received=shown(raw), suggestion=_advice(raw)
        )
    _check_keys(raw, pointer)
    return _from_base64(raw, pointer) if "base64" in raw else _from_data(raw, pointer, dtype)


def _advice(raw: Any) -> str | None:
    """Return the advice for text in place of a tensor."""
    if not isinstance(raw, str):
        return None
    kind = kind_of_base64(raw)
    is_image = raw.startswith("data:image/") or (kind is not None and kind.role is Role.PICTURE)
    return 'a picture is written {"image": "<base64>"}' if is_image else text_advice(raw.encode())


def _parse_numbers(raw: Any, pointer: str, dtype_pointer: str, dtype: str | None) -> Array:
    if dtype is None:
        return parse_nested(raw, pointer)
    return converted(parse_nested(raw, pointer, dtype_named(dtype, dtype_pointer)), dtype, pointer)


def _check_keys(raw: dict[str, Any], pointer: str) -> None:
    problems = [
        Problem(f"{pointer}/{key}", "a tensor has no such key", EXPECTED, shown(key), suggest(key, KEYS[:4]))
        for key in list(raw)[:20]
        if key not in KEYS[:4]
    ]
    if not problems and ("data" in raw) == ("base64" in raw):
        received = "both" if "data" in raw else "neither"
        problems = [Problem(pointer, "a tensor has either data or base64", EXPECTED, received)]
    if problems:
        raise InvalidTensor(problems=problems)


def _from_data(raw: dict[str, Any], pointer: str, dtype: str | None) -> Array:
    dtype_pointer = f"{pointer}/dtype"
    target = dtype if raw.get("dtype") is None else dtype_named(raw["dtype"], dtype_pointer).name
    values = _parse_numbers(raw["data"], f"{pointer}/data", dtype_pointer, target)
    if raw.get("shape") is None:
        return values
    shape = checked_shape(raw["shape"], f"{pointer}/shape")
    if values.shape != shape and (values.ndim > 1 or values.size != prod(shape)):
        received = f"{values.size} numbers" if values.ndim == 1 else f"nested arrays of shape {list(values.shape)}"
        expected = f"{prod(shape)} numbers for the shape {list(shape)}"
        raise InvalidTensor.at(
            f"{pointer}/data", "the data does not fill the shape", expected=expected, received=received
        )
    return values.reshape(shape)


def _from_base64(raw: dict[str, Any], pointer: str) -> Array:
    dtype = dtype_named(raw.get("dtype"), f"{pointer}/dtype")
    shape = checked_shape(raw.get("shape"), f"{pointer}/shape")
    data = decode_base64(raw["base64"], f"{pointer}/base64")
    needed = prod(shape) * dtype.itemsize
    if len(data) != needed:
        expected = f"{needed} bytes: {prod(shape)} values of {dtype.itemsize} bytes"
        raise InvalidTensor.at(
            f"{pointer}/base64",
            "the bytes do not fill the shape",
            expected=expected,
            received=f"{len(data)} bytes after decoding",
        )
    return from_bytes(data, dtype.name, shape, f"{pointer}/base64")


def decode_base64(text: Any, pointer: str) -> bytes:
    """Decode standard base64 with padding; no character is skipped.

    Raises:
        InvalidTensor: it is not base64.
    """
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, UnicodeEncodeError, binascii.Error):
        expected = "standard base64 (RFC 4648 section 4) with padding and without line breaks"
        raise InvalidTensor.at(
            pointer, "this is not base64", expected=expected, received=shown(text), suggestion=_base64_advice(text)
        ) from None


def _base64_advice(text: Any) -> str | None:
    """Return the advice for text that is not base64."""
    if not isinstance(text, str):
        return None
    if text.startswith(("http://", "https://")):
        return "addresses are not fetched: send what is there, as base64"
    if "\n" in text:
        return "leave the line breaks out: base64 -w0, or base64.b64encode in Python"
    if set(text[:4096]) & set("-_") and not set(text[:4096]) & set("+/ "):
        return "this is the alphabet of URLs: write + and / for - and _"
    return text_advice(text.encode("utf-8", "replace"))

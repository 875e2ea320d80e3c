"""Replies as JSON: numbers written so that reading them gives back the same bits.

JSON has no NaN and no infinities: they are the strings "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson

from models.engine.messages import LayerInfo, TensorInfo
from models.tensors.dtypes import Array, kind_of, plain
from models.views.view import COUNTS, EDGES, INDICES, OUTSIDE, VALUES
from service.wire.dtypes import widened

DataMode = Literal["nested", "base64", "none"]
"""How a tensor's values are written: nested arrays, its bytes (little-endian, C order), or not at all."""

CALL = re.compile(r"@\d+|#\d+|:pre")
"""What an address has beyond the layer's path, which alone names weights."""


class Words(NamedTuple):
    """What stands for the values that JSON has no numbers for."""

    nan: bytes
    infinity: bytes
    minus_infinity: bytes


STRINGS = Words(b'"NaN"', b'"Infinity"', b'"-Infinity"')
NUMBERS = Words(b"NaN", b"Infinity", b"-Infinity")
"""As JavaScript and most parsers write them, against the standard."""


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer of a reply. `weights` follow `info.weights`; None where weights were not asked for.

    `view` holds the members of the layer's view by suffix, instead of `data`.
    """

    info: LayerInfo
    data: Array | None = None
    weights: Sequence[Array] | None = None
    view: Mapping[str, Array] = field(default_factory=dict)


def activations_json(head: Mapping[str, Any], layers: Sequence[LayerEntry], mode: DataMode) -> bytes:
    """The reply: `head` with "layers" in it, before "timing" if that is there."""
    last = {key: head[key] for key in ("timing",) if key in head}
    first = {key: value for key, value in head.items() if key not in last}
    written = [layer_object(entry, mode) for entry in layers]
    return orjson.dumps({**spelled(first), "layers": written, **spelled(last)}, option=orjson.OPT_SERIALIZE_NUMPY)


def layer_json(entry: LayerEntry, mode: DataMode) -> bytes:
    """One layer alone, as a line of JSONL."""
    return orjson.dumps(layer_object(entry, mode), option=orjson.OPT_SERIALIZE_NUMPY)


def layer_object(entry: LayerEntry, mode: DataMode) -> dict[str, Any]:
    """A layer for `orjson.dumps` with OPT_SERIALIZE_NUMPY; arrays are embedded without another copy."""
    info = entry.info
    found: dict[str, Any] = {"address": info.address, "type": info.type}
    if info.output is not None:
        found |= _shape(info.output)
    found["parameters"] = info.parameters
    if info.stats is not None:
        found["stats"] = spelled(info.stats)
    if info.view is not None:
        found["view"] = spelled(info.view)
    if entry.data is not None:
        found |= values(entry.data, mode)
    found |= viewed(entry.view)
    if entry.weights is not None:
        pairs = zip(info.weights, entry.weights, strict=True)
        found["weights"] = [weight_object(info.address, weight, data, mode) for weight, data in pairs]
    return found


def viewed(members: Mapping[str, Array]) -> dict[str, Any]:
    """`top` with indices and values, or `histogram` with counts, edges and what lies outside; always nested lists."""
    if COUNTS in members:
        outside = dict(zip(("below", "above", "nan"), members[OUTSIDE].tolist(), strict=True))
        return {"histogram": {"counts": members[COUNTS], "edges": members[EDGES], **outside}}
    if INDICES in members:
        return {"top": {"indices": nested(members[INDICES]), "values": nested(members[VALUES])}}
    return {}


def weight_object(address: str, info: TensorInfo, data: Array, mode: DataMode) -> dict[str, Any]:
    """One weight of the layer at `address` under its own name, such as `kernel`; written as `layer_object`."""
    path = CALL.sub("", address)
    return {"name": info.name.removeprefix(f"weights/{path}/"), **_shape(info), **values(data, mode)}


def _shape(info: TensorInfo) -> dict[str, Any]:
    return {"shape": list(info.shape), "dtype": info.dtype}


def values(array: Array, mode: DataMode) -> dict[str, Any]:
    """`{"data": nested}`, `{"base64": bytes}` or nothing."""
    match mode:
        case "nested":
            return {"data": nested(array)}
        case "base64":
            encoded = base64.b64encode(plain(array, "").reshape(-1).view(np.uint8).data)
            return {"base64": orjson.Fragment(b'"' + encoded + b'"')}
    return {}


def nested(array: Array) -> Array | orjson.Fragment:
    """The values as something orjson writes as nested arrays, a rank of 0 as one number.

    float16 and bfloat16 are widened to float32, which is exact.
    """
    wide = plain(widened(array), "")
    if wide.ndim and is_finite(wide):
        return wide
    text = orjson.dumps(np.atleast_1d(wide), option=orjson.OPT_SERIALIZE_NUMPY)
    return orjson.Fragment(with_words(text if wide.ndim else text[1:-1], wide))


def is_finite(array: Array) -> bool:
    """One pass in most cases: NaN and infinities survive a sum. A sum that overflows is looked into."""
    if kind_of(array.dtype) != "float":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())


def with_words(text: bytes, array: Array, words: Words = STRINGS) -> bytes:
    """The text with each null, which is what orjson writes for NaN and infinities, put in words; both in C order."""
    if kind_of(array.dtype) != "float":
        return text
    found = [_word(value, words) for value in array[~np.isfinite(array)].tolist()]
    pieces = text.split(b"null")
    return b"".join(piece + word for piece, word in zip(pieces, [*found, b""], strict=True))


def _word(value: float, words: Words = STRINGS) -> bytes:
    if math.isnan(value):
        return words.nan
    return words.infinity if value > 0 else words.minus_infinity


def spelled(value: Any) -> Any:
    """Plain JSON values with NaN and infinities in words, at any depth; for small ones such as statistics."""
    match value:
        case float() | np.floating() if not math.isfinite(value):
            return orjson.Fragment(_word(float(value)))
        case Mapping():
            return {key: spelled(item) for key, item in value.items()}
        case list() | tuple():
            return [spelled(item) for item in value]
    return value

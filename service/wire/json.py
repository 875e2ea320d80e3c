"""Replies as JSON: numbers written so that reading them gives back the same bits.

JSON has no NaN and no infinities: they are the strings "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from models.ipc.messages import LayerInfo, TensorInfo
from models.tensors.dtypes import Array
from models.views.view import COUNTS, EDGES, INDICES, OUTSIDE, VALUES
from service.wire.json_values import DataMode, Large, nested, spelled, values

HOLE = b"\0"
"""Stands in a text for a large array. JSON itself never holds this byte: in strings it is escaped."""

CALL = re.compile(r"@\d+|#\d+|:pre")
"""What an address has beyond the layer's path, which alone names weights."""


Values = Array | orjson.Fragment
"""A tensor, or the text that an engine wrote for it."""


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer of a reply. `weights` follow `info.weights`; None where weights were not asked for.

    `view` holds the members of the layer's view by suffix, instead of `data`.
    """

    info: LayerInfo
    data: Values | None = None
    weights: Sequence[Values] | None = None
    view: Mapping[str, Array] = field(default_factory=dict)


def activations_json(head: Mapping[str, Any], layers: Sequence[LayerEntry], mode: DataMode) -> bytes:
    """The reply in one piece, for small ones: `head` with "layers" in it, before "timing" if that is there."""
    first, last = parted(head)
    written = [layer_object(entry, mode) for entry in layers]
    return orjson.dumps({**first, "layers": written, **last}, option=orjson.OPT_SERIALIZE_NUMPY)


def parted(head: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands before the layers and what after them."""
    last = {key: head[key] for key in ("timing",) if key in head}
    return {key: value for key, value in head.items() if key not in last}, last


def layer_pieces(entry: LayerEntry, mode: DataMode) -> Iterator[bytes]:
    """One layer alone, in pieces: large arrays are written a part at a time."""
    large: list[Large] = []

    def leave_hole(array: Large) -> orjson.Fragment:
        large.append(array)
        return orjson.Fragment(HOLE)

    written = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS
    text = orjson.dumps(layer_object(entry, mode), leave_hole, written)
    first, *rest = text.split(HOLE)
    yield first
    for array, after in zip(large, rest, strict=True):
        yield from array.pieces()
        yield after


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


def weight_object(address: str, info: TensorInfo, data: Values, mode: DataMode) -> dict[str, Any]:
    """One weight of the layer at `address` under its own name, such as `kernel`; written as `layer_object`."""
    path = CALL.sub("", address)
    return {"name": info.name.removeprefix(f"weights/{path}/"), **_shape(info), **values(data, mode)}


def _shape(info: TensorInfo) -> dict[str, Any]:
    return {"shape": list(info.shape), "dtype": info.dtype}

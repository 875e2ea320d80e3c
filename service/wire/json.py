"""JSON replies, with numbers that round-trip bit by bit.

JSON has no NaN and no infinities: they are encoded as the strings "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import orjson

from models.ipc.messages import LayerInfo, TensorInfo
from models.tensors.dtypes import Array
from models.views.labels import NO_LABELS, Names
from models.views.view import COUNTS, EDGES, INDICES, OUTSIDE, VALUES
from service.wire.json_labels import named_units
from service.wire.json_values import DataMode, Large, nested, stringify_nonfinite, values

PLACEHOLDER = b"\0"
"""Placeholder for a large array in a text. JSON itself never contains this byte: in strings it is escaped."""

CALL = re.compile(r"@\d+|#\d+|:pre")
"""Parts of an address beyond the layer's path, which are not in the names of weights."""

Values = Array | orjson.Fragment
"""A tensor, or its JSON text as written by an engine."""


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer of a reply. `weights` are in the order of `info.weights`; None if not requested.

    `view` holds the members of the layer's view by suffix, instead of `data`. `labels` are the names by index of the
    units of `data` or, with top units, those that their indices are looked up in.
    """

    info: LayerInfo
    data: Values | None = None
    weights: Sequence[Values] | None = None
    view: Mapping[str, Array] = field(default_factory=dict)
    labels: Names | None = None


class EntryParts(NamedTuple):
    """Parts of the layers of a reply beside their values: whether their weights, and the labels of those with some."""

    weights: bool
    labels: Mapping[str, Names] = NO_LABELS


def activations_json(head: Mapping[str, Any], layers: Sequence[LayerEntry], mode: DataMode) -> bytes:
    """Encode a small reply in one piece: `head` with "layers" inserted, before "timing" if present."""
    first, last = split_head(head)
    objects = [layer_object(entry, mode) for entry in layers]
    return orjson.dumps({**first, "layers": objects, **last}, option=orjson.OPT_SERIALIZE_NUMPY)


def split_head(head: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the head into the members before the layers and those after them."""
    last = {key: head[key] for key in ("timing",) if key in head}
    return {key: value for key, value in head.items() if key not in last}, last


def layer_pieces(entry: LayerEntry, mode: DataMode) -> Iterator[bytes]:
    """Encode one layer in pieces; large arrays are written a part at a time."""
    large: list[Large] = []

    def leave_placeholder(array: Large) -> orjson.Fragment:
        large.append(array)
        return orjson.Fragment(PLACEHOLDER)

    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS
    text = orjson.dumps(layer_object(entry, mode), leave_placeholder, options)
    first, *rest = text.split(PLACEHOLDER)
    yield first
    for array, after in zip(large, rest, strict=True):
        yield from array.pieces()
        yield after


def layer_object(entry: LayerEntry, mode: DataMode) -> dict[str, Any]:
    """Return a layer for `orjson.dumps` with OPT_SERIALIZE_NUMPY; arrays are embedded without another copy."""
    info = entry.info
    result: dict[str, Any] = {"address": info.address, "type": info.type}
    if info.output is not None:
        result |= _shape(info.output)
    result |= {name: stringify_nonfinite(value) for name, value in info.facts.items()}
    if info.in_graph is not None:
        result["in_graph"] = msgspec.structs.asdict(info.in_graph)
    if info.edited:
        result["edited"] = info.edited
    result["parameters"] = info.parameters
    if info.stats is not None:
        result["stats"] = stringify_nonfinite(info.stats)
    if info.view is not None:
        result["view"] = stringify_nonfinite(info.view)
    if entry.data is not None:
        result |= values(entry.data, mode)
    result |= view_members(entry.view, entry.labels)
    if entry.labels is not None and INDICES not in entry.view:
        result["labels"] = entry.labels
    if entry.weights is not None:
        pairs = zip(info.weights, entry.weights, strict=True)
        result["weights"] = [weight_object(info.address, weight, data, mode) for weight, data in pairs]
    return result


def view_members(members: Mapping[str, Array], labels: Names | None = None) -> dict[str, Any]:
    """Return `top` (indices, values, labels if any) or `histogram` (counts, edges, counts outside); always nested
    lists.
    """
    if COUNTS in members:
        outside = dict(zip(("below", "above", "nan"), members[OUTSIDE].tolist(), strict=True))
        return {"histogram": {"counts": members[COUNTS], "edges": members[EDGES], **outside}}
    if INDICES in members:
        named = {} if labels is None else {"labels": named_units(members[INDICES], labels)}
        return {"top": {"indices": nested(members[INDICES]), "values": nested(members[VALUES]), **named}}
    return {}


def weight_object(address: str, info: TensorInfo, data: Values, mode: DataMode) -> dict[str, Any]:
    """Return one weight of the layer at `address` under its own name, such as `kernel`, as in `layer_object`."""
    path = CALL.sub("", address)
    return {"name": info.name.removeprefix(f"weights/{path}/"), **_shape(info), **values(data, mode)}


def _shape(info: TensorInfo) -> dict[str, Any]:
    return {"shape": list(info.shape), "dtype": info.dtype}

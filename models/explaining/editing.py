"""Edits of a run: what becomes of which tensors, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from models.errors import InvalidOption, shown
from models.errors.problem import pointer_to
from models.explaining.dependence import read_by
from models.explaining.edits import operations
from models.networks.network import Network
from models.networks.selectors import matches
from models.tensors.dtypes import Array
from models.views.slicing import SliceView, parse_slice

MAX_EDITS, MAX_CHANNELS = 64, 4096
REGION = ("channels", "slice")
"""Fields that say which part of a tensor is edited."""
EXPECTED = '{"at": selector, "channels": [..] or "slice": "…", and one operation}'


class Edit(msgspec.Struct, frozen=True):
    """One entry: the tensors that it changes, the part of each, and an operation. Its arrays are sent beside the
    inputs, under `operand_name`.
    """

    number: int
    addresses: tuple[str, ...]
    operation: str
    arguments: dict[str, Any]
    operands: tuple[str, ...]
    channels: tuple[int, ...] | None = None
    slice: SliceView | None = None

    @property
    def pointer(self) -> str:
        """The JSON pointer of the entry."""
        return f"/edits/{self.number}"


def tensor_names(raw: Any) -> set[str]:
    """Return the names of all tensors that unparsed edits ask for, with `{"tensor": name}`."""
    if isinstance(raw, Mapping):
        name = raw.get("tensor")
        return ({name} if isinstance(name, str) else set()).union(*map(tensor_names, raw.values()))
    return set().union(*map(tensor_names, raw)) if isinstance(raw, list) else set()


def operand_name(number: int, operand: str) -> str:
    """Return the name under which an array of an entry is sent; no input of a network has it."""
    return f":edits/{number}/{operand}"


def parse_edits(
    network: Network, raw: Any, outputs: Sequence[str], tensors: Mapping[str, Array]
) -> tuple[tuple[Edit, ...], dict[str, Array]]:
    """Return the entries, and their arrays by `operand_name`; `tensors` are those that were posted beside the inputs.

    Raises:
        UnknownAddress: an entry matches nothing.
        InvalidOption: an entry is none, or reaches none of the `outputs`.
    """
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_EDITS:
        raise InvalidOption.at("/edits", "this is no list of edits", f"1 to {MAX_EDITS} entries", shown(raw))
    reached, edits = read_by(network, outputs), []
    arrays: dict[str, Array] = {}
    for number, entry in enumerate(raw):
        edit, operands = _entry(network, number, entry, tensors)
        if reached.isdisjoint(edit.addresses):
            message, expected = "this edit reaches none of the layers asked for", "a tensor that one is computed from"
            raise InvalidOption.at(f"{edit.pointer}/at", message, expected, shown(entry["at"]))
        edits.append(edit)
        arrays |= {operand_name(number, name): array for name, array in operands.items()}
    return tuple(edits), arrays


def _entry(network: Network, number: int, entry: Any, tensors: Mapping[str, Array]) -> tuple[Edit, Mapping[str, Array]]:
    pointer, known = f"/edits/{number}", operations()
    fields = set(entry) - {"at", *REGION} if isinstance(entry, Mapping) else set()
    if not isinstance(entry, Mapping) or not isinstance(entry.get("at"), str) or set(REGION) <= set(entry):
        raise InvalidOption.at(pointer, "this is no edit", EXPECTED, shown(entry))
    if len(fields) != 1 or not fields <= set(known):
        received = ", ".join(sorted(map(str, fields)))
        raise InvalidOption.at(pointer, "an edit has one operation", f"one of {', '.join(known)}", shown(received))
    (name,) = fields
    operation, field = known[name], f"{pointer}/{name}"
    parsed = operation.parse(entry[name], lambda value, at: _numbers(value, at, tensors), field)
    if "slice" in entry and not operation.takes_slice:
        message = f"{name} of a slice could be that of all values or of the slice"
        raise InvalidOption.at(f"{pointer}/slice", message, "channels, or all of the tensor", shown(entry["slice"]))
    region = _channels(entry, pointer), _slice(entry, pointer)
    addresses = matches(network, entry["at"], f"{pointer}/at")
    edit = Edit(number, addresses, name, dict(parsed.arguments), tuple(parsed.operands), *region)
    return edit, parsed.operands


def _channels(entry: Mapping[str, Any], pointer: str) -> tuple[int, ...] | None:
    raw = entry.get("channels")
    if raw is None:
        return None
    is_list = isinstance(raw, list) and 1 <= len(raw) <= MAX_CHANNELS and len(set(map(str, raw))) == len(raw)
    if not is_list or not all(isinstance(one, int) and not isinstance(one, bool) for one in raw):
        raise InvalidOption.at(f"{pointer}/channels", "these are no channels", "different integers", shown(raw))
    return tuple(raw)


def _slice(entry: Mapping[str, Any], pointer: str) -> SliceView | None:
    raw = entry.get("slice")
    return None if raw is None else parse_slice(raw, f"{pointer}/slice")


def _numbers(value: Any, pointer: str, tensors: Mapping[str, Array]) -> Array:
    """Return a number, nested numbers or a posted tensor as an array of float64.

    Raises:
        InvalidOption: it is none of them, or not finite.
    """
    if isinstance(value, Mapping) and set(value) == {"tensor"}:
        value = _posted(value["tensor"], pointer, tensors)
    if isinstance(value, bool | str | Mapping) or value is None:
        raise InvalidOption.at(
            pointer, "these are no numbers", "a number, nested numbers or a posted tensor", shown(value)
        )
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidOption.at(pointer, "these are no numbers", "regular nested numbers", shown(value)) from None
    if not np.isfinite(array).all():
        raise InvalidOption.at(pointer, "an edit needs finite numbers", "finite numbers", "NaN or infinity")
    return array


def _posted(name: Any, pointer: str, tensors: Mapping[str, Array]) -> Array:
    if isinstance(name, str) and name in tensors:
        return tensors[name]
    known = ", ".join(list(tensors)[:20])
    expected = f"one of {known}" if known else "a name in a posted .npz or .safetensors file"
    raise InvalidOption.at(pointer_to([*pointer.strip("/").split("/"), "tensor"]), "no tensor of this name was posted",
                           expected, shown(name))  # fmt: skip

"""Edits as they are compiled into a network: on which tensor, with which arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from keras import ops

from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidOption
from models.explaining.editing import Edit, operand_name
from models.explaining.edits import operations
from models.explaining.edits.operation import Operation, Parsed
from models.layers.spatial import shape_text
from models.networks.network import PRE
from models.tensors.dtypes import DTYPES, Array
from models.views.tensor_type import type_of_output

MASK = ":mask"
"""The name of the array that says which values are changed; left out where all are."""


class EditedTensor(NamedTuple):
    """One entry on one tensor. `arrays` are those of one request, by name; the rest is compiled."""

    number: int
    address: str
    operation: str
    arguments: Mapping[str, Any]
    arrays: Mapping[str, Array]

    @property
    def structure(self) -> tuple[Any, ...]:
        """What tells compiled functions apart: all but the values of the arrays."""
        kinds = tuple((name, array.ndim, array.dtype.name) for name, array in self.arrays.items())
        return self.number, self.address, self.operation, tuple(sorted(self.arguments.items())), kinds

    @property
    def place(self) -> tuple[int, str]:
        """The entry and the tensor."""
        return self.number, self.address

    def without_values(self) -> EditedTensor:
        """Return it with empty arrays of the same kinds, for a function that is kept."""
        empty = {name: np.empty((0,) * array.ndim, array.dtype) for name, array in self.arrays.items()}
        return self._replace(arrays=empty)


def array_specs(edited: Sequence[EditedTensor]) -> list[tf.TensorSpec]:
    """Return the arguments that the arrays of edits are in a compiled function."""
    arrays = [array for one in edited for array in one.arrays.values()]
    return [tf.TensorSpec((None,) * array.ndim, array.dtype, name=f"e{n}") for n, array in enumerate(arrays)]


def edited_tensors(symbolic: SymbolicNetwork, edits: Sequence[Edit], arrays: Mapping[str, Array]) -> list[EditedTensor]:
    """Return the entries on each of their tensors, in order. `symbolic` has the request's shapes.

    Raises:
        InvalidOption: an array does not broadcast to a tensor without growing it, or a tensor cannot be edited.
    """
    return [one for edit in edits for address in edit.addresses for one in _on_tensor(symbolic, edit, address, arrays)]


def _on_tensor(
    symbolic: SymbolicNetwork, edit: Edit, address: str, arrays: Mapping[str, Array]
) -> Iterator[EditedTensor]:
    _check_place(symbolic, edit, address)
    shape, dtype = tuple(length or 0 for length in symbolic.shape(address)), symbolic.dtype(address)
    operation = operations()[edit.operation]
    operands = {name: arrays[operand_name(edit.number, name)] for name in edit.operands}
    parsed = Parsed(edit.arguments, operands)
    region = _region(edit, shape, dtype, address)
    values = _placed(operation, parsed, shape, region, edit)
    _check_whole_numbers(edit, values, dtype, address)
    mask = {} if region is None else {MASK: region}
    yield EditedTensor(edit.number, address, edit.operation, edit.arguments, {**values, **mask})


def _check_place(symbolic: SymbolicNetwork, edit: Edit, address: str) -> None:
    """Refuse tensors whose batch the graph has moved, and steps before an activation, which are computed one by one."""
    node = symbolic.network.node_of.get(address.removesuffix(PRE))
    if not symbolic.batch_axes[address].is_plain:
        message = f"{address} has its batch in another place than first, where the graph has moved it"
        raise InvalidOption.at(f"{edit.pointer}/at", message, "a tensor with the batch first", address)
    if address.endswith(PRE) and node is not None and node.layer.type_name() == "TimeDistributed":
        message = f"{address} is computed step by step"
        raise InvalidOption.at(f"{edit.pointer}/at", message, "what the layer returns", address,
                               f'write "{address.removesuffix(PRE)}"')  # fmt: skip


def _region(edit: Edit, shape: tuple[int, ...], dtype: str, address: str) -> Array | None:
    """Return which values are changed, of the tensor's shape; None: all."""
    if edit.channels is not None:
        mask = np.zeros((1,) * (len(shape) - 1) + shape[-1:], bool)
        mask[..., _checked_channels(edit, shape[-1], address)] = True
        return mask
    if edit.slice is None:
        return None
    edit.slice.result_type(type_of_output(shape, dtype), address)
    mask = np.zeros(shape, bool)
    edit.slice.apply(mask)[...] = True
    return mask


def _checked_channels(edit: Edit, count: int, address: str) -> list[int]:
    chosen = [*(edit.channels or ())]
    for number, channel in enumerate(chosen):
        if not -count <= channel < count:
            message = f"{address} has no such channel"
            raise InvalidOption.at(
                f"{edit.pointer}/channels/{number}", message, f"{-count} to {count - 1}", str(channel)
            )
    return chosen


def _placed(
    operation: Operation, parsed: Parsed, shape: tuple[int, ...], region: Array | None, edit: Edit
) -> dict[str, Array]:
    """Return the arrays of an operation: numbers, or of shapes that broadcast to the tensor's. Those for a region have
    its shape, and are placed there.
    """
    placed = {}
    for name, array in operation.arrays(shape, parsed).items():
        if array.ndim == 0 or name in ("order", "direction", "noise"):
            _check_channels(edit, name, array, shape)
            placed[name] = array
            continue
        part = shape if region is None else _region_shape(edit, shape)
        if array.ndim > len(part) or _broadcast(array.shape, part) != part:
            message, expected = "these numbers do not fit the tensor", f"numbers that broadcast to {shape_text(part)}"
            raise InvalidOption.at(f"{edit.pointer}/{edit.operation}", message, expected, shape_text(array.shape))
        placed[name] = array if region is None else _spread(array, part, shape, edit)
    return placed


def _check_channels(edit: Edit, name: str, array: Array, shape: tuple[int, ...]) -> None:
    if name == "direction" and array.shape != shape[-1:]:
        message, expected = "the vector has another length than the tensor has channels", f"{shape[-1]} numbers"
        raise InvalidOption.at(f"{edit.pointer}/{edit.operation}", message, expected, f"{array.size}")
    if name == "item" and int(array) >= shape[0]:
        message = "the batch has no such item"
        raise InvalidOption.at(f"{edit.pointer}/patch/item", message, f"0 to {shape[0] - 1}", str(int(array)))


def _region_shape(edit: Edit, shape: tuple[int, ...]) -> tuple[int, ...]:
    if edit.channels is not None:
        return (*shape[:-1], len(edit.channels))
    assert edit.slice is not None  # noqa: S101 (a region is one of the two)
    part: tuple[int, ...] = edit.slice.apply(np.broadcast_to(np.False_, shape)).shape
    return part


def _broadcast(shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(shape, other)
    except ValueError:
        return None


def _spread(array: Array, part: tuple[int, ...], shape: tuple[int, ...], edit: Edit) -> Array:
    """Return the values of a region in an array of the tensor's shape."""
    whole = np.zeros(shape, array.dtype)
    if edit.channels is not None:
        whole[..., list(edit.channels)] = np.broadcast_to(array, part)
    elif edit.slice is not None:
        edit.slice.apply(whole)[...] = np.broadcast_to(array, part)
    return whole


def _check_whole_numbers(edit: Edit, arrays: Mapping[str, Array], dtype: str, address: str) -> None:
    """Refuse fractions in, and arithmetic on, tensors of whole numbers."""
    if "float" in dtype:
        return
    limits = np.iinfo(DTYPES[dtype]) if dtype != "bool" else None
    for name, array in arrays.items():
        fits = limits is not None and (array >= limits.min).all() and (array <= limits.max).all()
        if name in ("noise", "direction") or (name != MASK and not (fits and (array == np.rint(array)).all())):
            message = f"{address} has whole numbers ({dtype})"
            raise InvalidOption.at(f"{edit.pointer}/{edit.operation}", message, f"whole numbers of {dtype}", "others")


class EditHook:
    """Changes tensors as they are computed, in a trace; `given` are the arrays of each entry as tensors."""

    def __init__(self, edited: Sequence[EditedTensor], given: Sequence[Mapping[str, Any]]) -> None:
        self._by_address: dict[str, list[tuple[int, EditedTensor, Mapping[str, Any]]]] = {}
        for place, (one, arrays) in enumerate(zip(edited, given, strict=True)):
            self._by_address.setdefault(one.address, []).append((place, one, arrays))
        self.counts: dict[int, Any] = {}
        """The number of values that each changed, by its place."""

    def change(self, address: str, tensor: Any) -> Any:
        """Return what becomes of a tensor, after every entry in turn."""
        for place, one, arrays in self._by_address.get(address, ()):
            new = ops.cast(operations()[one.operation].apply(tensor, arrays, one.arguments, ops), tensor.dtype)
            new = tf.ensure_shape(new, tensor.shape)
            if MASK in arrays:
                new = tf.where(arrays[MASK], new, tensor)
            self.counts[place] = tf.reduce_sum(tf.cast(_differs(new, tensor), tf.int64))
            tensor = new
        return tensor


def _differs(new: Any, old: Any) -> Any:
    """Return where values differ; NaN is the same as NaN."""
    if not new.dtype.is_floating:
        return new != old
    return tf.logical_and(new != old, tf.logical_not(tf.logical_and(tf.math.is_nan(new), tf.math.is_nan(old))))

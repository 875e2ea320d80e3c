"""The tensors that are written for each input, from the plan of a run of one input."""

from __future__ import annotations

from collections.abc import Iterator

from models.views.slicing import SliceRange
from models.views.tensor_type import type_of_output
from models.views.view import INDICES, MAIN, SCALE, View
from service.extracting.failure import ExtractionFailed, WrongOption
from service.extracting.formats import FILES, INDEX
from service.extracting.job import Column
from service.extracting.model import PlannedModel
from service.extracting.zarr_arrays import VALID, array_name

RESERVED = (FILES, INDEX, VALID)
MAX_CHANNELS = 1 << 16
"""Most channels of a tensor that is summarised: each has a histogram."""


def columns_of(model: PlannedModel) -> tuple[Column, ...]:
    """Return the columns, in the order of the layers asked for.

    Raises:
        ExtractionFailed: rows would differ in shape, or two tensors would have one name.
    """
    columns: list[Column] = []
    for row in model.plan["layers"]:
        shape, address = tuple(row["shape"]), row["address"]
        if None in shape:
            sizes = ", ".join("?" if size is None else str(size) for size in shape)
            raise ExtractionFailed(
                f"{address} has the shape ({sizes}), which is not the same for all inputs: give the document's "
                '"input" fixed sizes, or name other layers'
            )
        columns += _columns_of(address, shape, row["dtype"], model.views.get(address))
    taken = list(RESERVED)
    for column in columns:
        if array_name(column) in taken:
            raise ExtractionFailed(f"two arrays would be called {array_name(column)}: name fewer layers")
        taken.append(array_name(column))
    return tuple(columns)


def _columns_of(address: str, shape: tuple[int, ...], dtype: str, view: View | None) -> Iterator[Column]:
    if view is None:
        yield Column(address, address, shape[1:], dtype)
        return
    types = view.result_types(shape, dtype, address)
    keeps_batch = not loses_batch(view, shape, dtype, address)
    for suffix, tensor in types.items():
        sizes = tuple(size or 0 for size in tensor.shape)
        has_batch = keeps_batch and tensor.shape != () and view.histogram is None
        is_tensor = suffix == MAIN and SCALE not in types and INDICES not in types
        yield Column(address + suffix, address, sizes[1:] if has_batch else sizes, tensor.dtype, has_batch, is_tensor)


def loses_batch(view: View, shape: tuple[int, ...], dtype: str, address: str) -> bool:
    """Whether the first axis of a view's result is not the batch: that is indexed, cut or reduced away."""
    tensor = type_of_output(shape, dtype)
    if view.slice is not None:
        part = view.slice.expanded(len(shape))[0]
        if not _is_whole(part):
            return True
        tensor = view.slice.result_type(tensor, address)
    return view.reduce is not None and view.reduce.result_type(tensor, address).axes[:1] != tensor.axes[:1]


def _is_whole(part: int | SliceRange) -> bool:
    """Whether a part of an axis is all of it, as it is."""
    if not isinstance(part, SliceRange):
        return False
    return part.start in (None, 0) and part.stop is None and part.step in (None, 1)


def is_of_whole_batches(view: View, shape: tuple[int, ...], dtype: str, address: str) -> bool:
    """Whether a view is one of all inputs of a run together, so that each input needs a run of its own."""
    is_quantized = view.dtype is not None and view.dtype.dtype == "uint8"
    return view.histogram is not None or is_quantized or loses_batch(view, shape, dtype, address)


def check_units(columns: tuple[Column, ...], top: int, summary: bool) -> None:
    """Raise WrongOption if a tensor has no units for --top, or too many channels for --summary."""
    for column in columns if top or summary else ():
        if not column.is_tensor:
            raise WrongOption(
                f"--top and --summary are of tensors, and {column.address} is written as {column.name}: leave its view "
                "out, or run them without it"
            )
        if summary and column.units > MAX_CHANNELS:
            raise WrongOption(
                f"--summary: {column.name} has {column.units:,} channels; expected at most {MAX_CHANNELS:,}: slice or "
                "reduce it, or name other layers"
            )

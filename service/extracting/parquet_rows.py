"""Rows of Parquet files as inputs: pictures or tensor files in a column of bytes, or numbers in columns of lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.errors import InvalidTensor, Unparsable
from models.tensors.dtypes import Array

BATCH_ROWS = 64
EXPECTED = "a column of pictures (binary, or a struct with bytes), or of lists of numbers"


def parquet_rows(
    file: Any, start: int, stop: int, names: Sequence[str], column: str | None
) -> Iterator[bytes | Mapping[str, Array]]:
    """Yield the inputs in the rows of a file from `start` to `stop`: bytes, or flat arrays by name with the batch of
    one, in the shape that a column's metadata has.

    Raises:
        Unparsable: no column fits.
    """
    from pyarrow import parquet  # noqa: PLC0415 (an extra)

    opened = parquet.ParquetFile(file)
    columns = _columns(opened.schema_arrow, names, column)
    groups, first = _groups(opened.metadata, start, stop)
    position = first
    for batch in opened.iter_batches(BATCH_ROWS, row_groups=groups, columns=columns):
        for row in range(max(0, start - position), min(batch.num_rows, stop - position)):
            yield _content(batch, row, names, columns)
        position += batch.num_rows


def _groups(metadata: Any, start: int, stop: int) -> tuple[list[int], int]:
    """Return the row groups that have these rows, and the first row of the first."""
    groups: list[int] = []
    first = position = 0
    for group in range(metadata.num_row_groups):
        length = metadata.row_group(group).num_rows
        if position < stop and position + length > start:
            first = first if groups else position
            groups.append(group)
        position += length
    return groups, first


def _columns(schema: Any, names: Sequence[str], column: str | None) -> list[str]:
    """Return the columns of the inputs: the named one, those named like the inputs, or the only one that fits."""
    if column is not None:
        if column not in schema.names:
            raise Unparsable.at("", "there is no such column", f"one of {', '.join(schema.names)}"[:200], column)
        return [column]
    if all(name in schema.names for name in names):
        return list(names)
    fitting = [field.name for field in schema if _fits(field.type)]
    if len(fitting) != 1 or len(names) != 1:
        received = f"the columns {', '.join(schema.names)}"[:200]
        raise Unparsable.at("", "which column has the inputs is not clear", EXPECTED, received, "write --column NAME")
    return fitting


def _fits(kind: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415 (an extra)

    if types.is_struct(kind):
        return any(kind.field(at).name == "bytes" for at in range(kind.num_fields))
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or _is_list(kind))


def _is_list(kind: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415 (an extra)

    storage = getattr(kind, "storage_type", kind)
    return bool(types.is_list(storage) or types.is_large_list(storage) or types.is_fixed_size_list(storage))


def _content(batch: Any, row: int, names: Sequence[str], columns: Sequence[str]) -> bytes | Mapping[str, Array]:
    if len(columns) == 1:
        value = batch.column(columns[0])[row].as_py() if not _is_list(batch.schema.field(columns[0]).type) else None
        value = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(value, bytes):
            return value
    return {name: _array(batch, row, column) for name, column in zip(names, columns, strict=True)}


def _array(batch: Any, row: int, column: str) -> Array:
    """Return one list as an array with the batch of one."""
    field, cells = batch.schema.field(column), batch.column(column)
    if not _is_list(field.type) or not cells[row].is_valid:
        raise InvalidTensor.at("", f"{column} has no numbers here", EXPECTED, str(field.type)[:100])
    shape = getattr(field.type, "shape", None) or json.loads((field.metadata or {}).get(b"shape", b"null"))
    storage = getattr(cells, "storage", cells)
    values = storage[row].values
    while _is_list(values.type):
        values = values.flatten()
    flat: Array = values.to_numpy(zero_copy_only=False)
    return flat.reshape(1, *shape) if shape is not None else flat.reshape(1, *_lengths(storage[row].values, len(flat)))


def _lengths(values: Any, count: int) -> list[int]:
    """Return the shape of a nested list of this many numbers.

    Raises:
        InvalidTensor: its lists differ in length.
    """
    from pyarrow import compute  # noqa: PLC0415 (an extra)

    sizes = [1]
    while _is_list(values.type):
        if len(compute.unique(compute.list_value_length(values))) != 1:
            raise InvalidTensor.at("", "the lists of this row differ in length", "lists of one length", "several")
        sizes.append(len(values))
        values = values.flatten()
    return [size // before for before, size in zip(sizes, [*sizes[1:], count], strict=True)]

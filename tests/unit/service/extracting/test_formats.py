"""The formats of shards: each is read by its own library, with equal bytes from equal arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from pyarrow import parquet
from safetensors.numpy import load_file

from service.engines.request_builders import ModelSource, RunSpec
from service.extracting.folder import Folder
from service.extracting.formats import WRITERS, ShardArrays
from service.extracting.job import Column, Job

Array = np.ndarray[Any, Any]
COLUMNS = (
    Column("block/conv:pre", "block/conv:pre", (2, 3), "float32"),
    Column("a", "a", (), "float16"),
    Column("top:indices", "top", (4,), "int64", is_tensor=False),
    Column("half", "half", (2,), "bfloat16"),
    Column("mask", "mask", (1,), "bool"),
)
COUNT, ROWS = 5, 3


def shards() -> list[ShardArrays]:
    """Return two shards of five inputs, the second of which failed."""
    rng = np.random.default_rng(1)
    kept = [np.array([0, 2]), np.array([3, 4])]
    return [
        ShardArrays(
            number, 3 * number, [f"{at}.png" for at in range(3 * number, min(COUNT, 3 * number + 3))], indices,
            {one.name: rng.integers(0, 2, (2, *one.shape)).astype(one.written) for one in COLUMNS},
        )
        for number, indices in enumerate(kept)
    ]  # fmt: skip


def written(folder: Path, format: str) -> dict[str, str]:
    """Write both shards; return the digests of the files."""
    source = ModelSource(b"", None, "")
    job = Job(source, ("input",), RunSpec(()), COLUMNS, 2, COUNT, ROWS, Folder(f"file://{folder}"), format)
    writer = WRITERS[format](job)
    writer.prepare()
    return {name: digest for shard in shards() for name, digest in writer.write(shard).items()}


def expected(name: str) -> Array:
    """Return the rows of one tensor."""
    return np.concatenate([shard.arrays[name] for shard in shards()])


def read_parquet(folder: Path) -> tuple[list[str], list[int], dict[str, Array]]:
    """Return names, numbers and arrays, in the shape that a column's metadata has."""
    table = parquet.read_table(folder)
    arrays = {}
    for field in table.schema:
        if field.metadata:
            flat = table[field.name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            arrays[field.name] = flat.reshape(len(table), *json.loads(field.metadata[b"shape"]))
    return table["files"].to_pylist(), table["index"].to_pylist(), arrays


def read_npz(folder: Path) -> tuple[list[str], list[int], dict[str, Array]]:
    """Return names, numbers and arrays."""
    parts = [dict(np.load(file)) for file in sorted(folder.glob("*.npz"))]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return whole.pop("files").tolist(), whole.pop("index").tolist(), whole


def read_safetensors(folder: Path) -> tuple[list[str], list[int], dict[str, Array]]:
    """Return names, numbers and arrays."""
    files = sorted(folder.glob("*.safetensors"))
    parts, names = [load_file(file) for file in files], list[str]()
    for data in map(Path.read_bytes, files):
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        names += json.loads(header["__metadata__"]["files"])
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return names, whole.pop("index").tolist(), whole


def read_zarr(folder: Path) -> tuple[list[str], list[int], dict[str, Array]]:
    """Return names, numbers and arrays of the inputs with results; other rows are NaN or zero."""
    group = zarr.open_group(folder, mode="r")
    valid = group["valid"][:]
    assert group["files"][:].tolist() == [f"{at}.png" for at in range(COUNT)]
    arrays = {}
    for column in COLUMNS:
        array = group[column.name.replace("/", ".")]
        assert array.attrs["address"] == column.address
        assert array.chunks == (ROWS, *column.shape)
        rest = array[:][~valid].astype(np.float64)
        assert np.isnan(rest).all() if column.written.kind == "f" else not rest.any()
        arrays[column.name] = array[:][valid]
    return group["files"][:][valid].tolist(), np.flatnonzero(valid).tolist(), arrays


READERS: dict[str, Callable[[Path], tuple[list[str], list[int], dict[str, Array]]]] = {
    "parquet": read_parquet, "npz": read_npz, "safetensors": read_safetensors, "zarr": read_zarr,
}  # fmt: skip


@pytest.mark.parametrize("format", READERS)
def test_each_format(tmp_path: Path, format: str) -> None:
    """Has the names and numbers of the inputs with results, and their arrays; bfloat16 as the same float32."""
    written(tmp_path / "out", format)
    names, indices, arrays = READERS[format](tmp_path / "out")
    assert (names, indices) == (["0.png", "2.png", "3.png", "4.png"], [0, 2, 3, 4])
    for column in COLUMNS:
        np.testing.assert_array_equal(arrays[column.name], expected(column.name), strict=True)


@pytest.mark.parametrize("format", READERS)
def test_equal_shards_are_equal_bytes(tmp_path: Path, format: str) -> None:
    """Also when they are written over one another; each file has the digest that is recorded."""
    digests = written(tmp_path / "a", format)
    for folder in ("b", "a"):
        assert written(tmp_path / folder, format) == digests
    files = {str(path.relative_to(tmp_path / "a")) for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert set(digests) == {name for name in files if not name.endswith("zarr.json")}
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

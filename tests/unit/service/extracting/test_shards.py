"""Shards, manifests, names of files and their rows: the parts of an extraction that run nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from models.errors import LayerscopeError
from service.extracting.failure import ExtractionFailed, WrongOption
from service.extracting.folder import Folder
from service.extracting.manifest import begin, differences, finish, records_in
from service.extracting.npz_files import npz_bytes, read_npz_bytes
from service.extracting.parquet_rows import parquet_rows
from service.extracting.reading import Reader
from service.extracting.shards import SHARD_BYTES, Part, rows_of_shards, shards_of
from service.extracting.sources import FILE, NPY, Source, digest_of, sources_of


def source(name: str, rows: int) -> Source:
    """Return a source of this many inputs."""
    return Source(name, FILE if rows == 1 else NPY, rows, (rows,), rows == 1)


def test_shards_are_consecutive_inputs() -> None:
    """Whatever file they are in; the last may be smaller."""
    a, b, c = source("a", 1), source("b", 7), source("c", 1)
    first, second, third = shards_of([a, b, c], 4)
    assert [shard.first for shard in (first, second, third)] == [0, 4, 8]
    assert first.parts == (Part(a, 0, 1), Part(b, 0, 3))
    assert second.parts == (Part(b, 3, 7),)
    assert third.parts == (Part(c, 0, 1),)
    assert (first.rows, third.rows) == (4, 1)
    assert shards_of([], 4) == []
    assert [shard.rows for shard in shards_of([b], 7)] == [7]


def test_the_size_of_shards() -> None:
    """Is a multiple of the batch: of at most 64 MiB and 1024 inputs, but never less than a batch."""
    assert rows_of_shards(32, 100, 100) == 1024
    assert rows_of_shards(24, 100, 100) == 1008
    assert rows_of_shards(8, 1, SHARD_BYTES // 20) == 16
    assert rows_of_shards(8, SHARD_BYTES, 1) == 8


def test_a_manifest_is_known_again(tmp_path: Path) -> None:
    """An equal one goes on, and has all records in the end; another is refused with what differs."""
    folder, facts = Folder(str(tmp_path)), {"batch": 8, "model": {"id": "x"}, "options": {"layers": ["a"]}}
    assert begin(folder, facts) is False
    assert begin(folder, facts) is False
    with pytest.raises(ExtractionFailed, match=r"(?s)model\.id: \"x\" there, \"y\" now\n.*options\.reduce: null there"):
        begin(folder, {**facts, "model": {"id": "y"}, "options": {"layers": ["a"], "reduce": "mean@h,w"}})
    finish(folder, facts, [{"shard": 0}])
    assert begin(folder, facts) is True
    assert records_in(folder) == [{"shard": 0}]
    assert list(differences({"a": [1]}, {"a": [1]})) == []


def test_files_have_an_order_and_are_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of their names; files of folders and globs that are given twice too, hidden ones and results not."""
    for name in ("b.png", "a/2.png", "a/10.png", "a/.hidden", "_extract/x.png", ".git/y"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert [found.name for found in sources_of(["b.png", "a", "a/*.png"], {"input": 3})] == [
        "a/10.png",
        "a/2.png",
        "b.png",
    ]
    assert [found.name for found in sources_of(["."], {"input": 3})] == ["a/10.png", "a/2.png", "b.png"]
    assert [found.name for found in sources_of([f"{tmp_path}/a/"], {"input": 3})] == [
        f"{tmp_path}/a/10.png", f"{tmp_path}/a/2.png"
    ]  # fmt: skip
    assert [found.name for found in sources_of(["."], {"input": 3}, "a")] == ["b.png"]
    monkeypatch.chdir(tmp_path / "a")
    assert [found.url for found in sources_of(["2.png"], {"input": 3})] == [f"file://{tmp_path}/a/2.png"]
    monkeypatch.chdir(tmp_path)
    before = digest_of(sources_of(["a"], {"input": 3}))
    (tmp_path / "a/2.png").write_bytes(b"longer")
    assert digest_of(sources_of(["a"], {"input": 3})) != before


@pytest.mark.parametrize("given", ["none.png", "none/*.png", "nowhere://x"])
def test_files_that_are_not_there(given: str) -> None:
    """Are refused by name."""
    with pytest.raises(WrongOption, match=given.replace("*", r"\*")):
        sources_of([given], {"input": 3})


def contents(reader: Reader, path: Path, ranks: dict[str, int], size: int = 3) -> list[Any]:
    """Return the contents of all inputs of a file, read in shards."""
    shards = shards_of(sources_of([str(path)], ranks), size)
    return [read.content for shard in shards for read in reader.read(shard)]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["uint8", ">f4"])
def test_rows_of_npy(tmp_path: Path, order: Any, dtype: str) -> None:
    """Are read a shard at a time, in either order and endianness."""
    rows = np.arange(7 * 2 * 3).reshape(7, 2, 3).astype(dtype, order)
    np.save(tmp_path / "rows.npy", rows)
    found = contents(Reader(("input",)), tmp_path / "rows.npy", {"input": 2})
    np.testing.assert_array_equal(np.concatenate([row[""] for row in found]), rows)


def test_rows_of_npz(tmp_path: Path) -> None:
    """Are inputs of several tensors by name, compressed or not; a single array needs no name."""
    left, right = np.arange(10.0).reshape(5, 2), np.arange(5)
    np.savez_compressed(tmp_path / "two.npz", right=right, left=left)
    found = contents(Reader(("left", "right")), tmp_path / "two.npz", {"left": 1, "right": 0}, 2)
    np.testing.assert_array_equal(np.concatenate([row["left"] for row in found]), left)
    np.testing.assert_array_equal(np.concatenate([row["right"] for row in found]), right)
    np.savez(tmp_path / "one.npz", anything=left)
    found = contents(Reader(("input",)), tmp_path / "one.npz", {"input": 1}, 2)
    np.testing.assert_array_equal(np.concatenate([row["anything"] for row in found]), left)


def test_a_damaged_npy_is_one_input(tmp_path: Path) -> None:
    """With its bytes, which the decoder refuses; a file that shrinks after it was counted fails row by row."""
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY nonsense")
    assert contents(Reader(("input",)), tmp_path / "bad.npy", {"input": 1}) == [b"\x93NUMPY nonsense"]
    np.save(tmp_path / "rows.npy", np.zeros((4, 2)))
    (shard,) = shards_of(sources_of([str(tmp_path / "rows.npy")], {"input": 1}), 4)
    (tmp_path / "rows.npy").write_bytes((tmp_path / "rows.npy").read_bytes()[:-20])
    assert [type(read.content).__name__ for read in Reader(("input",)).read(shard)] == ["Unparsable"] * 4


def table_file(table: pa.Table, group: int = 4) -> io.BytesIO:
    """Return a table as a Parquet file in groups of a few rows."""
    file = io.BytesIO()
    parquet.write_table(table, file, row_group_size=group)
    return file


def test_rows_of_parquet() -> None:
    """Are bytes, bytes in a struct as of Hugging Face's data sets, or lists with or without a shape."""
    names = [f"{number}".encode() for number in range(10)]
    file = table_file(pa.table({"label": range(10), "image": [{"bytes": name, "path": "x"} for name in names]}))
    assert list(parquet_rows(file, 3, 9, ["input"], None)) == names[3:9]
    assert list(parquet_rows(table_file(pa.table({"a": names, "b": names})), 0, 2, ["input"], "b")) == names[:2]
    rows = np.arange(60, dtype=np.float32).reshape(10, 2, 3)
    flat = pa.FixedSizeListArray.from_arrays(rows.reshape(-1), 6)
    shaped = pa.table([flat], pa.schema([pa.field("x", flat.type, metadata={"shape": "[2, 3]"})]))
    nested = pa.table({"x": rows.tolist()})
    for table in (shaped, nested):
        found = list(parquet_rows(table_file(table), 5, 10, ["input"], None))
        np.testing.assert_array_equal(np.concatenate([row["input"] for row in found]), rows[5:])  # type: ignore[index]


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [
        ({"a": [b"x"], "b": [b"y"]}, None, "which column has the inputs is not clear"),
        ({"a": [1]}, None, "which column has the inputs is not clear"),
        ({"a": [b"x"]}, "c", "there is no such column"),
        ({"a": [None, [1]]}, None, "a has no numbers here"),
        ({"a": [[[1], [2, 3]]]}, None, "differ in length"),
    ],
)
def test_parquet_without_inputs(table: Any, column: str | None, message: str) -> None:
    """Is refused with the columns that there are, as are rows without numbers and lists of several lengths."""
    with pytest.raises(LayerscopeError, match=message):
        list(parquet_rows(table_file(pa.table(table)), 0, 1, ["input"], column))


def test_npz_files_have_no_times() -> None:
    """Equal arrays are equal bytes, which NumPy reads."""
    arrays = {"block/conv:pre": np.arange(6.0).reshape(2, 3), "k": np.asarray(3), "file": np.zeros(1, np.uint8)}
    for is_compressed in (False, True):
        data = npz_bytes(arrays, is_compressed)
        assert data == npz_bytes(arrays, is_compressed)
        assert {name: array.tolist() for name, array in read_npz_bytes(data).items()} == {
            name: array.tolist() for name, array in arrays.items()
        }

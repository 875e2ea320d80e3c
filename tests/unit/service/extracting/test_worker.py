"""Workers with stub engines, without Ray: batches, formats, and inputs that engines die of."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import InvalidTensor
from models.networks.architecture import Architecture
from models.reading.parse import parse_document
from service.engines.request_builders import RunSpec, source_of
from service.extracting.blocks import Row, block_of, rows_of
from service.extracting.decoding import Refusal
from service.extracting.engine import Target
from service.extracting.folder import Folder
from service.extracting.job import Column, Job
from service.extracting.npz_files import read_npz_bytes
from service.extracting.partial_results import Partial
from service.extracting.worker import ShardWorker
from service.settings import Settings

Array = np.ndarray[Any, Any]
REFUSAL = Refusal(9, "bad", "invalid_image", "no picture")


def job(folder: Path, name: str) -> Job:
    """Return a job in batches of 2 whose document has a name that tells the stub engine what to do."""
    document = {"name": name, "input": [3], "layers": [{"type": "ReLU", "name": "a"}]}
    network = Architecture(parse_document(document)).network
    column = Column("a", "a", (3,), "float32")
    return Job(source_of(network), ("input",), RunSpec(("a",)), (column,), 2, 20, 10, Folder(str(folder)), "npz",
               settings=Settings(), program="tests.stub_engine")  # fmt: skip


def block(arrays: list[Array | Refusal]) -> Any:
    """Return a block of inputs that begin with number 10."""
    rows = [Row(10 + at, f"{at}", one if isinstance(one, Refusal) else (one,)) for at, one in enumerate(arrays)]
    return block_of(1, rows, ["input"], "digest")


def result(job: Job, arrays: list[Array | Refusal]) -> dict[str, Any]:
    """Return what a worker says of a shard."""
    with closing(ShardWorker(job)) as worker:
        return dict(worker(block(arrays)).to_pylist()[0])


def test_blocks_hold_what_is_put_in() -> None:
    """Arrays of any dtype and shape, and refusals."""
    rows = [
        Row(0, "a", (np.arange(6, dtype=np.uint8).reshape(1, 2, 3), np.array([1.5]))), Row(1, "b", REFUSAL),
        Row(2, "c", (np.zeros((1, 4, 1), np.float16), np.array([-2], np.int32))),
    ]  # fmt: skip
    found = rows_of(block_of(7, rows, ["x", "y"], "digest"), ["x", "y"])
    assert [(row.index, row.name) for row in found] == [(0, "a"), (1, "b"), (2, "c")]
    assert found[1].arrays == Refusal(1, "b", "invalid_image", "no picture")
    for at in (0, 2):
        for one, other in zip(found[at].arrays, rows[at].arrays, strict=True):  # type: ignore[arg-type]
            np.testing.assert_array_equal(one, other, strict=True)


def test_a_shard_is_written_with_its_record(tmp_path: Path) -> None:
    """In batches that are not as long as the shard, around an input that is refused."""
    arrays: list[Any] = [np.float32([[at, at, at]]) for at in range(5)]
    arrays[2] = REFUSAL
    assert result(job(tmp_path, "plain"), arrays) == {"rows": 5, "error": None}
    written = read_npz_bytes((tmp_path / "shard-000001.npz").read_bytes())
    assert written["index"].tolist() == [10, 11, 13, 14]
    assert written["files"].tolist() == ["0", "1", "3", "4"]
    np.testing.assert_array_equal(written["a"], np.concatenate([arrays[at] for at in (0, 1, 3, 4)]))
    record = Partial.read(Folder(str(tmp_path)), 1).record
    assert (record["inputs"], record["sha256_of_inputs"]) == (5, "digest")
    assert record["failed"] == [[12, "2", "invalid_image", "no picture"]]


def test_inputs_that_engines_die_of(tmp_path: Path) -> None:
    """Are found by halving their batch, and refused; the engine is started again for each."""
    assert result(job(tmp_path, "crash"), [np.zeros((1, 3), np.float32)] * 2) == {"rows": 2, "error": None}
    assert [row[2] for row in Partial.read(Folder(str(tmp_path)), 1).record["failed"]] == ["engine_lost"] * 2
    assert len(read_npz_bytes((tmp_path / "shard-000001.npz").read_bytes())["a"]) == 0


class Choosy:
    """Engine of an identity that refuses batches with a negative number."""

    def run(self, batch: list[Array], target: Target) -> None:
        """Fill the rows."""
        if (batch[0] < 0).any():
            raise InvalidTensor("negative")
        target.rows["a"][:] = batch[0]

    def close(self) -> None:
        """Do nothing."""


def test_inputs_that_are_refused_leave_the_others_in_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever in a batch they are."""
    monkeypatch.setattr("service.extracting.worker.Engine", lambda *_: Choosy())
    numbers = [1, 2, -3, 4, 5, 6, -7, -8, 9, 10, 11]
    arrays: list[Array | Refusal] = [np.full((1, 3), number, np.float32) for number in numbers]
    assert result(replace(job(tmp_path, "plain"), batch=8), arrays)["error"] is None
    written = read_npz_bytes((tmp_path / "shard-000001.npz").read_bytes())["a"]
    np.testing.assert_array_equal(written[:, 0], [number for number in numbers if number > 0])
    failed = Partial.read(Folder(str(tmp_path)), 1).record["failed"]
    assert [row[0] for row in failed] == [12, 16, 17]


def test_what_is_not_the_fault_of_inputs_ends_the_run(tmp_path: Path) -> None:
    """An engine that has no room is no reason to leave inputs out."""
    error = result(job(tmp_path, "fail overloaded"), [np.zeros((1, 3), np.float32)])["error"]
    assert error.startswith("shard 1: RuntimeError: overloaded: ")
    assert list(tmp_path.iterdir()) == []

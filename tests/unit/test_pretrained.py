"""Weights of ImageNet on their way: Keras' folder, the process that reads it, and what is kept of that."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from keras.src.utils import file_utils

from models.applications import graph_arguments, parse_application
from models.engine import pretrained
from models.engine.applications import document_of_model, keras_model
from models.engine.outline import declared_shapes, outline, uninitialised
from models.engine.pretrained import Files, check_same
from models.engine.pretrained_messages import WEIGHTS, Fetched, Job, NotFetched, Outcome
from models.engine.weights import weight_specs
from models.errors import DeadlineExceeded, Overloaded, WeightsUnavailable
from models.expansion import expand
from models.storage import digest_of
from models.store import ModelStore
from service.pretrained import FOLDER, MAX_WAITING, Pretrained
from service.settings import Settings

SMALL = {"application": "MobileNetV2", "alpha": 0.35, "input": [96, 96, 3], "include_top": False}
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
BYTES = b"weights"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' folder, empty."""
    monkeypatch.setattr(pretrained, "keras_home", lambda: str(tmp_path / "keras"))
    monkeypatch.setattr(file_utils, "get_file", file_utils.get_file)  # put back at the end
    return tmp_path / "keras"


def download(data: bytes) -> Callable[..., str]:
    """Stands in for Keras' download; writes to the folder that it is given."""

    def get_file(fname: str, origin: str, cache_dir: str, **_: Any) -> str:
        file = Path(cache_dir, fname)
        file.write_bytes(data)
        return str(file)

    return get_file


def unreachable(*_: Any, **__: Any) -> str:
    """What Keras raises without a network."""
    raise Exception("URL fetch failure on https://x: None -- refused")


def test_a_file_that_is_there_is_not_fetched(home: Path, tmp_path: Path) -> None:
    """With its hash, where Keras knows one; a damaged one is fetched again."""
    (home / "models").mkdir(parents=True)
    (home / "models" / "a.h5").write_bytes(BYTES)
    files = Files(tmp_path, unreachable)
    assert files.get("a.h5", "https://x") == files.get("a.h5", "https://x", file_hash=sha256(BYTES).hexdigest())
    assert files.name == "a.h5"
    fetching = Files(tmp_path, download(b"new"))
    fetching.get("a.h5", "https://x", file_hash=sha256(b"new").hexdigest())
    assert (home / "models" / "a.h5").read_bytes() == b"new"


def test_a_download_is_in_keras_folder_whole_or_not_at_all(home: Path, tmp_path: Path) -> None:
    """It comes elsewhere; where the folder cannot be written to, it is used from there."""
    path = Files(tmp_path, download(BYTES)).get("a.h5", "https://x")
    assert Path(path).read_bytes() == (home / "models" / "a.h5").read_bytes() == BYTES
    assert [file.name for file in (home / "models").iterdir()] == ["a.h5"]
    (home / "other").write_bytes(b"")
    assert Path(Files(tmp_path, download(BYTES)).get("b.h5", "https://x", cache_subdir="other")).read_bytes() == BYTES


def test_without_file_and_network_the_file_is_named(home: Path, tmp_path: Path) -> None:
    """And nothing is left behind."""
    with pytest.raises(WeightsUnavailable) as caught:
        Files(tmp_path, unreachable).get("a.h5", "https://storage.example/a.h5")
    (problem,) = caught.value.problems
    assert problem.pointer == "/weights"
    assert "models/a.h5" in str(problem.expected)
    assert "https://storage.example/a.h5" in str(problem.received)
    assert not home.exists()


def test_a_damaged_file_is_no_defect(home: Path, tmp_path: Path) -> None:
    """Which file it is, is said."""
    (home / "models").mkdir(parents=True)
    (home / "models" / FILE).write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    with pytest.raises(WeightsUnavailable, match=FILE) as caught:
        pretrained.fetched(Job(graph_arguments(parse_application(SMALL)), str(tmp_path)))
    assert "damaged" in str(caught.value.problems[0].received)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0", "ConvNeXtTiny", "NASNetMobile"])
def test_weights_have_the_order_of_keras(name: str) -> None:
    """The document's are the model's, layer by layer; and of another model they are not."""
    application = parse_application({"application": name, "weights": None})
    with uninitialised():
        model = keras_model(application, None)
    network = expand(document_of_model(model, application))
    specs = weight_specs(outline(network, declared_shapes(network)))
    check_same(specs, model)
    with pytest.raises(RuntimeError, match="Keras has"):
        check_same([*specs[1:], specs[0]], model)


def write(file: Path) -> None:
    """Weights, such as they are."""
    file.write_bytes(BYTES)


class Counting(Pretrained):
    """Without a process: the same outcome always, counted."""

    started = 0
    outcome: Outcome = Fetched(b"{}", sha256(BYTES).hexdigest())

    async def _run(self, job: Job) -> Outcome:
        self.started += 1
        await asyncio.sleep(0.01)
        write(Path(job.folder, WEIGHTS))
        return self.outcome


def pretrained_of(folder: Path, kind: type[Pretrained] = Counting, **settings: Any) -> Any:
    """On a store in this folder."""
    return kind(Settings(data_dir=str(folder), **settings), ModelStore(str(folder)))


async def test_what_was_converted_is_kept(tmp_path: Path) -> None:
    """Beyond the process; one file for all documents that share it; nothing else is left."""
    first = pretrained_of(tmp_path)
    documents = [await first.get(b"a"), await first.get(b"b"), await first.get(b"a")]
    assert first.started == 2
    assert documents[0] == documents[1] == documents[2]
    assert digest_of(Path(documents[0][1].path)) == sha256(BYTES).hexdigest()
    later = pretrained_of(tmp_path)
    assert await later.get(b"a") == documents[0]
    assert later.started == 0
    assert sorted(file.suffix for file in (tmp_path / FOLDER).iterdir()) == [".json", ".json", ".safetensors"]


async def test_what_was_removed_by_hand_is_fetched_again(tmp_path: Path) -> None:
    """A document without its weights is not given."""
    service = pretrained_of(tmp_path)
    _, weights = await service.get(b"a")
    os.unlink(weights.path)
    await service.get(b"a")
    assert service.started == 2


async def test_refusals_of_the_process_are_errors_here(tmp_path: Path) -> None:
    """With their problems; nothing is kept."""
    service = pretrained_of(tmp_path)
    rows = (("/weights", "x is not there", "x", "y", None),)
    service.outcome = NotFetched("weights_unavailable", "x is not there", rows)
    with pytest.raises(WeightsUnavailable, match="x is not there") as caught:
        await service.get(b"a")
    assert caught.value.problems[0].expected == "x"
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_only_so_many_wait(tmp_path: Path) -> None:
    """One is fetched at a time; beyond those that wait, clients are told to come back."""
    service = pretrained_of(tmp_path)
    asked = [service.get(str(number).encode()) for number in range(MAX_WAITING + 1)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in found].count(Overloaded) == 1
    assert service.started == MAX_WAITING
    await service.get(b"0")


async def test_a_process_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """Long before TensorFlow is there."""
    service = pretrained_of(tmp_path, Pretrained, fetch_seconds=0.1)
    with pytest.raises(DeadlineExceeded):
        await service.get(orjson.dumps(SMALL))
    assert list((tmp_path / FOLDER).iterdir()) == []

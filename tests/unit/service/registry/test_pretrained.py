"""Pretrained weights: Keras' folder, the subprocess that reads it, and the cache of converted weights."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from keras.src.utils import file_utils

from models.engine import pretrained
from models.engine.applications import document_of_model, keras_model
from models.engine.pretrained import Files, check_same
from models.engine.shaping import declared_shapes, shape_network, uninitialised
from models.engine.weights import weight_specs
from models.errors import DeadlineExceeded, Internal, Overloaded, WeightsUnavailable
from models.errors.problem import Problem
from models.ipc.pretrained_messages import WEIGHTS, Fetched, FetchJob, NotFetched, Outcome
from models.networks.expansion import expand
from models.reading.applications import graph_arguments, parse_application
from models.store.storage import digest_of
from models.store.store import ModelStore
from service.registry.pretrained import FOLDER, MAX_WAITING, Pretrained
from service.settings import Settings

SMALL = {"application": "MobileNetV2", "alpha": 0.35, "input": [96, 96, 3], "include_top": False}
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"
BYTES = b"weights"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Keras folder."""
    monkeypatch.setattr(pretrained, "keras_home", lambda: str(tmp_path / "keras"))
    monkeypatch.setattr(file_utils, "get_file", file_utils.get_file)  # restored at the end
    return tmp_path / "keras"


def download(data: bytes) -> Callable[..., str]:
    """Build a replacement of Keras' download that writes to the given folder."""

    def get_file(fname: str, origin: str, cache_dir: str, **_: Any) -> str:
        file = Path(cache_dir, fname)
        file.write_bytes(data)
        return str(file)

    return get_file


def unreachable(*_: Any, **__: Any) -> str:
    """Raise what Keras raises without a network."""
    raise Exception("URL fetch failure on https://x: None -- refused")


def test_an_existing_file_is_not_downloaded(home: Path, tmp_path: Path) -> None:
    """If it has the hash that Keras knows, if any; otherwise it is downloaded again."""
    (home / "models").mkdir(parents=True)
    (home / "models" / "a.h5").write_bytes(BYTES)
    files = Files(tmp_path, unreachable)
    assert files.get("a.h5", "https://x") == files.get("a.h5", "https://x", file_hash=sha256(BYTES).hexdigest())
    assert files.name == "a.h5"
    fetching = Files(tmp_path, download(b"new"))
    fetching.get("a.h5", "https://x", file_hash=sha256(b"new").hexdigest())
    assert (home / "models" / "a.h5").read_bytes() == b"new"


def test_downloads_to_the_keras_folder_are_atomic(home: Path, tmp_path: Path) -> None:
    """They are renamed when complete; with a read-only folder the temporary file is used."""
    path = Files(tmp_path, download(BYTES)).get("a.h5", "https://x")
    assert Path(path).read_bytes() == (home / "models" / "a.h5").read_bytes() == BYTES
    assert [file.name for file in (home / "models").iterdir()] == ["a.h5"]
    (home / "other").write_bytes(b"")
    assert Path(Files(tmp_path, download(BYTES)).get("b.h5", "https://x", cache_subdir="other")).read_bytes() == BYTES


def test_an_unavailable_file_is_named(home: Path, tmp_path: Path) -> None:
    """And no files remain."""
    with pytest.raises(WeightsUnavailable) as caught:
        Files(tmp_path, unreachable).get("a.h5", "https://storage.example/a.h5")
    (problem,) = caught.value.problems
    assert problem.pointer == "/weights"
    assert "models/a.h5" in str(problem.expected)
    assert "https://storage.example/a.h5" in str(problem.received)
    assert not home.exists()


def test_a_damaged_file_is_reported(home: Path, tmp_path: Path) -> None:
    """By name."""
    (home / "models").mkdir(parents=True)
    (home / "models" / FILE).write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    with pytest.raises(WeightsUnavailable, match=FILE) as caught:
        pretrained.fetch(FetchJob(graph_arguments(parse_application(SMALL)), str(tmp_path)))
    assert "damaged" in str(caught.value.problems[0].received)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0", "ConvNeXtTiny"])
def test_weights_are_in_the_order_of_keras(name: str) -> None:
    """Layer by layer; another order is detected."""
    application = parse_application({"application": name, "weights": None})
    with uninitialised():
        model = keras_model(application, None)
    network = expand(document_of_model(model, application))
    specs = weight_specs(shape_network(network, declared_shapes(network)))
    check_same(specs, model)
    with pytest.raises(RuntimeError, match="Keras has"):
        check_same([*specs[1:], specs[0]], model)


def write(file: Path) -> None:
    """Write a weights file."""
    file.write_bytes(BYTES)


class Counting(Pretrained):
    """Conversion without a subprocess: a fixed outcome, and a counter."""

    started = 0
    outcome: Outcome = Fetched(sha256(BYTES).hexdigest())

    async def _run(self, job: FetchJob) -> Outcome:
        self.started += 1
        await asyncio.sleep(0.01)
        write(Path(job.folder, WEIGHTS))
        return self.outcome


def pretrained_of(folder: Path, kind: type[Pretrained] = Counting, clock: Any = time.monotonic, **settings: Any) -> Any:
    """Build the service on a store in this folder."""
    return kind(Settings(data_dir=str(folder), **settings), ModelStore(str(folder)), clock)


async def test_converted_weights_are_cached_on_disk(tmp_path: Path) -> None:
    """Across restarts, with one file per content, and without other files."""
    first = pretrained_of(tmp_path)
    files = [await first.get(b"a", "x.h5"), await first.get(b"b", "x.h5"), await first.get(b"a", "x.h5")]
    assert first.started == 2
    assert files[0] == files[1] == files[2]
    assert digest_of(Path(files[0].path)) == sha256(BYTES).hexdigest()
    later = pretrained_of(tmp_path)
    assert await later.get(b"a", "x.h5") == files[0]
    assert later.started == 0
    assert sorted(file.suffix for file in (tmp_path / FOLDER).iterdir()) == [".json", ".json", ".safetensors"]


async def test_a_removed_weights_file_is_fetched_again(tmp_path: Path) -> None:
    """A document without its weights is not returned."""
    service = pretrained_of(tmp_path)
    weights = await service.get(b"a", "x.h5")
    os.unlink(weights.path)
    await service.get(b"a", "x.h5")
    assert service.started == 2


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("left", [b"", b"{", b"\xff\xfe", b"{}", BYTES[:-1]])
async def test_a_truncated_cache_entry_is_fetched_again(tmp_path: Path, suffix: str, left: bytes) -> None:
    """Whether its metadata is unreadable or its weights have the wrong size."""
    service = pretrained_of(tmp_path)
    kept = await service.get(b"a", "x.h5")
    (file,) = (tmp_path / FOLDER).glob(f"*{suffix}")
    file.write_bytes(left)
    assert await service.get(b"a", "x.h5") == kept == await service.get(b"a", "x.h5")
    assert service.started == 2
    assert digest_of(Path(kept.path)) == kept.digest


async def test_weights_are_synced_before_their_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For both: the file, then the directory entry."""
    steps: list[str] = []
    replace, sync = os.replace, os.fsync

    def replacing(source: Path, target: Path) -> None:
        steps.append(target.suffix)
        replace(source, target)

    def syncing(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    monkeypatch.setattr(os, "replace", replacing)
    monkeypatch.setattr(os, "fsync", syncing)
    await pretrained_of(tmp_path).get(b"a", "x.h5")
    assert steps == ["file", ".safetensors", "folder", "file", ".json", "folder"]


async def test_errors_of_the_subprocess_are_raised(tmp_path: Path) -> None:
    """With their problems; nothing is cached."""
    service = pretrained_of(tmp_path)
    problems = (Problem("/weights", "x is not there", "x", "y"),)
    service.outcome = NotFetched("weights_unavailable", "x is not there", problems)
    with pytest.raises(WeightsUnavailable, match="x is not there") as caught:
        await service.get(b"a", "x.h5")
    assert caught.value.problems[0].expected == "x"
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_a_failed_download_is_not_retried_for_a_minute(tmp_path: Path) -> None:
    """For any network with that file, queued requests included; other files are fetched."""
    now = [0.0]
    service = pretrained_of(tmp_path, clock=lambda: now[0])
    good, service.outcome = service.outcome, NotFetched("weights_unavailable", "x.h5 is not there", ())
    asked = [service.get(arguments, "x.h5") for arguments in (b"a", b"b", b"a")]
    found = await asyncio.gather(*asked, return_exceptions=True)
    reported = [(type(error), str(error), error.seconds) for error in found]
    assert reported == [(WeightsUnavailable, "x.h5 is not there", 60.0)] * 3
    assert service.started == 1
    service.outcome, now[0] = good, 59.0
    await service.get(b"c", "y.h5")
    with pytest.raises(WeightsUnavailable) as caught:
        await service.get(b"a", "x.h5")
    assert (caught.value.seconds, service.started) == (1.0, 2)
    now[0] = 61.0
    await service.get(b"a", "x.h5")
    assert service.started == 3


class Endless(Pretrained):
    """A download that does not end."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.began = asyncio.Event()

    async def _run(self, _: FetchJob) -> Outcome:
        self.began.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_queued_requests_time_out(tmp_path: Path) -> None:
    """The running download continues."""
    service = pretrained_of(tmp_path, Endless, deadline=0.05)
    first = asyncio.create_task(service.get(b"a", "x.h5"))
    await service.began.wait()
    with pytest.raises(Overloaded):
        await service.get(b"b", "y.h5")
    assert not first.done()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


class OnceToldTo(Counting):
    """Downloads that end on demand."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.told = asyncio.Event()

    async def _run(self, job: FetchJob) -> Outcome:
        await self.told.wait()
        return await super()._run(job)


async def test_the_number_of_queued_requests_is_limited(tmp_path: Path) -> None:
    """One download runs at a time; requests beyond the queue are rejected."""
    service = pretrained_of(tmp_path, OnceToldTo)
    asked = [asyncio.create_task(service.get(str(number).encode(), "x.h5")) for number in range(MAX_WAITING + 1)]
    (first,), others = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert isinstance(first.exception(), Overloaded)
    service.told.set()
    await asyncio.gather(*others)
    assert service.started == MAX_WAITING
    await service.get(b"0", "x.h5")


async def test_a_slow_subprocess_is_killed(tmp_path: Path) -> None:
    """Before it has imported TensorFlow."""
    service = pretrained_of(tmp_path, Pretrained, fetch_seconds=0.1)
    with pytest.raises(DeadlineExceeded):
        await service.get(orjson.dumps(SMALL), FILE)
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_the_oldest_manifests_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests for many networks leave a bounded number; the weights that they share stay."""
    monkeypatch.setattr("service.registry.pretrained.MAX_CACHED_MANIFESTS", 2)
    service = pretrained_of(tmp_path)
    for number in range(3):
        await service.get(b"%d" % number, "x.h5")
        for age, file in enumerate(sorted((tmp_path / FOLDER).glob("*.json"), key=lambda one: -one.stat().st_mtime_ns)):
            os.utime(file, (1000 - age, 1000 - age))
    assert [await service.cached(b"%d" % number) is not None for number in range(3)] == [False, True, True]


async def test_a_subprocess_that_fails_is_a_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What it wrote is in the log, and not in the error."""
    program = [sys.executable, "-c", "import sys; sys.stdin.readline(); sys.exit('it broke')"]
    monkeypatch.setattr("service.registry.pretrained.command", lambda _: program)
    with pytest.raises(Internal) as failed:
        await pretrained_of(tmp_path, Pretrained).get(orjson.dumps(SMALL), FILE)
    assert "it broke" not in str(failed.value)
    assert "conversion of pretrained weights failed: it broke" in caplog.text
    assert list((tmp_path / FOLDER).iterdir()) == []


PARENT = """
import asyncio, sys
from models.store.store import ModelStore
from service.registry.pretrained import Pretrained
from service.settings import Settings
folder, arguments = sys.argv[1:]
store = ModelStore(folder)
store.open()
asyncio.run(Pretrained(Settings(data_dir=folder), store).get(arguments.encode(), "x.h5"))
"""


def test_the_subprocess_ends_with_its_parent(tmp_path: Path) -> None:
    """Which is killed during a download: the connection of the download is closed."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(120)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        environment = {**os.environ, "https_proxy": address, "HTTPS_PROXY": address, "KERAS_HOME": str(tmp_path / "k")}
        command = [sys.executable, "-c", PARENT, str(tmp_path), graph_arguments(parse_application(SMALL)).decode()]
        parent = subprocess.Popen(command, env=environment)
        try:
            connection, _ = proxy.accept()
            connection.settimeout(60)
            assert connection.recv(8) == b"CONNECT "
        finally:
            parent.kill()
            parent.wait()
        with connection:
            while connection.recv(4096):
                pass

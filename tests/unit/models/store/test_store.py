"""Registered models: persistence, sharing, and recovery from interruptions."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from models.documents.document import Document
from models.errors import ModelDamaged, NotFound, Problem, StoreReadOnly, StoreUnreachable, did_you_mean
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document
from models.store.entries import entry_bytes
from models.store.names import COMPARED, Names
from models.store.storage import Storage
from models.store.store import ModelStore


def document(units: int = 2, **fields: Any) -> Document:
    """Build a document that differs by its units."""
    return parse_document({"input": [4], "layers": [{"type": "Dense", "units": units}], **fields})


def network(units: int = 2, **fields: Any) -> Network:
    """Expand it."""
    return expand(document(units, **fields))


def identity(of: Document) -> str:
    """Return the id that a document is registered under."""
    return expand(of).identity()


@pytest.fixture(params=["folder", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store: on disk, in an fsspec file system, and on an S3 server."""
    if request.param == "folder":
        yield str(tmp_path / "deep" / "store")
    elif request.param == "s3":
        yield f"{request.getfixturevalue('bucket')}/{uuid4().hex}"
    else:
        name = f"memory://{uuid4().hex}"
        yield name
        fsspec.filesystem("memory").rm(name, recursive=True)


def open_store(url: str) -> ModelStore:
    """Open a store like a new process."""
    store = ModelStore(url)
    store.open()
    return store


def files(url: str, folder: str) -> list[str]:
    """List the files in a folder of a store."""
    fs, root = fsspec.core.url_to_fs(url)
    if not fs.exists(f"{root}/{folder}"):
        return []  # object stores have no empty folders
    return sorted(Path(path).name for path in fs.ls(f"{root}/{folder}", detail=False, refresh=True))


def names(store: ModelStore) -> list[str]:
    """Return every name of a store."""
    return [entry.name for entry in store.entries()]


def test_a_new_store_is_empty(url: str) -> None:
    """It creates its folders, and reopening it changes nothing."""
    assert open_store(url).entries() == open_store(url).entries() == []


def test_models_persist(url: str) -> None:
    """A reopened store has the same names, ids, times and documents."""
    store = open_store(url)
    for name, units in (("b", 2), ("a", 3)):
        store.put(name, network(units))
    again = open_store(url)
    assert names(again) == ["a", "b"]
    assert again.entries() == store.entries()
    assert [again.architecture(entry).document for entry in again.entries()] == [document(3), document(2)]


def test_an_entry_has_an_id_and_a_time(url: str) -> None:
    """The id of the network, and the time of the write in UTC."""
    before = datetime.now(UTC).replace(microsecond=0)
    entry, _ = open_store(url).put("m", network(name="label"))
    assert (entry.name, entry.id) == ("m", identity(document()))
    assert before <= datetime.fromisoformat(entry.created) <= datetime.now(UTC)
    assert files(url, "objects") == [f"{entry.object}.json"]
    assert files(url, "names") == ["m.json"]


def test_put_reports_whether_the_name_is_new(url: str) -> None:
    """Only the first put of a name does."""
    store = open_store(url)
    assert [store.put("m", network(units))[1] for units in (1, 2, 2)] == [True, False, False]


def test_replacing_a_name_removes_the_old_document(url: str) -> None:
    """It is unreferenced."""
    store = open_store(url)
    old, _ = store.put("m", network(1))
    new, _ = store.put("m", network(2))
    assert old.object != new.object
    assert files(url, "objects") == [f"{new.object}.json"]
    assert open_store(url).architecture(new).document == document(2)


def test_replacing_a_name_keeps_a_shared_document(url: str) -> None:
    """Equal documents are stored once, as long as a name refers to them."""
    store = open_store(url)
    store.put("one", network(1))
    store.put("other", network(1))
    assert len(files(url, "objects")) == 1
    store.put("one", network(2))
    assert len(files(url, "objects")) == 2
    assert store.architecture(store.find("other")).document == document(1)
    store.put("other", network(2))
    assert len(files(url, "objects")) == 1


def test_putting_the_same_document_again_keeps_it(url: str) -> None:
    """It is not removed as the replaced one."""
    store = open_store(url)
    store.put("m", network())
    entry, _ = store.put("m", network())
    assert open_store(url).architecture(entry).document == document()


def test_the_source_map_in_memory_is_that_of_the_latest_request(url: str) -> None:
    """The same document, first as an object, then as a list of Keras' layers: errors point into the list."""
    store = open_store(url)
    store.put("m", network())
    listed = parse_document([{"type": "InputLayer", "shape": [4]}, {"type": "Dense", "units": 2}])
    entry, _ = store.put("m", expand(listed))
    assert len(files(url, "objects")) == 1
    assert store.architecture(entry).document.source_map.of("/layers/0/units") == "/1/units"


def test_models_are_found_by_name_and_by_id(url: str) -> None:
    """An id with several names returns the first of them."""
    store = open_store(url)
    for name in ("b", "a"):
        store.put(name, network())
    assert store.find("b").name == "b"
    assert store.find(identity(document())).name == "a"


def test_unknown_models_are_not_found(url: str) -> None:
    """The error lists the names and suggests the nearest."""
    store = open_store(url)
    with pytest.raises(NotFound) as empty:
        store.find("m")
    store.put("digits", network())
    with pytest.raises(NotFound) as near:
        store.find("digit")
    with pytest.raises(NotFound):
        store.find("sha256:" + "0" * 64)
    assert empty.value.problems == (
        Problem("", "there is no model of this name", "a registered model", '"m"',
                "PUT /v1/models/{name} registers one"),
    )  # fmt: skip
    assert near.value.problems == (
        Problem("", "there is no model of this name", "one of digits", '"digit"', 'use "digits"'),
    )


def test_an_unknown_name_is_compared_with_its_neighbours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many models there are; the nearest begins like it."""
    names = Names(Storage("memory://many", ()), RLock())
    names._entries = dict.fromkeys(f"model-{number:05}" for number in range(10_000))  # type: ignore[assignment]
    compared: list[int] = []

    def suggest(word: str, known: Sequence[str]) -> str | None:
        compared.append(len(known))
        return did_you_mean(word, known)

    monkeypatch.setattr("models.store.names.did_you_mean", suggest)
    with pytest.raises(NotFound) as caught:
        names.find("model-07071x")
    assert caught.value.problems[0].suggestion == 'use "model-07071"'
    assert compared == [COMPARED]


def test_deleting_a_name_keeps_a_shared_document(url: str) -> None:
    """It is removed with the last name."""
    store = open_store(url)
    store.put("one", network())
    store.put("other", network())
    store.delete("one")
    assert names(store) == names(open_store(url)) == ["other"]
    assert open_store(url).architecture(store.find("other")).document == document()
    store.delete("other")
    assert names(open_store(url)) == files(url, "objects") == files(url, "names") == []


def test_deleting_an_id_removes_every_name(url: str) -> None:
    """Also if labels make the documents differ; other models stay."""
    store = open_store(url)
    store.put("one", network(name="label"))
    store.put("other", network())
    store.put("kept", network(3))
    store.delete(identity(document()))
    assert names(store) == names(open_store(url)) == ["kept"]
    assert len(files(url, "objects")) == 1


def test_deleting_twice_is_an_error(url: str) -> None:
    """The second delete is NotFound."""
    store = open_store(url)
    store.put("m", network())
    store.delete("m")
    with pytest.raises(NotFound):
        store.delete("m")


def test_a_deleted_name_can_be_reused(url: str) -> None:
    """The name is new again."""
    store = open_store(url)
    store.put("m", network())
    store.delete("m")
    assert store.put("m", network())[1] is True
    assert names(open_store(url)) == ["m"]


def test_a_damaged_document_is_detected_and_replaced(url: str) -> None:
    """If its bytes do not match their digest or are missing; putting it again repairs it."""
    entry, _ = open_store(url).put("m", network())
    fs, root = fsspec.core.url_to_fs(url)
    path = f"{root}/objects/{entry.object}.json"
    whole = fs.cat_file(path)
    for damage, said in (
        (whole.replace(b'"units":2', b'"units":3'), "damaged"),
        (whole[:9], "damaged"),
        (None, "gone"),
    ):
        fs.rm_file(path) if damage is None else fs.pipe_file(path, damage)
        store = open_store(url)
        with pytest.raises(ModelDamaged, match=f'"m" cannot be used: its document is {said}'):
            store.architecture(store.find("m"))
        store.put("m", network())
        assert open_store(url).architecture(store.find("m")).document == document()


def test_folders_in_place_of_files_are_damage(tmp_path: Path) -> None:
    """The model can be put again or deleted."""
    for heal in (True, False):
        store = open_store(str(tmp_path))
        entry, _ = store.put("m", network())
        path = tmp_path / "objects" / f"{entry.object}.json"
        path.unlink()
        (path / "inner").mkdir(parents=True)
        if heal:
            store.put("m", network())
            assert open_store(str(tmp_path)).architecture(entry).document == document()
        else:
            store.delete("m")
            assert not path.exists()


def test_a_document_of_a_newer_version_is_reported(tmp_path: Path) -> None:
    """It is intact but not understood: this differs from an invalid document of a client."""
    data = b'{"layers":[{"type":"LayerToCome"}]}'
    store = open_store(str(tmp_path))
    entry, _ = store.put("m", network())
    later = replace(entry, object=sha256(data).hexdigest())
    (tmp_path / "objects" / f"{later.object}.json").write_bytes(data)
    (tmp_path / "names" / "m.json").write_bytes(entry_bytes(later))
    again = open_store(str(tmp_path))
    with pytest.raises(ModelDamaged, match="this version does not understand its document: there is no layer"):
        again.architecture(again.find("m"))


DIGEST = "a" * 64
BROKEN = {
    "empty": (b"", "it is empty"),
    "half": (b'{"name":"ha', "it is not JSON"),
    "list": (b"[]", "it is not an object"),
    "newer": (b'{"name":"newer","version":2}', 'it has "version", which a newer version may have written'),
    "short": (b'{"name":"short"}', "it has no id"),
    "typed": (b'{"name":"typed","id":7}', "its id is 7"),
    "path": (b'{"name":"path","id":"sha256:0","object":"../0"}', 'its object is "../0"'),
    "copy": (b'{"name":"m","id":"sha256:0","object":"0","created":"x"}', 'it is that of the name "m"'),
}
"""Contents of name files, and the reported problems."""


def test_a_corrupt_name_file_affects_only_its_model(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once and listed with its problem, and can be deleted or replaced; documents it may refer to stay."""
    store = open_store(url)
    entry, _ = store.put("m", network())
    fs, root = fsspec.core.url_to_fs(url)
    for name, (data, _) in BROKEN.items():
        fs.pipe_file(f"{root}/names/{name}.json", data)
    fs.pipe_file(f"{root}/objects/{DIGEST}.json", b"may be pointed to")
    again = open_store(url)
    assert again.entries() == [entry]
    assert again.damaged == {name: said for name, (_, said) in sorted(BROKEN.items())}
    logged = [record.getMessage() for record in caplog.records if record.name == "layerscope.store"]
    assert logged == [f"names/{name}.json is passed over: {said}" for name, said in again.damaged.items()]
    with pytest.raises(ModelDamaged, match='"half" cannot be used: the file of its name is damaged: it is not JSON'):
        again.find("half")
    assert again.put("half", network(3))[1] is True
    for name in BROKEN.keys() - {"half", "empty"}:
        again.delete(name)
    assert f"{DIGEST}.json" in files(url, "objects")
    later, _ = again.put("later", network(5))
    again.delete("later")
    assert f"{later.object}.json" not in files(url, "objects")
    again.delete("empty")
    assert again.damaged == {}
    assert (f"{DIGEST}.json" in files(url, "objects")) == ("://" in url)  # others may share a store elsewhere
    assert names(open_store(url)) == ["half", "m"]


class Refusing(MemoryFileSystem):
    """A file system that rejects writes, like S3 without permission."""

    protocol = "refusing"
    store: ClassVar[dict[str, Any]] = MemoryFileSystem.store
    pseudo_dirs: ClassVar[list[str]] = MemoryFileSystem.pseudo_dirs
    said: Exception = PermissionError(errno.EACCES, "a secret")

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix(f"{cls.protocol}://")))

    def _refuse(self, *_: Any, **__: Any) -> None:
        raise self.said

    pipe_file = put_file = rm_file = rm = makedirs = _refuse


class Silent(Refusing):
    """A file system whose server does not respond."""

    protocol = "silent"
    said = RuntimeError("a secret")
    cat_file = ls = Refusing._refuse
    makedirs = MemoryFileSystem.makedirs


def test_unwritable_and_unreachable_stores_are_reported() -> None:
    """Read-only ones can be read; errors do not contain the file system's message."""
    for kind in (Refusing, Silent):
        fsspec.register_implementation(kind.protocol, kind, clobber=True)
    place = uuid4().hex
    entry, _ = open_store(f"memory://{place}").put("m", network())
    store = open_store(f"refusing://{place}")
    assert store.architecture(store.find("m")).document == document()
    for change in (lambda: store.put("n", network(3)), lambda: store.put("m", network(3)), lambda: store.delete("m")):
        with pytest.raises(StoreReadOnly) as refused:
            change()
        assert "secret" not in str(refused.value)
    assert store.entries() == [entry]
    with pytest.raises(StoreUnreachable):
        open_store(f"silent://{place}")


def test_removed_folders_are_recreated(tmp_path: Path) -> None:
    """The scratch folder, and the whole store, while it is open."""
    store = open_store(str(tmp_path / "store"))
    store.put("m", network())
    for gone in ("store/tmp", "store"):
        shutil.rmtree(tmp_path / gone)
        store.put("n", network(3))
        with store.scratch.folder() as folder:
            assert Path(folder).is_dir()
        assert open_store(str(tmp_path / "store")).find("n") == store.find("n")


def test_leftovers_of_interrupted_writes_are_removed(url: str) -> None:
    """At the next start; they never become models."""
    store = open_store(url)
    store.put("m", network())
    store.close()
    fs, root = fsspec.core.url_to_fs(url)
    fs.makedirs(f"{root}/tmp", exist_ok=True)  # noqa: S108 (the store's own folder)
    fs.pipe_file(f"{root}/tmp/half", b'{"name":"hal')  # noqa: S108 (the store's own folder)
    fs.pipe_file(f"{root}/names/half.json.swp", b"not a name")
    again = open_store(url)
    assert names(again) == ["m"]
    assert files(url, "tmp") == ([] if again.scratch.parent.parent == Path(root) else ["half"])


WRITERS = """
import json, os, signal, sys
from models.reading.parse import parse_document
from models.networks.expansion import expand
from models.store.names import COMPARED, Names
from models.store.storage import Storage
from models.store.store import ModelStore

network = expand(parse_document({"input": [4], "layers": [{"type": "Dense", "units": 9}]}))
real = os.replace


def write(folder, renames):
    def replace(source, target):
        nonlocal renames
        if renames == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        renames -= 1
        real(source, target)

    os.replace = replace
    store = ModelStore(folder)
    store.open()
    store.put("m", network)
    os.kill(os.getpid(), signal.SIGTERM)


for line in sys.stdin:
    child = os.fork()
    if not child:
        write(*json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
Write = Callable[[Path, int], int]


@pytest.fixture(scope="module")
def write() -> Iterator[Write]:
    """`write(folder, renames)`: put the model "m" in a process of its own, and return the signal that killed it.

    It is SIGKILL at the rename after so many, or else SIGTERM, which Python does not handle, right after `put` returns.
    """
    command = [sys.executable, "-c", WRITERS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        requests, outcomes = process.stdin, process.stdout
        assert requests is not None
        assert outcomes is not None

        def write(folder: Path, renames: int) -> int:
            print(json.dumps([str(folder), renames]), file=requests, flush=True)
            return -int(outcomes.readline())

        yield write
        requests.close()


@pytest.mark.parametrize("renames", [0, 1])
@pytest.mark.parametrize("before", [[], ["m"]])
def test_a_process_killed_during_a_write_changes_nothing(
    write: Write, tmp_path: Path, renames: int, before: list[str]
) -> None:
    """Before the document or the name is renamed: a name refers to the old model, or does not exist."""
    store = open_store(str(tmp_path))
    for name in before:
        store.put(name, network(1))
    store.close()
    assert write(tmp_path, renames) == signal.SIGKILL
    assert len(files(str(tmp_path), "tmp")) == 1
    again = open_store(str(tmp_path))
    assert names(again) == before
    assert [again.architecture(entry).document for entry in again.entries()] == [document(1) for _ in before]
    assert files(str(tmp_path), "tmp") == []
    again.put("m", network(9))
    assert open_store(str(tmp_path)).architecture(again.find("m")).document == document(9)


def test_a_finished_write_is_durable(write: Write, tmp_path: Path) -> None:
    """It survives a kill right after `put` returns."""
    assert write(tmp_path, 2) == signal.SIGTERM
    store = open_store(str(tmp_path))
    assert store.architecture(store.find("m")).document == document(9)


def test_the_store_is_thread_safe(tmp_path: Path) -> None:
    """Eight threads put, delete and read names that share two documents; the remaining ones are readable."""
    store = open_store(str(tmp_path))
    documents = [document(units) for units in (1, 2)]

    def work(number: int) -> None:
        name = f"m{number * 7 % 5}"
        store.put(name, expand(documents[number % 2]))
        with suppress(NotFound):
            store.architecture(store.find(name))
        with suppress(NotFound):
            store.delete(f"m{number * 3 % 5}" if number % 3 else store.find(name).id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(300)))
    again = open_store(str(tmp_path))
    assert again.entries() == store.entries()
    assert [again.architecture(entry).document in documents for entry in again.entries()] == [True] * len(
        again.entries()
    )

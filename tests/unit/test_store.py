"""Registered models: what survives, what is shared, and what an interruption leaves behind."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from models.documents.document import Document
from models.errors import ModelDamaged, NotFound, Problem, StoreReadOnly, StoreUnreachable
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document
from models.store.entries import entry_bytes
from models.store.store import ModelStore


def document(units: int = 2, **fields: Any) -> Document:
    """A document that differs with its units."""
    return parse_document({"input": [4], "layers": [{"type": "Dense", "units": units}], **fields})


def network(units: int = 2, **fields: Any) -> Network:
    """Its network."""
    return expand(document(units, **fields))


def identity(of: Document) -> str:
    """The id that a document is registered under."""
    return expand(of).identity()


@pytest.fixture(params=["folder", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place for a store: on disk, in a file system that only fsspec knows, and on an S3 server."""
    if request.param == "folder":
        yield str(tmp_path / "deep" / "store")
    elif request.param == "s3":
        yield f"{request.getfixturevalue('bucket')}/{uuid4().hex}"
    else:
        name = f"memory://{uuid4().hex}"
        yield name
        fsspec.filesystem("memory").rm(name, recursive=True)


def opened(url: str) -> ModelStore:
    """A store as a process that has just started sees it."""
    store = ModelStore(url)
    store.open()
    return store


def files(url: str, folder: str) -> list[str]:
    """What lies in a folder of a store, by name."""
    fs, root = fsspec.core.url_to_fs(url)
    if not fs.exists(f"{root}/{folder}"):
        return []  # object stores have no empty folders
    return sorted(Path(path).name for path in fs.ls(f"{root}/{folder}", detail=False, refresh=True))


def names(store: ModelStore) -> list[str]:
    """Every name of a store."""
    return [entry.name for entry in store.entries()]


def test_a_new_store_is_empty(url: str) -> None:
    """It makes its folders itself, and opening it twice changes nothing."""
    assert opened(url).entries() == opened(url).entries() == []


def test_models_survive(url: str) -> None:
    """A store that is opened again has the same names, ids, times and documents."""
    store = opened(url)
    for name, units in (("b", 2), ("a", 3)):
        store.put(name, network(units))
    again = opened(url)
    assert names(again) == ["a", "b"]
    assert again.entries() == store.entries()
    assert [again.document(entry) for entry in again.entries()] == [document(3), document(2)]


def test_an_entry_says_what_it_points_to(url: str) -> None:
    """The id is the network's, the time is that of writing, in UTC."""
    before = datetime.now(UTC).replace(microsecond=0)
    entry, _ = opened(url).put("m", network(name="label"))
    assert (entry.name, entry.id) == ("m", identity(document()))
    assert before <= datetime.fromisoformat(entry.created) <= datetime.now(UTC)
    assert files(url, "objects") == [f"{entry.object}.json"]
    assert files(url, "names") == ["m.json"]


def test_put_says_whether_the_name_is_new(url: str) -> None:
    """Once."""
    store = opened(url)
    assert [store.put("m", network(units))[1] for units in (1, 2, 2)] == [True, False, False]


def test_a_replaced_name_drops_the_old_document(url: str) -> None:
    """Nothing points to it any more."""
    store = opened(url)
    old, _ = store.put("m", network(1))
    new, _ = store.put("m", network(2))
    assert old.object != new.object
    assert files(url, "objects") == [f"{new.object}.json"]
    assert opened(url).architecture(new).document == document(2)


def test_a_replaced_name_leaves_a_document_that_others_point_to(url: str) -> None:
    """Equal documents are kept once, for as long as one name needs them."""
    store = opened(url)
    store.put("one", network(1))
    store.put("other", network(1))
    assert len(files(url, "objects")) == 1
    store.put("one", network(2))
    assert len(files(url, "objects")) == 2
    assert store.architecture(store.find("other")).document == document(1)
    store.put("other", network(2))
    assert len(files(url, "objects")) == 1


def test_writing_the_same_again_keeps_the_document(url: str) -> None:
    """A name that is replaced by what it was does not lose it."""
    store = opened(url)
    store.put("m", network())
    entry, _ = store.put("m", network())
    assert opened(url).architecture(entry).document == document()


def test_models_are_found_by_name_and_by_id(url: str) -> None:
    """An id that several names point to leads to the first of them."""
    store = opened(url)
    for name in ("b", "a"):
        store.put(name, network())
    assert store.find("b").name == "b"
    assert store.find(identity(document())).name == "a"


def test_unknown_models_are_not_found(url: str) -> None:
    """With the names there are, and the nearest."""
    store = opened(url)
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


def test_a_name_is_deleted_alone(url: str) -> None:
    """What others still point to stays; the document goes with the last of them."""
    store = opened(url)
    store.put("one", network())
    store.put("other", network())
    store.delete("one")
    assert names(store) == names(opened(url)) == ["other"]
    assert opened(url).architecture(store.find("other")).document == document()
    store.delete("other")
    assert names(opened(url)) == files(url, "objects") == files(url, "names") == []


def test_an_id_is_deleted_with_every_name(url: str) -> None:
    """Also where labels make the documents differ; other models stay."""
    store = opened(url)
    store.put("one", network(name="label"))
    store.put("other", network())
    store.put("kept", network(3))
    store.delete(identity(document()))
    assert names(store) == names(opened(url)) == ["kept"]
    assert len(files(url, "objects")) == 1


def test_what_is_not_there_cannot_be_deleted(url: str) -> None:
    """Twice is once too often."""
    store = opened(url)
    store.put("m", network())
    store.delete("m")
    with pytest.raises(NotFound):
        store.delete("m")


def test_a_deleted_name_can_be_written_again(url: str) -> None:
    """As if it had never been."""
    store = opened(url)
    store.put("m", network())
    store.delete("m")
    assert store.put("m", network())[1] is True
    assert names(opened(url)) == ["m"]


def test_a_damaged_document_is_noticed_and_replaced(url: str) -> None:
    """Bytes that are not what their name says, or are gone, are never run; the same document put again heals it."""
    entry, _ = opened(url).put("m", network())
    fs, root = fsspec.core.url_to_fs(url)
    path = f"{root}/objects/{entry.object}.json"
    whole = fs.cat_file(path)
    for damage, said in (
        (whole.replace(b'"units":2', b'"units":3'), "damaged"),
        (whole[:9], "damaged"),
        (None, "gone"),
    ):
        fs.rm_file(path) if damage is None else fs.pipe_file(path, damage)
        store = opened(url)
        with pytest.raises(ModelDamaged, match=f'"m" cannot be used: its document is {said}'):
            store.architecture(store.find("m"))
        store.put("m", network())
        assert opened(url).architecture(store.find("m")).document == document()


def test_folders_in_the_place_of_files(tmp_path: Path) -> None:
    """They are damage like any other: a model put again is whole, and one removed is gone."""
    for heal in (True, False):
        store = opened(str(tmp_path))
        entry, _ = store.put("m", network())
        path = tmp_path / "objects" / f"{entry.object}.json"
        path.unlink()
        (path / "inner").mkdir(parents=True)
        if heal:
            store.put("m", network())
            assert opened(str(tmp_path)).document(entry) == document()
        else:
            store.delete("m")
            assert not path.exists()


def test_a_document_of_another_version_is_said_to_be_one(tmp_path: Path) -> None:
    """Whole, and not understood: the model is told apart from one that a client got wrong."""
    data = b'{"layers":[{"type":"LayerToCome"}]}'
    store = opened(str(tmp_path))
    entry, _ = store.put("m", network())
    later = replace(entry, object=sha256(data).hexdigest())
    (tmp_path / "objects" / f"{later.object}.json").write_bytes(data)
    (tmp_path / "names" / "m.json").write_bytes(entry_bytes(later))
    again = opened(str(tmp_path))
    with pytest.raises(ModelDamaged, match="this version does not understand its document: there is no layer"):
        again.document(again.find("m"))


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
"""Files of names, and what is said of each."""


def test_a_broken_name_costs_itself_alone(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once and listed with what is wrong, is no model, and can be removed and replaced; what it may point
    to stays.
    """
    store = opened(url)
    entry, _ = store.put("m", network())
    fs, root = fsspec.core.url_to_fs(url)
    for name, (data, _) in BROKEN.items():
        fs.pipe_file(f"{root}/names/{name}.json", data)
    fs.pipe_file(f"{root}/objects/{DIGEST}.json", b"may be pointed to")
    again = opened(url)
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
    assert names(opened(url)) == ["half", "m"]


class Refusing(MemoryFileSystem):
    """A file system that lets nothing be written, as S3 does without the right to."""

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
    """One whose machine does not answer."""

    protocol = "silent"
    said = RuntimeError("a secret")
    cat_file = ls = Refusing._refuse
    makedirs = MemoryFileSystem.makedirs


def test_stores_that_cannot_be_written_or_asked() -> None:
    """Read-only ones are read; no word of a file system's own is in the error."""
    for kind in (Refusing, Silent):
        fsspec.register_implementation(kind.protocol, kind, clobber=True)
    place = uuid4().hex
    entry, _ = opened(f"memory://{place}").put("m", network())
    store = opened(f"refusing://{place}")
    assert store.architecture(store.find("m")).document == document()
    for change in (lambda: store.put("n", network(3)), lambda: store.put("m", network(3)), lambda: store.delete("m")):
        with pytest.raises(StoreReadOnly) as refused:
            change()
        assert "secret" not in str(refused.value)
    assert store.entries() == [entry]
    with pytest.raises(StoreUnreachable):
        opened(f"silent://{place}")


def test_folders_that_somebody_removed_are_made_again(tmp_path: Path) -> None:
    """Those of files on their way, and all of the store's, while it is open."""
    store = opened(str(tmp_path / "store"))
    store.put("m", network())
    for gone in ("store/tmp", "store"):
        shutil.rmtree(tmp_path / gone)
        store.put("n", network(3))
        with store.scratch.folder() as folder:
            assert Path(folder).is_dir()
        assert opened(str(tmp_path / "store")).find("n") == store.find("n")


def test_leftovers_of_interrupted_writes_are_removed(url: str) -> None:
    """What never got its name is gone after the next start, and was never a model."""
    store = opened(url)
    store.put("m", network())
    store.close()
    fs, root = fsspec.core.url_to_fs(url)
    fs.makedirs(f"{root}/tmp", exist_ok=True)  # noqa: S108 (the store's own folder)
    fs.pipe_file(f"{root}/tmp/half", b'{"name":"hal')  # noqa: S108 (the store's own folder)
    fs.pipe_file(f"{root}/names/half.json.swp", b"not a name")
    again = opened(url)
    assert names(again) == ["m"]
    assert files(url, "tmp") == ([] if again.scratch.parent.parent == Path(root) else ["half"])


KILLED = """
import os, signal, sys
from models.reading.parse import parse_document
from models.networks.expansion import expand
from models.store.store import ModelStore

renames, real = int(sys.argv[2]), os.replace

def replace(source, target):
    global renames
    if renames == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    renames -= 1
    real(source, target)

os.replace = replace
store = ModelStore(sys.argv[1])
store.open()
document = parse_document({"input": [4], "layers": [{"type": "Dense", "units": 9}]})
store.put("m", expand(document))
"""


@pytest.mark.parametrize("renames", [0, 1])
@pytest.mark.parametrize("before", [[], ["m"]])
def test_a_process_that_is_killed_while_it_writes_changes_nothing(
    tmp_path: Path, renames: int, before: list[str]
) -> None:
    """Before the document, or the name, is renamed into place: a name points to all of the old, or does not exist."""
    store = opened(str(tmp_path))
    for name in before:
        store.put(name, network(1))
    store.close()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(renames)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(files(str(tmp_path), "tmp")) == 1
    again = opened(str(tmp_path))
    assert names(again) == before
    assert [again.document(entry) for entry in again.entries()] == [document(1) for _ in before]
    assert files(str(tmp_path), "tmp") == []
    again.put("m", network(9))
    assert opened(str(tmp_path)).document(again.find("m")) == document(9)


def test_a_finished_write_survives_being_killed_at_once(tmp_path: Path) -> None:
    """Once `put` returns, the name is there."""
    code = KILLED + "os.kill(os.getpid(), signal.SIGKILL)"
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path), "2"], check=False)
    assert killed.returncode == -signal.SIGKILL
    store = opened(str(tmp_path))
    assert store.architecture(store.find("m")).document == document(9)


def test_many_threads_at_once(tmp_path: Path) -> None:
    """Names that share two documents, written, removed and read by eight threads: what is left can be read again."""
    store = opened(str(tmp_path))
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
    again = opened(str(tmp_path))
    assert again.entries() == store.entries()
    assert [again.document(entry) in documents for entry in again.entries()] == [True] * len(again.entries())

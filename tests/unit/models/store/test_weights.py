"""Weights in the store: atomic updates of whole models, and recovery from crashes."""

import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from models.errors import ModelDamaged, NotFound, Superseded
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.store.storage import digest_of
from models.store.store import ModelStore
from models.weights.canonical import write_canonical
from models.weights.specs import WeightSpec, WeightsToStore
from service.registry.checkout import checkout

SPECS = [WeightSpec("dense/kernel", (4, 2), "float32", "")]
ROOT = Path(__file__).parents[4]


def document(units=2):
    """Build a document of one layer."""
    return parse_document({"input": [4], "layers": [{"type": "Dense", "units": units, "use_bias": False}]})


def network(units=2):
    """Expand it."""
    return expand(document(units))


def weights(folder, value):
    """Write a canonical file of one value, and return it with its digest."""
    path = folder / f"{value}.safetensors"
    return WeightsToStore(path, write_canonical(SPECS, [np.full((4, 2), value, np.float32)], path))


def open_store(url):
    """Open a store like a new process."""
    store = ModelStore(str(url))
    store.open()
    return store


@pytest.fixture(params=["local", "memory", "s3"])
def url(request, tmp_path):
    """The URL of a store: a folder, and non-local file systems."""
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/{uuid4().hex}"
    return tmp_path / "store" if request.param == "local" else f"memory://{uuid4().hex}"


def test_weights_change_the_id_and_round_trip(url, tmp_path):
    """Also through a reopened store; equal weights have equal ids."""
    path, digest = weights(tmp_path, 1)
    content = path.read_bytes()
    store = open_store(url)
    plain, is_new = store.put("a", network())
    assert is_new
    entry, is_new = store.put("a", network(), WeightsToStore(path, digest))
    assert not is_new
    assert entry.id == network().identity(digest) != plain.id
    assert store.put("b", network(), WeightsToStore(path, digest))[0].id == entry.id
    again = open_store(url)
    assert again.entries() == store.entries()
    file = again.local_weights(again.find("a"))
    assert (Path(file.path).read_bytes(), file.digest) == (content, digest)
    assert again.architecture(again.find("a")).document == document()
    again.close()
    store.close()


def test_a_name_without_weights_uses_those_of_its_seed(url, tmp_path):
    """Entries of older stores, without the member, do too."""
    store = open_store(url)
    store.put("a", network(), weights(tmp_path, 1))
    entry, _ = store.put("a", network())
    assert store.local_weights(entry) is None
    assert store._objects.storage.files("weights") == []
    store._objects.storage.write(b'{"name":"old","id":"sha256:0","object":"0","created":"2026-01-01T00:00:00+00:00"}',
                         "names", "old.json")  # fmt: skip
    assert open_store(url).find("old").weights == ""


def test_weights_are_kept_while_in_use(url, tmp_path):
    """A running request finishes with the old ones; two names may share a file."""
    store = open_store(url)
    _, old = weights(tmp_path, 1)
    store.put("a", network(), weights(tmp_path, 1))
    with ExitStack() as stack:
        for _ in range(2):
            entry = stack.enter_context(store.using("a"))
        store.put("a", network(), weights(tmp_path, 2))
        assert store.find("a").weights != old == entry.weights
        assert Path(store.local_weights(entry).path).exists()
    assert store.weights.unused() == [old]
    store.weights.remove_unused()
    assert store.weights.unused() == []
    assert store._objects.storage.files("weights") == [f"{store.find('a').weights}.safetensors"]
    store.put("b", network(), weights(tmp_path, 2))
    store.delete("a")
    assert len(store._objects.storage.files("weights")) == 1
    store.delete("b")
    assert store._objects.storage.files("weights") == store._objects.storage.files("objects") == []
    with pytest.raises(NotFound), store.using("a"):
        pass
    store.close()


def test_weights_reused_while_in_use_are_kept(url, tmp_path):
    """They were marked for removal, and are referenced again when their user ends."""
    store = open_store(url)
    entry, _ = store.put("a", network(), weights(tmp_path, 1))
    with store.using("a"):
        store.delete("a")
        store.put("b", network(), weights(tmp_path, 1))
    store.weights.remove_unused()
    assert store.weights.unused() == []
    assert store._objects.storage.files("weights") == [f"{entry.weights}.safetensors"]
    assert store.local_weights(store.find("b")) is not None
    store.close()


class Interrupted:
    """A lock that runs a callback once before it is acquired."""

    def __init__(self, lock, happens):
        self.lock, self.happens = lock, happens

    def __enter__(self):
        happens, self.happens = self.happens, lambda: None
        happens()
        return self.lock.__enter__()

    def __exit__(self, *error):
        self.lock.__exit__(*error)


async def test_removal_of_unused_weights_runs_on_a_thread(tmp_path, monkeypatch):
    """The file may be remote, and the event loop must not block."""
    store, threads = open_store(tmp_path / "store"), []
    store.put("a", network(), weights(tmp_path, 1))
    remove = store._objects.storage.remove

    def recorded(folder, file):
        threads.extend([threading.current_thread()] if folder == "weights" else [])
        remove(folder, file)

    monkeypatch.setattr(store._objects.storage, "remove", recorded)
    async with checkout(store, "a"):
        monkeypatch.setattr(store.weights, "_lock", Interrupted(store._objects.lock, lambda: store.delete("a")))
    assert store._objects.storage.files("weights") == []
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_weights_with_a_wrong_digest_are_rejected(tmp_path):
    """At the upload, and at the first read."""
    store = open_store(tmp_path / "store")
    path, digest = weights(tmp_path, 1)
    with pytest.raises(RuntimeError, match="not the file"):
        store.put("a", network(), WeightsToStore(path, "0" * 64))
    assert store.entries() == []
    assert store._objects.storage.files("weights") == []
    entry, _ = store.put("a", network(), WeightsToStore(path, digest))
    stored = tmp_path / "store" / "weights" / f"{digest}.safetensors"
    whole = stored.read_bytes()
    assert store.local_weights(entry) is not None
    for damage, said in ((whole[:-1] + b"\1", "damaged"), (whole[:-4], "damaged"), (b"", "damaged"), (None, "gone")):
        stored.unlink() if damage is None else stored.write_bytes(damage)
        assert store.cached(entry) is None
        with pytest.raises(ModelDamaged, match=f"its weights are {said}"):
            store.local_weights(entry)
        store.put("a", network(), weights(tmp_path, 1))
        assert stored.read_bytes() == whole
        assert store.local_weights(entry) is not None


def test_stored_weights_are_verified_once_when_put_again(tmp_path, monkeypatch):
    """Unreadable ones are replaced; others are read outside of the writers' lock."""
    store = open_store(tmp_path / "store")
    entry, _ = store.put("a", network(), weights(tmp_path, 1))
    stored = tmp_path / "store" / "weights" / f"{entry.weights}.safetensors"
    read = []

    def counted(path):
        read.append(path)
        if path in refused:
            raise PermissionError
        return digest_of(path)

    monkeypatch.setattr("models.store.weights.digest_of", counted)
    for refused in ([], [stored]):
        store = open_store(tmp_path / "store")
        store.put("b", network(), weights(tmp_path, 1))
        assert read.count(stored) == 1
        refused.clear()
        assert store.local_weights(entry) is not None
        read.clear()


def test_unreferenced_files_are_removed_at_the_start(tmp_path):
    """Documents, weights and partial files of a crashed process."""
    store = open_store(tmp_path / "store")
    store.put("a", network(), weights(tmp_path, 1))
    store.close()
    for lost in ("objects/0.json", "weights/0.safetensors", "tmp/0"):
        (tmp_path / "store" / lost).write_bytes(b"half")
    open_store(tmp_path / "store")
    left = sorted(path.parent.name for path in (tmp_path / "store").glob("*/*"))
    assert left == ["names", "objects", "weights"]


def test_a_conflicting_update_is_rejected(url, tmp_path):
    """A name that was replaced or removed meanwhile stays so."""
    store = open_store(url)
    first, _ = store.put("a", network())
    second, _ = store.put("a", network(3))
    with pytest.raises(Superseded):
        store.put("a", network(), weights(tmp_path, 1), first)
    assert store.find("a") == second
    assert store.put("a", network(4), expected=second)[0] == store.find("a")
    store.delete("a")
    with pytest.raises(NotFound, match="removed meanwhile"):
        store.put("a", network(), weights(tmp_path, 1), second)
    assert store.entries() == []
    assert store._objects.storage.files("weights") == []


def test_readers_do_not_wait_for_a_writer(url, tmp_path, monkeypatch):
    """However slow its file system is."""
    store = open_store(url)
    store.put("a", network(), weights(tmp_path, 1))
    entered, go_on = threading.Event(), threading.Event()
    write = store._objects.storage.write

    def slow(*arguments):
        entered.set()
        assert go_on.wait(30)
        write(*arguments)

    monkeypatch.setattr(store._objects.storage, "write", slow)
    writer = threading.Thread(target=store.put, args=("b", network(5)))
    writer.start()
    assert entered.wait(30)
    with store.using("a") as entry:
        assert [one.name for one in store.entries()] == ["a"]
        assert store.architecture(entry).document == document()
        assert store.local_weights(entry) is not None
    go_on.set()
    writer.join()
    assert [one.name for one in store.entries()] == ["a", "b"]


KILLS = 60
UPLOADS = """
import os, random, signal, sys, time
from contextlib import closing
from pathlib import Path
import numpy as np
from models.reading.parse import parse_document
from models.networks.expansion import expand
from models.store.store import ModelStore
from models.weights.canonical import write_canonical
from models.weights.specs import WeightsToStore, WeightSpec

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
specs = [WeightSpec("dense/kernel", (65_536,), "float32", "")]


def opened():
    store = ModelStore(str(folder / "store"))
    store.open()
    return store


def uploads(seed):
    chance = np.random.default_rng(seed)
    with closing(opened()) as store:
        while True:
            path = folder / f"upload-{seed}"
            digest = write_canonical(specs, [chance.normal(size=65_536).astype("f4")], path)
            layers = [{"type": "Dense", "units": int(chance.integers(1, 9))}]
            document = parse_document({"input": [4], "layers": layers})
            store.put(f"m{chance.integers(4)}", expand(document), WeightsToStore(path, digest))
            if chance.random() < 0.2:
                store.delete(random.choice(store.entries()).name)
            yield


with closing(uploads(kills)) as first:
    next(first)
    begun = time.monotonic()
    next(first)
    seconds = time.monotonic() - begun
models = 0
for number in range(kills):
    child = os.fork()
    if not child:
        for _ in uploads(number):
            pass
    time.sleep(random.uniform(0, 5 * seconds))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    store = opened()
    entries = store.entries()
    for entry in entries:
        store.architecture(entry).document
        store.local_weights(entry)
    models += len(entries)
    kept = {folder: set(store._objects.storage.files(folder)) for folder in ("tmp", "objects", "weights")}
    assert kept["tmp"] == set(), kept
    assert kept["objects"] == {f"{entry.object}.json" for entry in entries}, kept
    assert kept["weights"] == {f"{entry.weights}.safetensors" for entry in entries}, kept
print(models)
"""


def test_a_process_killed_at_random_leaves_whole_models(tmp_path):
    """`kill -9` during one of five uploads, sixty times: every listed model verifies, and nothing else remains."""
    command = [sys.executable, "-c", UPLOADS, str(tmp_path), str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > KILLS

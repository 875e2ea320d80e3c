"""The store: whole models under names that move at once, whatever dies on the way."""

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
ROOT = Path(__file__).parents[2]


def document(units=2):
    """A network of one layer."""
    return parse_document({"input": [4], "layers": [{"type": "Dense", "units": units, "use_bias": False}]})


def network(units=2):
    """Its expanded form."""
    return expand(document(units))


def weights(folder, value):
    """A canonical file of one value, and its digest."""
    path = folder / f"{value}.safetensors"
    return WeightsToStore(path, write_canonical(SPECS, [np.full((4, 2), value, np.float32)], path))


def opened(url):
    """A store as a new process finds it."""
    store = ModelStore(str(url))
    store.open()
    return store


@pytest.fixture(params=["local", "memory", "s3"])
def url(request, tmp_path):
    """A folder, and stores that are no local ones."""
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/{uuid4().hex}"
    return tmp_path / "store" if request.param == "local" else f"memory://{uuid4().hex}"


def test_weights_make_a_new_id_and_come_back_byte_for_byte(url, tmp_path):
    """Also from a store opened anew; the same weights make the same id."""
    path, digest = weights(tmp_path, 1)
    content = path.read_bytes()
    store = opened(url)
    plain, is_new = store.put("a", network())
    assert is_new
    entry, is_new = store.put("a", network(), WeightsToStore(path, digest))
    assert not is_new
    assert entry.id == network().identity(digest) != plain.id
    assert store.put("b", network(), WeightsToStore(path, digest))[0].id == entry.id
    again = opened(url)
    assert again.entries() == store.entries()
    file = again.local_weights(again.find("a"))
    assert (Path(file.path).read_bytes(), file.digest) == (content, digest)
    assert again.document(again.find("a")) == document()
    again.close()
    store.close()


def test_a_name_without_weights_has_those_of_its_seed(url, tmp_path):
    """Entries of older stores, which say nothing of weights, are read the same."""
    store = opened(url)
    store.put("a", network(), weights(tmp_path, 1))
    entry, _ = store.put("a", network())
    assert store.local_weights(entry) is None
    assert store._storage.files("weights") == []
    store._storage.write(b'{"name":"old","id":"sha256:0","object":"0","created":"2026-01-01T00:00:00+00:00"}',
                         "names", "old.json")  # fmt: skip
    assert opened(url).find("old").weights == ""


def test_weights_are_kept_while_they_are_in_use_and_no_longer(url, tmp_path):
    """A request that has begun finishes on the old ones; two names may share a file."""
    store = opened(url)
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
    assert store._storage.files("weights") == [f"{store.find('a').weights}.safetensors"]
    store.put("b", network(), weights(tmp_path, 2))
    store.delete("a")
    assert len(store._storage.files("weights")) == 1
    store.delete("b")
    assert store._storage.files("weights") == store._storage.files("objects") == []
    with pytest.raises(NotFound), store.using("a"):
        pass
    store.close()


def test_weights_that_a_name_takes_up_again_while_they_are_in_use_stay(url, tmp_path):
    """They were forgotten, and are wanted when their user ends."""
    store = opened(url)
    entry, _ = store.put("a", network(), weights(tmp_path, 1))
    with store.using("a"):
        store.delete("a")
        store.put("b", network(), weights(tmp_path, 1))
    store.weights.remove_unused()
    assert store.weights.unused() == []
    assert store._storage.files("weights") == [f"{entry.weights}.safetensors"]
    assert store.local_weights(store.find("b")) is not None
    store.close()


class Interrupted:
    """A lock; just before it is next taken, something happens once."""

    def __init__(self, lock, happens):
        self.lock, self.happens = lock, happens

    def __enter__(self):
        happens, self.happens = self.happens, lambda: None
        happens()
        return self.lock.__enter__()

    def __exit__(self, *error):
        self.lock.__exit__(*error)


async def test_a_model_deleted_as_its_last_user_ends_leaves_on_a_thread(tmp_path, monkeypatch):
    """Its file may lie far away, and other requests are not kept waiting for that."""
    store, threads = opened(tmp_path / "store"), []
    store.put("a", network(), weights(tmp_path, 1))
    remove = store._storage.remove

    def recorded(folder, file):
        threads.extend([threading.current_thread()] if folder == "weights" else [])
        remove(folder, file)

    monkeypatch.setattr(store._storage, "remove", recorded)
    async with checkout(store, "a"):
        monkeypatch.setattr(store.weights, "_lock", Interrupted(store._lock, lambda: store.delete("a")))
    assert store._storage.files("weights") == []
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_a_file_that_is_not_that_of_its_digest_is_neither_stored_nor_used(tmp_path):
    """When it comes, and when it is first read."""
    store = opened(tmp_path / "store")
    path, digest = weights(tmp_path, 1)
    with pytest.raises(RuntimeError, match="not the file"):
        store.put("a", network(), WeightsToStore(path, "0" * 64))
    assert store.entries() == []
    assert store._storage.files("weights") == []
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


def test_what_is_stored_is_read_once_when_it_comes_again(tmp_path, monkeypatch):
    """What cannot be read is replaced; what can be is read outside of the lock of writers, and counts as verified."""
    store = opened(tmp_path / "store")
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
        store = opened(tmp_path / "store")
        store.put("b", network(), weights(tmp_path, 1))
        assert read.count(stored) == 1
        refused.clear()
        assert store.local_weights(entry) is not None
        read.clear()


def test_what_nobody_points_to_is_removed_when_the_store_is_opened(tmp_path):
    """Documents, weights and halves of files that a process left when it died."""
    store = opened(tmp_path / "store")
    store.put("a", network(), weights(tmp_path, 1))
    store.close()
    for lost in ("objects/0.json", "weights/0.safetensors", "tmp/0"):
        (tmp_path / "store" / lost).write_bytes(b"half")
    opened(tmp_path / "store")
    left = sorted(path.parent.name for path in (tmp_path / "store").glob("*/*"))
    assert left == ["names", "objects", "weights"]


def test_a_change_of_what_has_changed_meanwhile_is_refused(url, tmp_path):
    """A name that was replaced stays as it was replaced, one that was removed stays removed."""
    store = opened(url)
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
    assert store._storage.files("weights") == []


def test_readers_do_not_wait_for_a_writer(url, tmp_path, monkeypatch):
    """However long its file system takes."""
    store = opened(url)
    store.put("a", network(), weights(tmp_path, 1))
    entered, go_on = threading.Event(), threading.Event()
    write = store._storage.write

    def slow(*arguments):
        entered.set()
        assert go_on.wait(30)
        write(*arguments)

    monkeypatch.setattr(store._storage, "write", slow)
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


def upload(seed):
    store, chance = opened(), np.random.default_rng(seed)
    while True:
        path = folder / f"upload-{seed}"
        digest = write_canonical(specs, [chance.normal(size=65_536).astype("f4")], path)
        layers = [{"type": "Dense", "units": int(chance.integers(1, 9))}]
        document = parse_document({"input": [4], "layers": layers})
        store.put(f"m{chance.integers(4)}", expand(document), WeightsToStore(path, digest))
        if chance.random() < 0.2:
            store.delete(random.choice(store.entries()).name)


models = 0
for number in range(kills):
    child = os.fork()
    if not child:
        upload(number)
    time.sleep(random.uniform(0, 0.15))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    store = opened()
    entries = store.entries()
    for entry in entries:
        store.architecture(entry).document
        store.local_weights(entry)
    models += len(entries)
    kept = {folder: set(store._storage.files(folder)) for folder in ("tmp", "objects", "weights")}
    assert kept["tmp"] == set(), kept
    assert kept["objects"] == {f"{entry.object}.json" for entry in entries}, kept
    assert kept["weights"] == {f"{entry.weights}.safetensors" for entry in entries}, kept
print(models)
"""


def test_a_process_killed_at_any_moment_leaves_whole_models(tmp_path):
    """Sixty times `kill -9` while it uploads: every listed model verifies, and nothing else is left."""
    command = [sys.executable, "-c", UPLOADS, str(tmp_path), str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > KILLS

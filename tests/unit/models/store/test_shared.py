"""A store of several instances: names by compare-and-swap, what the others see, and what is removed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import fsspec
import pytest

from models.errors import LayerscopeError, NotFound, StoreUnreachable, Superseded
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document
from models.store import refresher, versioned
from models.store.opening import open_store
from models.store.removals import RemovalList, Removals
from models.store.sharing import Sharing
from models.store.storage import Storage, digest_of
from models.store.store import ModelStore
from models.store.versioned import Changed, VersionedFiles
from models.weights.specs import WeightsToStore

SELDOM = Sharing(seconds=3600)
"""Looks that are asked for alone."""


def network(units: int = 2) -> Network:
    """A network that differs by its units."""
    return expand(parse_document({"input": [4], "layers": [{"type": "Dense", "units": units}]}))


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store: on disk, and on an S3 server."""
    if request.param == "folder":
        return str(tmp_path / "store")
    return f"{request.getfixturevalue('bucket')}/{uuid4().hex}"


Open = Callable[..., ModelStore]


@pytest.fixture
def instance(url: str) -> Iterator[Open]:
    """`instance()`: the store as another instance opens it; closed at the end."""
    opened: list[ModelStore] = []

    def open_instance(sharing: Sharing = SELDOM) -> ModelStore:
        opened.append(open_store(url, sharing))
        return opened[-1]

    yield open_instance
    for store in opened:
        store.close()


def look(store: ModelStore, reference: str = "nothing") -> None:
    """Have the store look for a name that it does not know."""
    if (pending := store.look_for(reference)) is not None:
        assert pending.result(timeout=60) is None


def names(store: ModelStore) -> list[str]:
    """Return every name."""
    return [entry.name for entry in store.entries()]


def files(url: str, folder: str) -> list[str]:
    """List the files in a folder of a store."""
    fs, root = fsspec.core.url_to_fs(url)
    return sorted(Path(path).name for path in fs.ls(f"{root}/{folder}", detail=False, refresh=True))


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Call functions at the same time; return what each returned or raised."""
    barrier = Barrier(len(calls))

    def call(function: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return function()
        except LayerscopeError as error:
            return type(error)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def test_a_change_is_seen_by_the_others(instance: Open) -> None:
    """A new name, another model under it, and its removal, as soon as they look."""
    one, other = instance(), instance()
    entry, is_new = one.put("m", network(1))
    assert names(other) == []
    look(other, "m")
    assert (other.find("m"), is_new) == (entry, True)
    assert other.architecture(entry).document == network(1).document
    later, is_new = other.put("m", network(2))
    assert is_new is False
    look(one)
    assert one.find("m") == later
    one.delete("m")
    look(other)
    assert names(one) == names(other) == []
    with pytest.raises(NotFound):
        other.find("m")
    assert other.put("m", network(3))[1] is True


def test_a_new_id_is_found_by_the_others(instance: Open) -> None:
    """Whoever names it has the store look once; what is known is not looked for."""
    one, other = instance(), instance()
    entry, _ = one.put("m", network())
    assert one.look_for(entry.id) is None
    look(other, entry.id)
    assert other.find(entry.id) == entry
    assert other.look_for("m") is None


def test_changes_are_followed_without_being_asked_for(instance: Open) -> None:
    """Twice within the seconds that are promised."""
    one, other = instance(), instance(Sharing(seconds=0.2))
    entry, _ = one.put("m", network())
    end = time.monotonic() + 30
    while names(other) != ["m"]:
        assert time.monotonic() < end
    assert other.find("m") == entry
    figures = other.refreshed
    assert figures is not None
    assert (figures.failures, figures.age() < 30) == (0, True)


def test_one_of_two_creates_a_name(instance: Open) -> None:
    """Both writes succeed, one after the other: the one that came last is what everybody reads."""
    one, other = instance(), instance()
    for name in map(str, range(8)):
        entries = at_once(partial(one.put, name, network(1)), partial(other.put, name, network(2)))
        assert sorted(is_new for _, is_new in entries) == [False, True]
        (last,) = (entry for entry, is_new in entries if not is_new)
        look(one)
        look(other)
        assert one.find(name) == other.find(name) == last


def test_one_of_two_changes_what_both_expect(instance: Open) -> None:
    """The other is superseded, whether or not it has seen the change."""
    one, other = instance(), instance()
    before, _ = one.put("m", network(10))
    for number in range(20, 36, 2):
        look(one)
        look(other)
        puts = (partial(store.put, "m", network(number + n), expected=before) for n, store in enumerate((one, other)))
        outcomes = at_once(*puts)
        ((before, _),) = (outcome for outcome in outcomes if outcome is not Superseded)
        assert outcomes.count(Superseded) == 1
        look(one)
        look(other)
        assert one.find("m") == other.find("m") == before
    one.delete("m")
    with pytest.raises(NotFound, match="has been removed meanwhile"):
        other.put("m", network(), expected=before)


def test_a_removal_by_id_spares_a_name_that_was_replaced(instance: Open) -> None:
    """Which this instance has not seen yet."""
    one, other = instance(), instance()
    old, _ = one.put("m", network(1))
    look(other)
    new, _ = one.put("m", network(2))
    other.delete(old.id)
    assert other.find("m") == new


def test_a_store_that_was_shared_can_be_opened_alone(instance: Open, url: str) -> None:
    """Names that were removed are not there, and can be written again."""
    shared = instance()
    shared.put("gone", network(1))
    kept, _ = shared.put("kept", network(2))
    shared.delete("gone")
    shared.close()
    alone = open_store(url)
    assert alone.entries() == [kept]
    assert alone.damaged == {}
    assert alone.put("gone", network(3))[1] is True
    assert names(instance()) == ["gone", "kept"]


def test_spaces_are_followed(instance: Open) -> None:
    """Each by itself, also one that another instance has made."""
    one, other = instance(), instance()
    entry, _ = one.in_space("lab").put("m", network())
    look(other)
    assert names(other) == []
    assert other.in_space("lab").entries() == [entry]


def test_kinds_of_file_systems_without_conditional_writes_are_refused(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line: those of one process, and a bucket whose server ignores the condition."""
    with pytest.raises(OSError, match="memory:// has no conditional writes; instances can share a folder, or a bucket"):
        open_store(f"memory://{uuid4().hex}", SELDOM)
    kind = type(fsspec.filesystem("s3"))
    call = kind._call_s3

    async def call_without_condition(*arguments: Any, **options: Any) -> Any:
        return await call(*arguments, **{name: options[name] for name in options.keys() - {"IfMatch", "IfNoneMatch"}})

    monkeypatch.setattr(kind, "_call_s3", call_without_condition)
    with pytest.raises(OSError, match="its server ignores If-Match and If-None-Match, which a shared store needs"):
        open_store(f"{bucket}/{uuid4().hex}", SELDOM)


@pytest.fixture
def conditional(url: str) -> VersionedFiles:
    """Files changed by compare-and-swap."""
    return versioned.versioned(Storage(url, ("names", "removals")))


def test_a_file_is_written_if_it_is_what_was_read(conditional: VersionedFiles) -> None:
    """Each version once; nothing is created twice, or changed once it is gone."""
    first = conditional.write(b"1", "names", "a", None)
    second = conditional.write(b"2", "names", "a", first)
    assert first != second
    for expected in (None, first):
        with pytest.raises(Changed):
            conditional.write(b"3", "names", "a", expected)
    with pytest.raises(Changed):
        conditional.write(b"3", "names", "b", second)
    assert conditional.read("names", "a") == (b"2", second)
    assert conditional.versions("names") == {"a": second}
    content = conditional.read_all("names", ["a", "b"])
    assert (content["a"], type(content["b"])) == (b"2", FileNotFoundError)


def test_one_of_many_writers_wins_each_version(conditional: VersionedFiles) -> None:
    """Of eight that have read the same."""
    version = conditional.write(b"0", "names", "a", None)

    def write(data: bytes, expected: str) -> str | None:
        try:
            return conditional.write(data, "names", "a", expected)
        except Changed:
            return None

    for turn in range(1, 6):
        contents = [b"%d by %d" % (turn, writer) for writer in range(8)]
        written = at_once(*(partial(write, data, version) for data in contents))
        (version,) = (one for one in written if one is not None)
        assert conditional.read("names", "a") == (contents[written.index(version)], version)


def test_versions_of_a_folder_differ_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it stands still or goes back, and the file system uses an inode again."""
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    conditional = versioned.versioned(Storage(str(tmp_path), ("names",)))
    version, times = None, []
    for _ in range(20):
        version = conditional.write(b"same", "names", "a", version)
        times.append(int(version.split("-")[0]))
    assert times == sorted(set(times))


HOLDER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold the lock of a folder in another process."""
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_killed_instance_holds_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it lives, others wait for a while and say so; the kernel releases the lock of one that is killed."""
    conditional = versioned.versioned(Storage(str(tmp_path), ("names",)))
    monkeypatch.setattr(versioned, "LOCK_SECONDS", 0.05)
    with held(tmp_path / "lock") as holder:
        with pytest.raises(StoreUnreachable, match="Another instance holds the lock"):
            conditional.write(b"1", "names", "a", None)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        conditional.write(b"1", "names", "a", None)


def test_misses_share_looks(url: str, monkeypatch: pytest.MonkeyPatch, instance: Open) -> None:
    """A thousand of them, within less than a second, cost less than a dozen."""
    store = instance()
    looks: list[float] = []
    monkeypatch.setattr(store._objects._files.files, "versions", lambda _: looks.append(time.monotonic()) or {})  # type: ignore[attr-defined, func-returns-value]
    for number in range(1000):
        pending = store.look_for(f"m{number}")
    assert pending is not None
    pending.result(timeout=60)
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    assert min(gaps, default=1) > refresher.SPACING * 0.9


def test_a_look_that_fails_says_so_and_changes_nothing(instance: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known is served; the failure is counted."""
    store = instance()
    entry, _ = store.put("m", network())

    def fail(_: str) -> None:
        raise StoreUnreachable

    monkeypatch.setattr(store._objects._files.files, "versions", fail)  # type: ignore[attr-defined]
    pending = store.look_for("other")
    assert pending is not None
    assert isinstance(pending.result(timeout=60), StoreUnreachable)
    figures = store.refreshed
    assert figures is not None
    assert (store.entries(), figures.failures) == ([entry], 1)
    store.close()
    after = store.look_for("other")
    assert after is not None
    assert isinstance(after.result(timeout=60), StoreUnreachable)


class Hand:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


GRACE = 100.0


class Cleaner:
    """An instance whose steps of the removal are taken one by one."""

    def __init__(self, store: ModelStore) -> None:
        self.store, self.clock = store, Hand()
        self.objects: Any = store._objects
        self.removals = Removals(self.objects._files.files, GRACE, self.clock)

    def step(self, later: float = 0.0) -> None:
        """Take a step, so much later."""
        self.clock.now += later
        self.removals.step(self.objects._unused, self.objects._remove)


def test_what_no_name_points_to_is_removed_after_the_grace(instance: Open, url: str) -> None:
    """A replaced document, and the file of a removed name; not before, and nothing else."""
    store = instance()
    cleaner = Cleaner(store)
    old, _ = store.put("m", network(1))
    new, _ = store.put("m", network(2))
    store.put("gone", network(2))
    store.delete("gone")
    both = sorted(f"{entry.object}.json" for entry in (old, new))
    for later in (0.0, 0.0, GRACE - 1):
        cleaner.step(later)
        assert (files(url, "objects"), files(url, "names")) == (both, ["gone.json", "m.json"])
    cleaner.step(1)
    assert (files(url, "objects"), files(url, "names")) == ([f"{new.object}.json"], ["m.json"])
    assert store.put("gone", network(3))[1] is True


def test_nothing_is_removed_that_another_instance_points_to_meanwhile(instance: Open, url: str) -> None:
    """After it was announced, or before without the cleaner having seen it."""
    store, other = instance(), instance()
    cleaner = Cleaner(store)
    entry, _ = store.put("m", network(1))
    store.put("m", network(2))
    cleaner.step()
    cleaner.step()
    again, _ = other.put("late", network(1))
    assert again.object == entry.object
    for later in (GRACE, GRACE, 0.0):
        cleaner.step(later)
    assert other.architecture(again).document == network(1).document
    assert f"{entry.object}.json" in files(url, "objects")


def test_a_second_look_finds_a_name_that_was_written_after_the_first(
    instance: Open, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its writer asked for the list before there was one."""
    store, other = instance(), instance()
    cleaner = Cleaner(store)
    entry, _ = store.put("m", network(1))
    store.put("m", network(2))
    spare = other._objects.spare

    def spare_then_announce(*arguments: Any) -> None:
        spare(*arguments)
        cleaner.step()

    monkeypatch.setattr(other._objects, "spare", spare_then_announce)
    other.put("late", network(1))
    cleaner.step()
    cleaner.step(GRACE)
    assert other.architecture(other.find("late")).document == network(1).document
    assert f"{entry.object}.json" in files(url, "objects")


def test_a_writer_waits_for_a_removal_that_is_committed(
    conditional: VersionedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And gives up if it does not end; another instance takes over what a dead one left."""
    conditional.write(
        json.dumps({"files": ["objects/a", "objects/b"], "committed": True, "nonce": "x"}).encode(),
        "removals", "list.json", None,
    )  # fmt: skip
    clock = Hand()
    removals = Removals(conditional, GRACE, clock)
    monkeypatch.setattr("models.store.removals.WAIT_SECONDS", 0.0)
    removals.spare(["objects/other"])
    with pytest.raises(StoreUnreachable, match="is removing a file of this model"):
        removals.spare(["objects/b"])
    removed: list[str] = []
    for later in (0.0, GRACE):
        clock.now += later
        removals.step(lambda: {"objects/a", "objects/b"}, removed.append)
    assert removed == ["objects/a", "objects/b"]
    removals.spare(["objects/b"])


def test_two_instances_do_not_remove_the_same(conditional: VersionedFiles) -> None:
    """One commits the list; the other finds it changed."""
    clock = Hand()
    one, other = Removals(conditional, GRACE, clock), Removals(conditional, GRACE, clock)
    removed: list[str] = []
    for removals in (one, one, other):
        removals.step(lambda: {"objects/a"}, removed.append)
    clock.now = GRACE
    at_once(*(partial(removals.step, lambda: {"objects/a"}, removed.append) for removals in (one, other)))
    assert removed == ["objects/a"]


def test_nothing_is_removed_while_a_name_is_damaged(instance: Open, url: str) -> None:
    """It may point to anything."""
    store = instance()
    old, _ = store.put("m", network(1))
    store.put("m", network(2))
    fs, root = fsspec.core.url_to_fs(url)
    fs.pipe_file(f"{root}/names/half.json", b'{"name":"ha')
    cleaner = Cleaner(store)
    for later in (0.0, 0.0, GRACE, GRACE):
        cleaner.step(later)
    assert store.damaged == {"half": "it is not JSON"}
    assert f"{old.object}.json" in files(url, "objects")
    store.delete("half")
    for later in (0.0, 0.0, GRACE):
        cleaner.step(later)
    assert f"{old.object}.json" not in files(url, "objects")


def weights_file(store: ModelStore, data: bytes) -> WeightsToStore:
    """Write a file to be moved into the store."""
    path = store.scratch.path / uuid4().hex
    path.write_bytes(data)
    return WeightsToStore(path, digest_of(path))


def test_weights_that_are_in_use_are_not_removed(instance: Open, url: str) -> None:
    """Nor are those of a name that another instance has registered; an instance that starts removes none."""
    store, other = instance(), instance()
    used, _ = store.put("used", network(), weights_file(store, b"used"))
    theirs, _ = other.put("theirs", network(), weights_file(other, b"theirs"))
    stored = sorted(f"{entry.weights}.safetensors" for entry in (used, theirs))
    cleaner = Cleaner(store)
    with store.using("used"):
        store.delete("used")
        instance()
        for later in (0.0, 0.0, GRACE, GRACE):
            cleaner.step(later)
        assert files(url, "weights") == stored
    for later in (0.0, 0.0, GRACE):
        cleaner.step(later)
    assert files(url, "weights") == [f"{theirs.weights}.safetensors"]
    look(store)
    assert store.local_weights(store.find("theirs")) is not None


def test_weights_removed_during_their_upload_are_not_pointed_to(instance: Open, url: str) -> None:
    """The writer is told to send them again."""
    store = instance()
    file = weights_file(store, b"weights")
    add = store.weights.add

    def add_and_lose(weights: WeightsToStore) -> None:
        add(weights)
        fs, root = fsspec.core.url_to_fs(url)
        if fs.exists(f"{root}/weights/{weights.digest}.safetensors"):
            fs.rm_file(f"{root}/weights/{weights.digest}.safetensors")

    store.weights.add = add_and_lose  # type: ignore[method-assign]
    with pytest.raises(Superseded, match="were removed from the store while they were uploaded"):
        store.put("m", network(), file)
    assert names(store) == []


def test_a_list_without_files_is_no_list() -> None:
    """Striking out leaves the others, in order."""
    assert RemovalList(("b", "a"), nonce="x").without(["b"]) == RemovalList(("a",), nonce="x")

"""The formats inside a SavedModel, made wrong part by part with checksums that agree: each is refused by its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.weights.reader_refusal import Refusal
from models.weights.saved_model import keras_model as keras_models
from models.weights.saved_model import process
from models.weights.saved_model.bundle import MAX_RANK, Bundle
from models.weights.saved_model.layers import MAX_PATH, Layers
from models.weights.saved_model.members import unpack
from models.weights.saved_model.object_graph import SavedObject, read_keys, read_metadata, read_objects
from models.weights.saved_model.table import FOOTER, MAX_ENTRIES, TRAILER, entries
from models.weights.saved_model.wire import Malformed, as_integer
from tests.unit.models.weights.saved_models import MAGIC, Model, layers, masked, message, table, varint, word, zipped

DESCRIPTION = '{"name": "%s", "class_name": "Dense", "config": {}}'


def block(body: bytes) -> bytes:
    """A block of a table with its checksum; `body` ends with its list of places."""
    return body + b"\0" + word(masked(body + b"\0"))


def table_of(body: bytes) -> memoryview:
    """A table of one block of these bytes."""
    data = block(body)
    key = b"z"
    pair = varint(0) + varint(len(data) - TRAILER)
    index = block(varint(0) + varint(len(key)) + varint(len(pair)) + key + pair + word(0) + word(1))
    handles = varint(0) + varint(0) + varint(len(data)) + varint(len(index) - TRAILER)
    return memoryview(data + index + handles.ljust(FOOTER - 8, b"\0") + MAGIC.to_bytes(8, "little"))


def entry(key: bytes, shared: int = 0, size: int = 0) -> bytes:
    """An entry of a block without a value."""
    return varint(shared) + varint(len(key)) + varint(size) + key


PLACES = word(0) + word(1)
TABLES: dict[str, tuple[Callable[[], memoryview], str]] = {
    "keys in another order": (lambda: table_of(entry(b"b") + entry(b"a") + PLACES), "keys are not in order"),
    "a key twice": (lambda: table_of(entry(b"a") + entry(b"a") + PLACES), "keys are not in order"),
    "more shared than there is": (lambda: table_of(entry(b"b", shared=3) + PLACES), "an entry ends behind its block"),
    "a value behind the block": (lambda: table_of(entry(b"b", size=9) + PLACES), "an entry ends behind its block"),
    "more places than bytes": (lambda: table_of(entry(b"b") + word(99)), "a block ends too early"),
    "a block behind the file": (
        lambda: memoryview((varint(0) * 3 + varint(999)).ljust(FOOTER - 8, b"\0") + MAGIC.to_bytes(8, "little")),
        "a block ends behind the file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_are_malformed_are_refused(name: str) -> None:
    """Though every checksum agrees."""
    make, reason = TABLES[name]
    with pytest.raises(Malformed, match=reason):
        entries(make())


def test_tables_of_too_many_entries_are_refused() -> None:
    """One more than the limit, and not that many."""
    pairs = [number.to_bytes(4, "big") for number in range(MAX_ENTRIES + 1)]
    assert len(entries(memoryview(table(dict.fromkeys(pairs[:-1], b""))))) == MAX_ENTRIES
    with pytest.raises(Refusal, match="the checkpoint has too many entries") as refused:
        entries(memoryview(table(dict.fromkeys(pairs, b""))))
    assert refused.value.reply.too_large


def bundle(folder: Path, **stored: bytes) -> Bundle:
    """A checkpoint of one file of 64 bytes with these entries."""
    (folder / "variables.index").write_bytes(table({key.encode(): one for key, one in stored.items()}))
    (folder / "variables.data-00000-of-00001").write_bytes(bytes(64))
    return Bundle(folder)


def described(dtype: int, *lengths: int, size: int = 0) -> bytes:
    """The entry of a tensor."""
    return message((1, dtype), (2, message(*[(2, message((1, length))) for length in lengths])), (5, size))


def test_a_checkpoint_without_a_header_is_refused(tmp_path: Path) -> None:
    """It says in how many files the numbers are."""
    with pytest.raises(Malformed, match="there is no header"):
        bundle(tmp_path, a=described(1))


BUNDLES: dict[str, tuple[bytes, type[Exception], str]] = {
    "another size": (described(1, 2, 2, size=12), Refusal, "another size than its shape says"),
    "a length that is unknown": (described(1, 2**64 - 1, size=4), Refusal, "another size than its shape says"),
    "too many axes": (described(1, *[1] * (MAX_RANK + 1), size=4), Malformed, "too many axes"),
    "a text as a length": (
        message((1, 1), (2, message((2, message((1, "2"))))), (5, 8)), Malformed, "stands for an integer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BUNDLES)
def test_variables_that_contradict_themselves_are_refused(tmp_path: Path, name: str) -> None:
    """By what the index says of them, before a number is read."""
    stored, kind, reason = BUNDLES[name]
    opened = bundle(tmp_path, **{"": message((1, 1)), "a": stored})
    with pytest.raises(kind, match=reason):
        opened.declared("a")


def test_a_variable_that_the_checkpoint_lacks_is_refused(tmp_path: Path) -> None:
    """Its object graph names the key."""
    with pytest.raises(Refusal, match="lacks a variable of its own object graph"):
        bundle(tmp_path, **{"": message((1, 1))}).declared("a")


@pytest.mark.parametrize("stored", [described(1, size=4), described(7, 2, size=4)], ids=["a number", "two texts"])
def test_an_object_graph_that_is_no_text_is_refused(tmp_path: Path, stored: bytes) -> None:
    """Of one element."""
    with pytest.raises(Refusal, match="the object graph of the checkpoint is no text, or too long"):
        bundle(tmp_path, **{"": message((1, 1)), "a": stored}).text("a")


def saved(*nodes: bytes) -> memoryview:
    """A saved_model.pb of these objects."""
    return memoryview(message((2, message((7, message(*[(1, node) for node in nodes]))))))


def child(number: int, name: str) -> tuple[int, bytes]:
    """The reference of an object to another."""
    return 1, message((1, number), (2, name))


GRAPHS: dict[str, tuple[Callable[[], Any], str]] = {
    "one name for two": (
        lambda: read_objects(saved(message(child(0, "a"), child(0, "a")))), "two attributes of one name",
    ),
    "an object that is not there": (lambda: read_objects(saved(message(child(7, "a")))), "not in the graph"),
    "no objects": (lambda: read_objects(saved()), "not in the graph"),
    "two descriptions": (
        lambda: read_metadata(memoryview(message(*[(1, message((2, 3), (5, "{}")))] * 2))), "described twice",
    ),
    "two graphs that differ": (
        lambda: read_keys(
            memoryview(message((1, message(child(1, "a"), child(2, "b"))), (1, b""), (1, b""))),
            [SavedObject({"a": 1, "b": 1}), SavedObject()],
        ),
        "the two graphs of objects differ",
    ),
    "a text as a number": (lambda: as_integer(memoryview(b"1")), "stands for an integer"),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_contradict_themselves_are_refused(name: str) -> None:
    """References, descriptions and keys."""
    make, reason = GRAPHS[name]
    with pytest.raises(Malformed, match=reason):
        make()


def test_very_many_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than the limit, here a small one."""
    monkeypatch.setattr("models.weights.saved_model.object_graph.MAX_OBJECTS", 3)
    assert len(read_objects(saved(b"", b"", b""))) == 3
    with pytest.raises(Refusal, match="the SavedModel has too many objects") as refused:
        read_objects(saved(b"", b"", b"", b""))
    assert refused.value.reply.too_large


LISTED: dict[str, tuple[list[dict[str, int]], dict[int, str], str]] = {
    "two layers of one name": ([{"layer-0": 1, "layer-1": 2}, {}, {}], {1: "a", 2: "a"}, "two layers have one name"),
    "a layer is missing": ([{"layer-1": 1}, {}], {1: "a"}, "a layer is missing among the objects"),
    "others are trained": (
        [{"layer-0": 1}, {"variables": 2, "trainable_variables": 3}, {"0": 4}, {"0": 5}, {}, {}], {1: "a"},
        "the lists of variables differ",
    ),
    "a list with a gap": (
        [{"layer-0": 1}, {"variables": 2}, {"1": 3}, {}], {1: "a"}, "a list of variables is not complete",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTED)
def test_layers_and_lists_that_differ_are_refused(name: str) -> None:
    """A model lists its layers, and a layer its variables, each once."""
    children, names, reason = LISTED[name]
    metadata = {number: DESCRIPTION % text for number, text in names.items()}
    with pytest.raises(Malformed, match=reason):
        list(Layers([SavedObject(one) for one in children], metadata))


def test_long_paths_are_refused() -> None:
    """Of attributes inside one another."""
    objects = [SavedObject({"layer-0": 1}), *(SavedObject({"x" * 500: number}) for number in (2, 3, 4)), SavedObject()]
    with pytest.raises(Refusal, match="a name is too long") as refused:
        list(Layers(objects, {1: DESCRIPTION % "a"}))
    assert refused.value.reply.received == f"over {MAX_PATH} characters"


LIMITS: dict[str, tuple[Any, str, int, str]] = {
    "a file": (process, "MAX_FILE", 100, "saved_model.pb is too large"),
    "variables": (process, "MAX_TENSORS", 3, "the file has too many tensors"),
    "the config": (keras_models, "MAX_CONFIG", 100, "the config is too large"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_a_model_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """On a model of two layers and four variables, with smaller limits."""
    unpack(zipped(Model(layers("a", "b")).written(), tmp_path / "zip"), tmp_path / "unpacked", 2**20)
    module, limit, value, message_text = LIMITS[name]
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(Refusal, match=message_text) as refused:
        process._open(tmp_path / "unpacked")
    assert refused.value.reply.too_large

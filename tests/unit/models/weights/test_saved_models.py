"""Archives of SavedModels: layers and numbers as TensorFlow has them, and what is refused, each by its message."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from models.errors import InvalidWeights, LayerscopeError, TooLarge, Unparsable
from models.tensors.safetensors import read_safetensors
from models.weights import reader_process
from models.weights.canonical import convert
from models.weights.saved_config import read_config
from models.weights.saved_model import process, wire
from models.weights.saved_model.bundle import Bundle
from models.weights.saved_model.members import unpack
from models.weights.saved_model.object_graph import read_keys, read_objects
from models.weights.saved_model.source import SavedModelSource
from models.weights.separate_source import SeparateSource
from models.weights.source import FileLimits
from models.weights.specs import WeightSpec
from tests.unit.models.weights.saved_models import Model, dense, layers, message, tarred, varint, zipped

LIMITS = FileLimits(2**26, 60)
Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def reader_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read without a process for every reply, which would take most of a test's time."""

    def run(_: SavedModelSource, job: bytes) -> bytes:
        reply = io.BytesIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reader_process, "limit", lambda _: None)
            patch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(job)))
            patch.setattr(sys, "stdout", SimpleNamespace(buffer=reply))
            process.main()
        return reply.getvalue()

    monkeypatch.setattr(SavedModelSource, "_run", run)


def specs(*names: str) -> list[WeightSpec]:
    """The weights of Dense layers of these names."""
    return [WeightSpec(f"{name}/{word}", shape, "float32", "", (name,))
            for name in names for word, shape in (("kernel", (2, 2)), ("bias", (2,)))]  # fmt: skip


def read(path: Path, *names: str) -> dict[str, Any]:
    """The weights of an archive, by our names."""
    target = path.with_name("canonical")
    convert(path, specs(*names), target, LIMITS, "/weights")
    return read_safetensors(target.read_bytes())


def assert_read(path: Path, model: Model) -> None:
    """The numbers are those that were written."""
    found = read(path, *model.layers)
    for name, arrays in model.layers.items():
        for word, array in arrays.items():
            np.testing.assert_array_equal(found[f"{name}/{word}"], array)


ARCHIVES: dict[str, Callable[[Files, Path], Path]] = {
    "zip of the files": zipped,
    "zip of the folder": lambda files, path: zipped(files, path, "model/"),
    "tar of the files": lambda files, path: tarred(files, path, "./"),
    "tar of the folder": lambda files, path: tarred(files, path, "model/"),
    "tar.gz": lambda files, path: tarred(files, path, "model/", "w:gz"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_of_every_kind_are_read(tmp_path: Path, kind: str) -> None:
    """The config, and the numbers."""
    model = Model(layers("a", "b"))
    path = ARCHIVES[kind](model.written(), tmp_path / "upload")
    config = read_config(path, tmp_path, LIMITS)
    assert config is not None
    assert (config.member, config.version) == ("keras_metadata.pb", "2.9.0")
    assert [layer["config"]["name"] for layer in json.loads(config.text)["config"]["layers"]] == ["a", "b"]
    assert_read(path, model)


def test_a_process_of_its_own_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its limits, as the service runs it."""
    monkeypatch.setattr(SavedModelSource, "_run", SeparateSource._run)
    model = Model(layers("a"))
    assert_read(zipped(model.written(), tmp_path / "upload"), model)


def test_numbers_in_several_files_are_read(tmp_path: Path) -> None:
    """A checkpoint may be divided."""
    model = Model(layers("a", "b"), shards=3)
    assert_read(zipped(model.written(), tmp_path / "upload"), model)


@pytest.mark.parametrize("oldest", [False, True])
def test_json_among_the_objects_is_read(tmp_path: Path, oldest: bool) -> None:
    """TensorFlow 2.0 to 2.4 had no keras_metadata.pb."""
    model = Model(layers("a"), old=True, oldest=oldest)
    path = zipped(model.written(), tmp_path / "upload")
    config = read_config(path, tmp_path, LIMITS)
    assert config is not None
    assert (config.member, config.version) == ("saved_model.pb", "2.9.0")
    assert json.loads(config.text)["config"]["layers"] == [dense("a")]
    assert_read(path, model)


def test_the_order_is_that_of_the_list(tmp_path: Path) -> None:
    """Not that of the attributes; and where the two contradict each other, nothing is stored."""
    path = zipped(Model(layers("a"), order=(1, 0)).written(), tmp_path / "upload")
    opened = SavedModelSource(path, tmp_path, LIMITS, "")
    assert opened.saved is not None
    assert opened.saved.layers[0].paths == ("a/bias", "a/kernel")
    with pytest.raises(InvalidWeights, match="both would fit"):
        read(path, "a")


def test_those_that_are_trained_come_first(tmp_path: Path) -> None:
    """As in HDF5: the list of all of a model's is in another order."""
    model = Model(layers("a"), order=(1, 0), trained=(0,))
    assert_read(zipped(model.written(), tmp_path / "upload"), model)


def test_a_layer_without_a_list_has_the_order_of_the_model(tmp_path: Path) -> None:
    """As preprocessing layers, which Keras makes from their config."""
    model = Model(layers("a", "b"), order=())
    assert_read(zipped(model.written(), tmp_path / "upload"), model)


PLAIN = layers("a")
COMPLEX = np.zeros(2, "c8")
DIFFERENT = "the config and the objects of this SavedModel differ"
LAMBDA = {"name": "s", "layers": [{"class_name": "Other", "config": {"name": "a"}}]}
REFUSED: dict[str, tuple[Model, str]] = {
    "tf.Module": (Model(PLAIN, identifier="_generic_user_object"), "a graph without Keras' config"),
    "tf.saved_model.save": (Model(PLAIN, old=False, without_metadata=True), "tf.saved_model.save writes it"),
    "TensorFlow 1": (Model(PLAIN, graphs=0), "a graph of TensorFlow 1"),
    "two graphs": (Model(PLAIN, graphs=2), "a graph of TensorFlow 1"),
    "a subclass": (Model(PLAIN, identifier="_tf_keras_model", config={"units": 2}), "its author's own"),
    "no layers": (Model(PLAIN, config={"name": "s", "layers": []}), "its author's own"),
    "another class": (Model(PLAIN, config=LAMBDA), DIFFERENT),
    "another name": (
        Model(PLAIN, config={"name": "s", "layers": [dense("b")]}), DIFFERENT
    ),
    "slices": (Model(PLAIN, slices=True), "stored in parts"),
    "big-endian": (Model(PLAIN, endianness=1), "another order of bytes"),
    "Snappy": (Model(PLAIN, method=1), "compressed"),
    "complex numbers": (Model({"a": {"kernel": COMPLEX, "bias": COMPLEX}}), "other than numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    """One sentence for each."""
    model, words = REFUSED[name]
    path = zipped(model.written(), tmp_path / "upload")
    with pytest.raises(Unparsable) as refused:
        read_config(path, tmp_path, LIMITS, "/weights")
    (problem,) = refused.value.problems
    assert words in problem.message
    assert problem.pointer == "/weights"


def flipped(name: str, at: int) -> Callable[[Files], None]:
    """One bit of a file is another one."""

    def change(files: Files) -> None:
        made = bytearray(files[name])
        made[at] ^= 1
        files[name] = bytes(made)

    return change


def cut(name: str, size: int) -> Callable[[Files], None]:
    """A file ends too early."""
    return lambda files: files.update({name: files[name][:size]})


def without(name: str) -> Callable[[Files], None]:
    """A file is missing."""
    return lambda files: files.__delitem__(name)


INDEX, DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"
SPOILED: dict[str, tuple[Callable[[Files], None], str]] = {
    "a number": (flipped(DATA, 3), "the numbers of the checkpoint are damaged"),
    "the graph of objects": (flipped(DATA, -9), "the numbers of the checkpoint are damaged"),
    "the index": (flipped(INDEX, 20), "variables.index is damaged"),
    "the end of the index": (flipped(INDEX, -1), "no index of a checkpoint"),
    "a shorter index": (cut(INDEX, 30), "no index of a checkpoint"),
    "shorter numbers": (cut(DATA, 30), "missing or too short"),
    "no numbers": (without(DATA), "missing or too short"),
    "no index": (without(INDEX), "the SavedModel has no variables/variables.index"),
    "no graph": (without("saved_model.pb"), "this is a TensorFlow checkpoint"),
    "a shorter graph": (cut("saved_model.pb", -3), "damaged"),
    "shorter metadata": (cut("keras_metadata.pb", -3), "damaged"),
    "an empty graph": (cut("saved_model.pb", 0), "a graph of TensorFlow 1"),
    "two graphs": (lambda files: files.update({"b/saved_model.pb": b""}), "the archive holds 2 saved_model.pb"),
    "an integer for a text": (lambda files: files.update({"keras_metadata.pb": message((1, 7))}), "damaged"),
    "a field without an end": (lambda files: files.update({"saved_model.pb": b"\x12\xff\xff\xff\xff\x0f"}), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    """Every bit of the numbers and of the index is covered by checksums."""
    files = Model(PLAIN).written()
    spoil, words = SPOILED[name]
    spoil(files)
    with pytest.raises(Unparsable) as refused:
        read(zipped(files, tmp_path / "upload"), "a")
    assert words in refused.value.problems[0].message


def test_a_variable_without_numbers_is_refused(tmp_path: Path) -> None:
    """The checkpoint has other objects."""
    files, other = Model(layers("a", "b")).written(), Model(layers("a")).written()
    files |= {name: data for name, data in other.items() if name.startswith("variables")}
    with pytest.raises(Unparsable):
        read(zipped(files, tmp_path / "upload"), "a", "b")


NAMES = ("../saved_model.pb", "/saved_model.pb", "a//saved_model.pb", "a\\b", "a/./b", "a\nb")


@pytest.mark.parametrize("kind", [zipped, tarred])
@pytest.mark.parametrize("name", NAMES)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, kind: Callable[..., Path], name: str) -> None:
    """Nothing is unpacked."""
    path = kind(Model(PLAIN).written() | {name: b"x"}, tmp_path / "upload")
    with pytest.raises(Unparsable, match="a name that is refused"):
        unpack(path, tmp_path / "unpacked", 2**20)
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    """In tar archives; in ZIP archives links are files with another mode."""
    with tarfile.open(tarred(Model(PLAIN).written(), tmp_path / "upload"), "a") as archive:
        info = tarfile.TarInfo("assets/link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(Unparsable, match="plain files and folders"):
        unpack(tmp_path / "upload", tmp_path / "unpacked", 2**20)


def test_links_in_zip_archives_are_refused(tmp_path: Path) -> None:
    """As zip -y makes them."""
    info = zipfile.ZipInfo("variables/variables.index")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "upload", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(Unparsable, match="a name that is refused"):
        unpack(tmp_path / "upload", tmp_path / "unpacked", 2**20)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_names_twice_are_refused(tmp_path: Path) -> None:
    """In either kind of archive."""
    with zipfile.ZipFile(zipped(Model(PLAIN).written(), tmp_path / "zip"), "a") as archive:
        archive.writestr("saved_model.pb", b"")
    with tarfile.open(tarred(Model(PLAIN).written(), tmp_path / "tar"), "a") as archive:
        archive.addfile(tarfile.TarInfo("saved_model.pb"))
    for name in ("zip", "tar"):
        with pytest.raises(Unparsable, match="name"):
            unpack(tmp_path / name, tmp_path / "unpacked", 2**20)


@pytest.mark.parametrize("kind", [zipped, lambda files, path: tarred(files, path, mode="w:gz")])
def test_bombs_are_refused(tmp_path: Path, kind: Callable[..., Path]) -> None:
    """Over the limit, and under it but compressed more than numbers can be."""
    path = kind({"assets/a": bytes(2**25)} | Model(PLAIN).written(), tmp_path / "upload")
    for limit, words in ((2**24, "too large"), (2**26, "too large once unpacked")):
        with pytest.raises(TooLarge, match=words):
            unpack(path, tmp_path / "unpacked", limit)


def test_many_members_are_refused(tmp_path: Path) -> None:
    """Of a tar archive, too."""
    files = {f"assets/{number}": b"" for number in range(5000)}
    for kind in (zipped, tarred):
        with pytest.raises(TooLarge):
            unpack(kind(files, tmp_path / "upload"), tmp_path / "unpacked", 2**20)


@pytest.mark.parametrize("data", [b"\x1f\x8b\x08" + bytes(20), bytes(600), b"\x1f\x8b", b"PK\x03\x04" + bytes(60)])
def test_other_archives_are_refused(tmp_path: Path, data: bytes) -> None:
    """And what is none at all."""
    (tmp_path / "upload").write_bytes(data)
    with pytest.raises(Unparsable):
        unpack(tmp_path / "upload", tmp_path / "unpacked", 2**20)


DTYPES = (
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
)


@pytest.fixture(scope="module")
def tensorflows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A SavedModel that TensorFlow writes: a variable of each dtype, an empty one, one without axes."""
    chance = np.random.default_rng(0)
    arrays: dict[str, Any] = {dtype: chance.integers(0, 2, (3, 4)).astype(dtype) for dtype in DTYPES}
    arrays |= {"empty": np.zeros((0, 3), "f4"), "scalar": np.array(2.5, "f4"),
               "bfloat16": chance.normal(size=(2, 3)).astype(ml_dtypes.bfloat16),
               "large": chance.normal(size=(300, 1000)).astype("f4")}  # fmt: skip
    module = tf.Module()
    for name, array in arrays.items():
        setattr(module, name, tf.Variable(array))
    folder = tmp_path_factory.mktemp("tensorflow")
    tf.saved_model.save(module, folder / "saved")
    unpack(zipped({path.relative_to(folder / "saved").as_posix(): path.read_bytes()
                   for path in (folder / "saved").rglob("*") if path.is_file()}, folder / "zip"),
           folder / "unpacked", 2**24)  # fmt: skip
    return folder, arrays


def test_every_dtype_is_read_as_tensorflow_writes_it(tensorflows: tuple[Path, dict[str, Any]]) -> None:
    """The bytes of every variable, and its declaration."""
    folder, arrays = tensorflows
    bundle = Bundle(folder / "unpacked")
    for name, array in arrays.items():
        key, target = f"{name}/.ATTRIBUTES/VARIABLE_VALUE", io.BytesIO()
        bundle.copy(key, target)
        assert bundle.declared(key) == (array.dtype.name, array.shape)
        assert target.getvalue() == array.tobytes()


def test_objects_are_those_of_tensorflows_parser(tensorflows: tuple[Path, dict[str, Any]]) -> None:
    """Children, kinds, and the keys of variables."""
    folder, arrays = tensorflows
    data = (folder / "unpacked" / "saved_model.pb").read_bytes()
    parsed = saved_model_pb2.SavedModel()
    parsed.ParseFromString(data)
    nodes = parsed.meta_graphs[0].object_graph_def.nodes
    found = read_objects(memoryview(data))
    assert [one.children for one in found] == [{c.local_name: c.node_id for c in node.children} for node in nodes]
    assert [one.is_variable for one in found] == [node.HasField("variable") for node in nodes]
    assert [one.identifier for one in found] == [node.user_object.identifier for node in nodes]
    keys = read_keys(Bundle(folder / "unpacked").text(process.OBJECTS), found)
    numbers = {name: found[0].children[name] for name in arrays}
    assert {name: keys[number] for name, number in numbers.items()} == {
        name: f"{name}/.ATTRIBUTES/VARIABLE_VALUE" for name in arrays
    }


@given(st.binary(max_size=60))
def test_the_wire_format_is_read_as_protobuf_reads_it(data: bytes) -> None:
    """What it refuses is refused; of what both read, the names of the children are the same."""
    theirs = trackable_object_graph_pb2.TrackableObjectGraph.TrackableObject()
    try:
        ours = [wire.as_bytes(part) for number, part in wire.fields(memoryview(data)) if number == 1]
    except wire.Malformed:
        return
    try:
        theirs.ParseFromString(data)
    except DecodeError:
        return  # a message inside, or a group, which nobody writes
    assert len(theirs.children) == len(ours)


@given(st.integers(0, 2**64 - 1))
def test_integers_are_read_back(value: int) -> None:
    """Any of 64 bits."""
    assert wire.varint(memoryview(varint(value)), 0) == (value, len(varint(value)))


@given(st.data())
def test_no_change_of_bytes_is_more_than_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever is changed, there is an error of ours or the right numbers, never other ones."""
    files = Model(PLAIN).written()
    name = data.draw(st.sampled_from(sorted(files)))
    made = bytearray(files[name])
    for _ in range(data.draw(st.integers(1, 3))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    files[name] = bytes(made)
    path = zipped(files, tmp_path_factory.mktemp("changed") / "upload")
    try:
        found = read(path, "a")
    except LayerscopeError:
        return
    for word, array in PLAIN["a"].items():
        np.testing.assert_array_equal(found[f"a/{word}"], array)

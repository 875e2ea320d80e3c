"""Hostile weights files: each is rejected with a domain error; nothing is stored, and little memory is used.

They are read in a subprocess, so that its memory can be measured.
"""

import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5d, h5g, h5p, h5s, h5t

from models.errors import LayerscopeError, Unparsable
from models.weights.canonical import convert
from models.weights.hdf5 import Hdf5Source
from models.weights.keras_file import keras_config
from models.weights.source import FileLimits
from models.weights.specs import WeightSpec

PLACE = "layers/dense/vars/0"
SPECS = [WeightSpec("dense/kernel", (4, 2), "float32", PLACE)]
VALUES = np.arange(8, dtype=np.float32).reshape(4, 2)
MEBIBYTE = 2**20
LIMIT = 128 * MEBIBYTE
READ = """
import json, resource, sys
from pathlib import Path
from models.errors import LayerscopeError
from models.weights.canonical import convert
from models.weights.source import FileLimits
from models.weights.specs import WeightSpec


def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024


specs = [WeightSpec("dense/kernel", (4, 2), "float32", "layers/dense/vars/0")]
limits = FileLimits(int(sys.argv[1]), 20)
for name in sys.argv[2:]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    folder, before = Path(name), peak()
    try:
        outcome, message = convert(folder / "upload", specs, folder / "target", limits, "/weights"), None
    except LayerscopeError as error:
        outcome, message = error.code, error.problems[0].message
    apart = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(json.dumps([outcome, message, peak() - before, apart]))
"""


def hdf5(folder, fill):
    """Write an HDF5 file."""
    with h5py.File(folder / "upload", "w") as file:
        fill(file)


def archive(folder, method=zipfile.ZIP_STORED, **members):
    """Write a ZIP archive; `__` in a name is a dot."""
    with zipfile.ZipFile(folder / "upload", "w", method) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "."), content)


def declares_gigabytes(folder):
    """3.7 GiB of a fill value, not stored."""
    hdf5(folder, lambda file: file.create_dataset(PLACE, (1_000_000_000,), "f4", chunks=(1_000_000,), fillvalue=1))


def is_empty_behind_its_shape(folder):
    """The right shape, without data."""
    hdf5(folder, lambda file: file.create_dataset(PLACE, (4, 2), "f4", fillvalue=1))


def has_a_chunk_of_a_gigabyte(folder):
    """The right shape in a chunk of 1 GiB, compressed by deflate."""
    packer = zlib.compressobj(wbits=-15)
    mebibyte = packer.compress(bytes(MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)  # independent of what precedes it
    checksum = ((2**30 % 65_521) << 16 | 1).to_bytes(4, "big")  # Adler-32 of as many zeros
    data = b"\x78\x9c" + 1024 * mebibyte + zlib.compressobj(wbits=-15).flush() + checksum

    def fill(file):
        dataset = file.create_dataset(PLACE, (4, 2), "f4", chunks=(2**15, 2**13), maxshape=(None, None), compression=1)
        dataset.id.write_direct_chunk((0, 0), data)

    hdf5(folder, fill)


def has_an_external_link(folder):
    """An external link to an existing file."""
    shutil.copy("/etc/passwd", folder / "other")
    hdf5(folder, lambda file: file.create_group("layers/dense/vars").__setitem__("0", h5py.ExternalLink("other", "/")))


def has_a_soft_link(folder):
    """A soft link to a dataset of the same file."""

    def fill(file):
        file["other"] = VALUES
        file.create_group("layers/dense/vars")["0"] = h5py.SoftLink("/other")

    hdf5(folder, fill)


def is_a_cycle(folder):
    """A group that contains itself."""

    def fill(file):
        dense = file.create_group("layers/dense")
        dense["again"] = file["layers"]

    hdf5(folder, fill)


def has_external_data(folder):
    """A dataset stored in another file."""
    hdf5(folder, lambda file: file.create_dataset(PLACE, (4, 2), "f4", external=[("/etc/passwd", 0, 32)]))


def has_virtual_data(folder):
    """A virtual dataset of another file."""

    def fill(file):
        layout = h5py.VirtualLayout((4, 2), "f4")
        layout[...] = h5py.VirtualSource("other.h5", "values", (4, 2))
        file.create_virtual_dataset(PLACE, layout)

    hdf5(folder, fill)


def has_strings(folder):
    """Strings instead of numbers."""
    hdf5(folder, lambda file: file.create_dataset(PLACE, data=["a", "b"]))


def has_references(folder):
    """References instead of numbers."""
    hdf5(folder, lambda file: file.create_dataset(PLACE, (4,), h5py.ref_dtype))


def has_another_filter(folder):
    """A filter of HDF5 that weights files do not use."""
    hdf5(folder, lambda file: file.create_dataset(PLACE, data=VALUES, chunks=(4, 2), compression="lzf"))


def has_a_null_space(folder):
    """A dataset without a shape."""
    hdf5(folder, lambda file: file.create_dataset(PLACE, dtype="f4"))


def has_a_committed_type(folder):
    """An object that is neither group nor dataset."""
    hdf5(folder, lambda file: file.__setitem__("layers", np.dtype("f4")))


def has_very_many_groups(folder):
    """More objects than any model has."""

    def fill(file):
        file.create_group("layers")
        for number in range(70_000):
            h5g.create(file.id, f"layers/{number}".encode())

    hdf5(folder, fill)


def has_very_many_tensors(folder):
    """More tensors than any model has."""

    def fill(file):
        space, properties = h5s.create_simple((0,)), h5p.create(h5p.DATASET_CREATE)
        for number in range(5_000):
            h5d.create(file.id, f"{number}".encode(), h5t.IEEE_F32LE, space, properties)

    hdf5(folder, fill)


def nests_deeply(folder):
    """A hundred nested groups."""
    hdf5(folder, lambda file: file.create_group("/".join("a" * 100)))


def has_long_names(folder):
    """Names of sixty kilobytes."""
    hdf5(folder, lambda file: [file.create_group(str(n) * 60_000) for n in range(10)])


def is_cut_short(folder):
    """The signature and little else."""
    hdf5(folder, lambda file: file.__setitem__(PLACE, VALUES))
    data = (folder / "upload").read_bytes()
    (folder / "upload").write_bytes(data[:1000])


def bomb(folder, name, start=b"", mebibytes=0):
    """Write a ZIP archive of one member: `start`, followed by zeros, which the fastest method deflates to a 200th."""
    with (
        zipfile.ZipFile(folder / "upload", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open(name, "w") as member,
    ):
        member.write(start)
        for _ in range(mebibytes):
            member.write(bytes(MEBIBYTE))


def is_a_keras_bomb(folder):
    """100 MiB of zeros as weights, in half a megabyte."""
    bomb(folder, "model.weights.h5", mebibytes=100)
    with zipfile.ZipFile(folder / "upload", "a") as file:
        file.writestr("config.json", "{}")


def is_an_npz_bomb(folder):
    """The right tensor followed by 100 MiB of zeros."""
    start = io.BytesIO()
    np.save(start, VALUES)
    bomb(folder, "arr_0.npy", start.getvalue(), 100)


def is_a_bomb_beyond_the_limit(folder):
    """A mebibyte of zeros more than the limit."""
    bomb(folder, "arr_0.npy", mebibytes=LIMIT // MEBIBYTE + 1)


def is_an_honest_looking_npz_bomb(folder):
    """A consistent size, with zeros that deflate to a 200th."""
    start = io.BytesIO()
    np.save(start, np.zeros((5000, 5000), np.float32))
    bomb(folder, "arr_0.npy", start.getvalue())


def is_large_in_fortrans_order(folder):
    """Numbers that would have to be transposed in memory."""
    with zipfile.ZipFile(folder / "upload", "w") as file, file.open("arr_0.npy", "w") as member:
        np.save(member, np.zeros((4200, 4200), np.float32, order="F"))


def has_a_million_empty_tensors(folder):
    """A million empty tensors in safetensors; the header alone is 70 MB."""
    entry = json.dumps({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})
    header = ("{" + ",".join(f'"{number}":{entry}' for number in range(1_000_000)) + "}").encode()
    (folder / "upload").write_bytes(len(header).to_bytes(8, "little") + header)


def has_many_slashes(folder):
    """Names that consist of separators."""
    names = {"/" * 100_000 + str(number): number for number in range(9)}
    header = json.dumps({name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for name in names}).encode()
    (folder / "upload").write_bytes(len(header).to_bytes(8, "little") + header)


def is_empty(folder):
    """An empty file."""
    (folder / "upload").write_bytes(b"")


def is_a_picture(folder):
    """Another format."""
    (folder / "upload").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


HOSTILE = {
    declares_gigabytes: ("invalid_weights", "dense/kernel is of another shape"),
    is_empty_behind_its_shape: ("unparsable", "a dataset holds less than its shape says"),
    has_a_chunk_of_a_gigabyte: ("unparsable", "a chunk is larger than its dataset"),
    has_an_external_link: ("unparsable", "links are not followed"),
    has_a_soft_link: ("unparsable", "links are not followed"),
    is_a_cycle: ("unparsable", "an object is linked twice"),
    has_external_data: ("unparsable", "datasets in other files are not read"),
    has_virtual_data: ("unparsable", "virtual datasets are not read"),
    has_strings: ("unparsable", "a dataset holds something other than numbers"),
    has_references: ("unparsable", "a dataset holds something other than numbers"),
    has_another_filter: ("unparsable", "the only filters read are deflate, shuffle, fletcher32"),
    has_a_null_space: ("unparsable", "a dataset has no shape"),
    has_a_committed_type: ("unparsable", "the file holds something other than groups and datasets"),
    has_very_many_groups: ("too_large", "the file has too many objects"),
    has_very_many_tensors: ("too_large", "the file has too many tensors"),
    nests_deeply: ("too_large", "the groups nest too deeply"),
    has_long_names: ("too_large", "a name is too long"),
    is_cut_short: ("unparsable", "HDF5 cannot read this file"),
    is_a_keras_bomb: ("too_large", "model.weights.h5 in the .keras file is too large"),
    is_an_npz_bomb: ("unparsable", "the .npy file is cut short or too long"),
    is_a_bomb_beyond_the_limit: ("too_large", "the .npz file is too large"),
    is_an_honest_looking_npz_bomb: ("too_large", "the .npy file is too large"),
    is_large_in_fortrans_order: ("too_large", "a large array is in Fortran's order"),
    has_a_million_empty_tensors: ("too_large", "the header is too long"),
    has_many_slashes: ("invalid_weights", "the network has no such weight"),
    is_empty: ("unparsable", "the file is empty"),
    is_a_picture: ("unparsable", "this is a PNG picture, which is not read here"),
}


def is_honest(folder):
    """A valid file, as the reference of the others."""
    hdf5(folder, lambda file: file.create_dataset(PLACE, data=VALUES, chunks=(2, 2), compression=9, shuffle=True))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """The outcomes by file: code or digest, first problem, MiB here, peak MiB of HDF5's process, remaining files."""
    folders = {make: tmp_path_factory.mktemp(make.__name__) for make in [*HOSTILE, is_honest]}
    for make, folder in folders.items():
        make(folder)
    command = [sys.executable, "-c", READ, str(LIMIT), *map(str, folders.values())]
    done = subprocess.run(command, capture_output=True, check=True)
    lines = zip(folders.items(), done.stdout.splitlines(), strict=True)
    return {make: (*json.loads(line), sorted(p.name for p in folder.iterdir())) for (make, folder), line in lines}


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_hostile_weights_are_rejected(make, outcomes):
    """With a domain error, no leftover files, and no more memory than a valid file takes."""
    code, message, here, apart, left = outcomes[make]
    assert (code, message) == HOSTILE[make]
    assert set(left) <= {"upload", "other"}
    assert here < 32
    assert apart < 256


def test_a_valid_file_is_read(outcomes):
    """Chunked, shuffled and deflated, by the process that has read all the others."""
    digest, message, here, _, left = outcomes[is_honest]
    assert (len(digest), message, left) == (64, None, ["target", "upload"])
    assert here < 32


def test_a_large_dataset_is_copied_in_slabs(tmp_path):
    """Big-endian values are converted."""
    values = np.arange(6 * 2**20, dtype=">f4").reshape(-1, 4)
    hdf5(tmp_path, lambda file: file.__setitem__(PLACE, values))
    source = Hdf5Source(tmp_path / "upload", tmp_path, FileLimits(2**30), "")
    assert source.tensors[PLACE] == ("float32", values.shape)
    np.testing.assert_array_equal(next(source.read([PLACE])), values)


def test_a_slow_conversion_times_out(tmp_path):
    """Starting Python alone takes longer than this deadline."""
    hdf5(tmp_path, lambda file: file.__setitem__(PLACE, VALUES))
    with pytest.raises(Unparsable, match="takes too long"):
        convert(tmp_path / "upload", SPECS, tmp_path / "target", FileLimits(2**30, 0.01))
    assert not (tmp_path / "target").exists()


def test_a_config_is_returned_unparsed(tmp_path):
    """A Lambda in it is only text; the converter decides what may be built."""
    config = json.dumps({"class_name": "Lambda", "config": {"function": "…"}})
    archive(tmp_path, config__json=config, metadata__json="{}")
    assert keras_config(tmp_path / "upload", FileLimits(2**20)) == config.encode()
    archive(tmp_path, zipfile.ZIP_DEFLATED, config__json=b" " * (17 * MEBIBYTE))
    with pytest.raises(LayerscopeError, match="too large"):
        keras_config(tmp_path / "upload", FileLimits(2**30))
    archive(tmp_path, metadata__json="{}")
    with pytest.raises(Unparsable, match=r"no config\.json"):
        keras_config(tmp_path / "upload", FileLimits(2**20))


def test_mutated_weights_are_read_or_rejected():
    """Twelve mutations, each in a process of its own that may crash."""
    chance = random.Random(0)  # noqa: S311 - not for secrets
    with tempfile.TemporaryDirectory() as name:
        folder, outcomes = Path(name), set()
        hdf5(folder, lambda file: file.__setitem__(PLACE, VALUES))
        good = (folder / "upload").read_bytes()
        for _ in range(12):
            data = bytearray(good)
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            (folder / "upload").write_bytes(data)
            try:
                convert(folder / "upload", SPECS, folder / "target", FileLimits(2**30, 20))
                outcomes.add("read")
            except LayerscopeError as error:
                outcomes.add(type(error))
    assert Unparsable in outcomes

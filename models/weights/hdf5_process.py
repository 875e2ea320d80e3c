"""`python -m models.weights.hdf5_process`: reads one HDF5 file and ends. A job on the standard input, an answer out.

HDF5 was not made for files from strangers: it can crash, loop for ever and allocate what a header says. So it runs
here, under limits that the kernel keeps and a deadline that the parent keeps. Of attributes only the names of layers
are read, links are looked at before they are followed, and data is read only where it is plain.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import msgspec
import numpy as np
from h5py import h5d, h5f, h5g, h5l, h5o, h5s, h5t, h5z

from models.weights.hdf5_messages import Copied, Job, Listing, Refused

MAX_OBJECTS = 65_536
MAX_TENSORS = 4096
MAX_DEPTH = 64
MAX_PATH = 1024
"""Longest path of an object; with MAX_TENSORS this bounds the answer."""
MAX_EXPANSION = 1100
"""Most bytes that one stored byte may stand for; deflate reaches 1,032."""
SLAB_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
"""A chunk may be larger than its dataset up to here."""
VARIABLES = "vars"
"""The group of a layer's own variables; Keras keeps the layer's name as its attribute."""
MAX_NAME = 1024
"""Most characters of a layer's name."""
OPTIMIZER = "optimizer"
"""The group at the root where Keras keeps its optimizer's variables: no weights."""
FILTERS = {h5z.FILTER_DEFLATE: "deflate", h5z.FILTER_SHUFFLE: "shuffle", h5z.FILTER_FLETCHER32: "fletcher32"}
LAYOUTS = (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED)
LINKS = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "an external link"}
TYPES = (h5t.INTEGER, h5t.FLOAT, h5t.ENUM, h5t.OPAQUE)
BFLOAT16 = "|V2"
"""h5py writes bfloat16 as two opaque bytes."""
DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64",
          "uint8", "uint16", "uint32", "uint64", "bool")  # fmt: skip
FAILURES = (OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
"""What h5py raises on damaged files."""


class Refusal(Exception):
    """The file is not read any further."""

    def __init__(self, message: str, received: str, too_large: bool = False) -> None:
        super().__init__(message)
        self.answer = Refused(message, received, too_large)


def main() -> None:
    """One job, one answer."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    _limit(job)
    try:
        answer: Listing | Copied | Refused = _copied(job) if job.target else _listing(job.file)
    except Refusal as refusal:
        answer = refusal.answer
    except FAILURES as error:
        answer = Refused("HDF5 cannot read this file", type(error).__name__)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _limit(job: Job) -> None:
    """Memory beyond what the interpreter has already, computing time, and no core dumps."""
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        mapped = int(statistics.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + job.memory,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (job.seconds, job.seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _open(file: str) -> h5f.FileID:
    return h5f.open(file.encode(), h5f.ACC_RDONLY)


def _listing(file: str) -> Listing:
    """Every dataset, once the whole file has been walked."""
    walk = _Walk()
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    for path, dataset in walk.datasets(h5g.open(_open(file), b"/"), ()):
        tensors[path] = (_dtype(dataset, path), dataset.shape)
        if len(tensors) > MAX_TENSORS:
            raise Refusal("the file has too many tensors", f"over {MAX_TENSORS} tensors", too_large=True)
    return Listing(tensors, walk.names)


def _name_of(group: h5g.GroupID) -> str | None:
    """The layer's name that Keras keeps with the group of its variables."""
    attribute = h5py.Group(group).attrs.get("name")
    return attribute if isinstance(attribute, str) and len(attribute) <= MAX_NAME else None


class _Walk:
    """Follows hard links only, and each object once."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.names: dict[str, str] = {}

    def datasets(self, group: h5g.GroupID, path: tuple[str, ...]) -> Iterator[tuple[str, h5d.DatasetID]]:
        """The checked datasets below a group."""
        if len(path) > MAX_DEPTH:
            raise Refusal("the groups nest too deeply", f"over {MAX_DEPTH} levels", too_large=True)
        for name in self._names(group, path):
            inner = (*path, name)
            if inner == (OPTIMIZER,):
                continue
            held = h5o.open(group, name.encode())
            if isinstance(held, h5g.GroupID):
                if name == VARIABLES and (named := _name_of(held)) is not None:
                    self.names["/".join(path)] = named
                yield from self.datasets(held, inner)
            elif isinstance(held, h5d.DatasetID):
                _check(held, "/".join(inner))
                yield "/".join(inner), held
            else:
                raise Refusal("the file holds something other than groups and datasets", _shown(inner))

    def _names(self, group: h5g.GroupID, path: tuple[str, ...]) -> list[str]:
        """The names of a group's links, all of them hard and to objects not seen before; none has been followed."""
        links: list[tuple[bytes, int, int]] = []

        def visit(name: bytes, info: Any) -> bool | None:
            links.append((name, info.type, info.u))
            return True if len(links) > MAX_OBJECTS else None  # an exception here would not reach us

        group.links.iterate(visit, info=True)
        return [self._checked_name((*path, name.decode()), kind, place) for name, kind, place in links]

    def _checked_name(self, path: tuple[str, ...], kind: int, place: int) -> str:
        """The last part of the path of a link, whose kind and target's address are these."""
        if kind != h5l.TYPE_HARD:
            raise Refusal("links are not followed", f"{LINKS.get(kind, 'an unknown link')} at {_shown(path)}")
        if place in self.seen:
            raise Refusal("an object is linked twice", _shown(path))
        self.seen.add(place)
        if len(self.seen) > MAX_OBJECTS:
            raise Refusal("the file has too many objects", f"over {MAX_OBJECTS} objects", too_large=True)
        if len("/".join(path)) > MAX_PATH:
            raise Refusal("a name is too long", f"over {MAX_PATH} characters", too_large=True)
        return path[-1]


def _shown(path: tuple[str, ...]) -> str:
    return "/".join(path).encode("unicode_escape").decode("ascii")[-200:]


def _check(dataset: h5d.DatasetID, path: str) -> None:
    """Data that lies in this file, uncompressed or deflated."""
    properties = dataset.get_create_plist()
    if properties.get_layout() not in LAYOUTS:
        raise Refusal("virtual datasets are not read", path)
    if properties.get_external_count():
        raise Refusal("datasets in other files are not read", path)
    for number in range(properties.get_nfilters()):
        code = properties.get_filter(number)[0]
        if code not in FILTERS:
            raise Refusal(f"the only filters read are {', '.join(FILTERS.values())}", f"filter {code} of {path}")
    if dataset.get_space().get_simple_extent_type() not in (h5s.SIMPLE, h5s.SCALAR):
        raise Refusal("a dataset has no shape", path)


def _dtype(dataset: h5d.DatasetID, path: str) -> str:
    """The dtype's name; strings, references, objects and structures have none."""
    if dataset.get_type().get_class() in TYPES:
        dtype = dataset.dtype
        if dtype.str == BFLOAT16:
            return "bfloat16"
        if dtype.name in DTYPES:
            return str(dtype.name)
    raise Refusal("a dataset holds something other than numbers", path)


def _copied(job: Job) -> Copied:
    """The values of the datasets asked for, which a listing has checked."""
    file = _open(job.file)
    with Path(str(job.target)).open("wb") as target:
        for name in job.names:
            _copy(h5d.open(file, name.encode()), name, target)
    return Copied()


def _copy(dataset: h5d.DatasetID, path: str, target: BinaryIO) -> None:
    """Piece by piece where the data lies in one piece; a chunk larger than a piece would be decompressed again."""
    _check_storage(dataset, path)
    values = h5py.Dataset(dataset)
    shape, itemsize = dataset.shape, dataset.dtype.itemsize
    if not shape or dataset.get_create_plist().get_layout() == h5d.CHUNKED:
        target.write(_bytes(values[()]))
        return
    rows = max(1, SLAB_BYTES // max(1, prod(shape[1:]) * itemsize))
    for start in range(0, shape[0], rows):
        target.write(_bytes(values[start : start + rows]))


def _check_storage(dataset: h5d.DatasetID, path: str) -> None:
    """There are values behind the shape, and no chunk makes HDF5 allocate more than the dataset."""
    declared, stored = prod(dataset.shape) * dataset.dtype.itemsize, dataset.get_storage_size()
    properties = dataset.get_create_plist()
    chunked = properties.get_layout() == h5d.CHUNKED
    if stored * (MAX_EXPANSION if chunked else 1) < declared:
        raise Refusal("a dataset holds less than its shape says", f"{stored} bytes for {declared} at {path}")
    if chunked and prod(properties.get_chunk()) * dataset.dtype.itemsize > max(declared, CHUNK_BYTES):
        raise Refusal("a chunk is larger than its dataset", path)


def _bytes(values: Any) -> bytes:
    array = np.asarray(values)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


if __name__ == "__main__":
    main()

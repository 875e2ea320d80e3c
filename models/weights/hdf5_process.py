"""Process `python -m models.weights.hdf5_process`: reads one HDF5 file and exits. Job on standard input, reply out.

HDF5 was not made for untrusted files: it can crash, loop forever and allocate what a header says. So it runs here,
under the limits of `reader_process`. Of attributes only those are read that Keras needs, links are checked before they
are followed, and data is read only where it is plain.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from h5py import h5d, h5f, h5g, h5l, h5o, h5s, h5t, h5z

from models.weights.hdf5_older_file import older_file
from models.weights.reader_messages import Copied, Listing, ReadJob
from models.weights.reader_process import serve
from models.weights.reader_refusal import Refusal

MAX_OBJECTS = 65_536
"""Most groups and datasets of a file."""
MAX_TENSORS = 4096
"""Most datasets of a file."""
MAX_DEPTH = 64
"""Deepest nesting of groups."""
MAX_PATH = 1024
"""Longest path of an object; with MAX_TENSORS this bounds the reply."""
MAX_DEFLATE_RATIO = 1100
"""Most bytes that one stored byte may expand to; deflate reaches 1,032."""
SLAB_BYTES = 16 * 1024 * 1024
"""Bytes of contiguous data that are read at once."""
CHUNK_BYTES = 1024 * 1024
"""A chunk may be larger than its dataset up to this size."""
VARIABLES = "vars"
"""The group of a layer's own variables; Keras keeps the layer's name as its attribute."""
MAX_NAME = 1024
"""Most characters of a layer's name."""
OPTIMIZERS = (("optimizer",), ("optimizer_weights",))
"""The groups at the root where Keras keeps its optimizer's variables, which are not weights."""
FILTERS = {h5z.FILTER_DEFLATE: "deflate", h5z.FILTER_SHUFFLE: "shuffle", h5z.FILTER_FLETCHER32: "fletcher32"}
"""The filters that are read, by their names."""
LAYOUTS = (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED)
"""Layouts of data in the file itself."""
LINKS = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "an external link"}
TYPES = (h5t.INTEGER, h5t.FLOAT, h5t.ENUM, h5t.OPAQUE)
"""Classes of types whose dtype is checked."""
BFLOAT16 = "|V2"
"""h5py writes bfloat16 as two opaque bytes."""
DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64",
          "uint8", "uint16", "uint32", "uint64", "bool")  # fmt: skip
"""The dtypes that are read, bfloat16 aside."""
FAILURES = (OSError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
"""Errors that h5py raises on damaged files."""


def main() -> None:
    """Run one job and write one reply."""
    serve(lambda job: _run_copy(job) if job.target else _run_listing(job.file), FAILURES, "HDF5 cannot read this file")


def _open(file: str) -> h5f.FileID:
    return h5f.open(file.encode(), h5f.ACC_RDONLY)


def _run_listing(file: str) -> Listing:
    """List every dataset of the file."""
    walk, root = _Walk(), h5g.open(_open(file), b"/")
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    for path, dataset in walk.datasets(root, ()):
        tensors[path] = (_dtype(dataset, path), dataset.shape)
        if len(tensors) > MAX_TENSORS:
            raise Refusal("the file has too many tensors", f"over {MAX_TENSORS} tensors", too_large=True)
    return Listing(tensors, walk.names, older_file(root, tensors))


def _layer_name(group: h5g.GroupID) -> str | None:
    """Return the layer's name that Keras keeps with the group of its variables."""
    attribute = h5py.Group(group).attrs.get("name")
    return attribute if isinstance(attribute, str) and len(attribute) <= MAX_NAME else None


class _Walk:
    """Follows hard links only, and each object once."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.names: dict[str, str] = {}

    def datasets(self, group: h5g.GroupID, path: tuple[str, ...]) -> Iterator[tuple[str, h5d.DatasetID]]:
        """Yield the checked datasets below a group."""
        if len(path) > MAX_DEPTH:
            raise Refusal("the groups nest too deeply", f"over {MAX_DEPTH} levels", too_large=True)
        for name in self._names(group, path):
            inner = (*path, name)
            if inner in OPTIMIZERS:
                continue
            member = h5o.open(group, name.encode())
            if isinstance(member, h5g.GroupID):
                if name == VARIABLES and (layer_name := _layer_name(member)) is not None:
                    self.names["/".join(path)] = layer_name
                yield from self.datasets(member, inner)
            elif isinstance(member, h5d.DatasetID):
                _check(member, "/".join(inner))
                yield "/".join(inner), member
            else:
                raise Refusal("the file holds something other than groups and datasets", _escaped(inner))

    def _names(self, group: h5g.GroupID, path: tuple[str, ...]) -> list[str]:
        """Return the names of a group's links, all of them hard and to unseen objects; none has been followed."""
        links: list[tuple[bytes, int, int]] = []

        def visit(name: bytes, info: Any) -> bool | None:
            links.append((name, info.type, info.u))
            return True if len(links) > MAX_OBJECTS else None  # an exception here would not reach us

        group.links.iterate(visit, info=True)
        return [self._checked_name((*path, name.decode()), kind, address) for name, kind, address in links]

    def _checked_name(self, path: tuple[str, ...], kind: int, address: int) -> str:
        """Check a link by its path, kind and target address; returns the last part of its path."""
        if kind != h5l.TYPE_HARD:
            raise Refusal("links are not followed", f"{LINKS.get(kind, 'an unknown link')} at {_escaped(path)}")
        if address in self.seen:
            raise Refusal("an object is linked twice", _escaped(path))
        self.seen.add(address)
        if len(self.seen) > MAX_OBJECTS:
            raise Refusal("the file has too many objects", f"over {MAX_OBJECTS} objects", too_large=True)
        if len("/".join(path)) > MAX_PATH:
            raise Refusal("a name is too long", f"over {MAX_PATH} characters", too_large=True)
        return path[-1]


def _escaped(path: tuple[str, ...]) -> str:
    return "/".join(path).encode("unicode_escape").decode("ascii")[-200:]


def _check(dataset: h5d.DatasetID, path: str) -> None:
    """Check that the data is in this file, uncompressed or deflated."""
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
    """Return the dtype's name; strings, references, objects and structures are refused."""
    if dataset.get_type().get_class() in TYPES:
        dtype = dataset.dtype
        if dtype.str == BFLOAT16:
            return "bfloat16"
        if dtype.name in DTYPES:
            return str(dtype.name)
    raise Refusal("a dataset holds something other than numbers", path)


def _run_copy(job: ReadJob) -> Copied:
    """Write the values of the datasets requested, which a listing has checked."""
    file = _open(job.file)
    with Path(str(job.target)).open("wb") as target:
        for name in job.names:
            _copy(h5d.open(file, name.encode()), name, target)
    return Copied()


def _copy(dataset: h5d.DatasetID, path: str, target: BinaryIO) -> None:
    """Write in slabs where the data is contiguous; a chunk larger than a slab would be decompressed repeatedly."""
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
    """Check that values are stored for the shape, and that no chunk makes HDF5 allocate more than the dataset."""
    declared, stored = prod(dataset.shape) * dataset.dtype.itemsize, dataset.get_storage_size()
    properties = dataset.get_create_plist()
    chunked = properties.get_layout() == h5d.CHUNKED
    if stored * (MAX_DEFLATE_RATIO if chunked else 1) < declared:
        raise Refusal("a dataset holds less than its shape says", f"{stored} bytes for {declared} at {path}")
    if chunked and prod(properties.get_chunk()) * dataset.dtype.itemsize > max(declared, CHUNK_BYTES):
        raise Refusal("a chunk is larger than its dataset", path)


def _bytes(values: Any) -> bytes:
    array = np.asarray(values)
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


if __name__ == "__main__":
    main()

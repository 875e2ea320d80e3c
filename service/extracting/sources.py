"""The files of a data set, and how many inputs each has."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import fsspec
import orjson

from models.tensors.npy import HEADER_BYTES, NpyHeader, read_npy_header
from service.extracting.failure import WrongOption

FILE, NPY, NPZ, PARQUET = "file", "npy", "npz", "parquet"
ENDINGS = {".npy": NPY, ".npz": NPZ, ".parquet": PARQUET}
"""Endings of files of many inputs; any other file is one input."""
HIDDEN = (".", "_")
"""How names begin that are left out of folders."""


@dataclass(frozen=True)
class Source:
    """A file: its path or URL as in the results, its kind, the number of its inputs, and how it is known again."""

    name: str
    kind: str
    rows: int
    identity: tuple[Any, ...]
    is_whole: bool = True
    """Whether the file is one input, not a row of it."""
    url: str = ""
    """Where it is, also for processes in other folders."""

    def name_of(self, row: int) -> str:
        """Return the name of one of its inputs."""
        return self.name if self.is_whole else f"{self.name}#{row}"


def sources_of(inputs: Sequence[str], ranks: Mapping[str, int], out: str = "") -> list[Source]:
    """Return the files of paths, globs, folders and URLs, each once and in the order of their names, but those in the
    folder `out`. `ranks` are the ranks of the network's inputs without the batch.

    Raises:
        WrongOption: one of them is not there, or there is no file.
    """
    found: dict[str, tuple[Any, dict[str, Any]]] = {}
    for text in inputs:
        found.update(_files(text))
    written = f"{absolute(out)}/" if out else None
    found = {name: (fs, info) for name, (fs, info) in found.items() if written is None or not _is_in(fs, info, written)}
    if not found:
        raise WrongOption(f"there is no file in {', '.join(inputs)}; name files, folders, globs or s3://… of them")
    return [_source(name, *found[name], ranks) for name in sorted(found)]


def absolute(url: str) -> str:
    """Return a path or URL as a URL that does not depend on the working directory.

    Raises:
        WrongOption: there is no such file system.
    """
    fs, path = _located(url)
    return str(fs.unstrip_protocol(path))


def _is_in(fs: Any, info: Mapping[str, Any], folder: str) -> bool:
    return str(fs.unstrip_protocol(info["name"])).startswith(folder)


def digest_of(sources: Sequence[Source]) -> str:
    """Return a digest of the names, sizes and times of files."""
    rows = [(source.name, source.kind, source.rows, *map(str, source.identity)) for source in sources]
    return sha256(orjson.dumps(rows)).hexdigest()


def _files(text: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return the file system of each file and what it says of it, by name: relative where `text` is, URLs else."""
    fs, path = _located(text)
    protocol = text.partition("://")[0] + "://" if "://" in text else ""
    is_relative = not protocol and not text.startswith("/")
    root = fs.unstrip_protocol("").partition("://")[2].rstrip("/") + "/" if is_relative else ""
    if any(mark in text for mark in "*?[") and not fs.exists(path):
        infos = fs.glob(path, detail=True)
    elif fs.exists(path):
        infos = fs.find(path, detail=True)
        infos = {each: info for each, info in infos.items() if each == path or _is_seen(each[len(path) :])}
    else:
        raise WrongOption(f"{text} is not there; name files, folders, globs or s3://… of them")
    files = (info for info in infos.values() if info["type"] == "file")
    return {protocol + info["name"].removeprefix(root): (fs, info) for info in files}


def _located(text: str) -> tuple[Any, str]:
    try:
        fs, path = fsspec.url_to_fs(text)
    except (ValueError, ImportError) as error:
        raise WrongOption(f"{text}: {error}") from None
    return fs, path.rstrip("/") or path


def _is_seen(below: str) -> bool:
    return not any(part.startswith(HIDDEN) for part in below.split("/"))


def _source(name: str, fs: Any, info: Mapping[str, Any], ranks: Mapping[str, int]) -> Source:
    """Return a source; a file that cannot be read is one input, which fails with the reason."""
    path = info["name"]
    identity = (info["size"], info.get("ETag") or info.get("mtime") or info.get("LastModified"))
    kind = ENDINGS.get(path[path.rfind(".") :].lower(), FILE)
    rows = None
    if kind != FILE:
        try:
            rows = COUNTS[kind](fs, path, ranks)
        except Exception:  # libraries raise what they like on damaged files; reading it again says what is wrong
            rows = None
    return Source(name, kind, 1 if rows is None else rows, identity, rows is None, fs.unstrip_protocol(path))


def _npy_rows(fs: Any, path: str, ranks: Mapping[str, int]) -> int | None:
    """Return the length of the first axis; None where the array is one input, or fits in no way."""
    with fs.open(path, "rb") as file:
        return _rows([header_of(file).shape], list(ranks.values())[:1])


def _npz_rows(fs: Any, path: str, ranks: Mapping[str, int]) -> int | None:
    with fs.open(path, "rb") as file, zipfile.ZipFile(file) as archive:
        shapes = {}
        for member in archive.namelist():
            with archive.open(member) as opened:
                shapes[member.removesuffix(".npy")] = header_of(opened).shape
    if len(ranks) == 1 and len(shapes) == 1:
        return _rows(list(shapes.values()), list(ranks.values()))
    return _rows([shapes[name] for name in ranks], list(ranks.values()))


def _rows(shapes: Sequence[tuple[int, ...]], ranks: Sequence[int]) -> int | None:
    with_rows = all(len(shape) == rank + 1 for shape, rank in zip(shapes, ranks, strict=True))
    return shapes[0][0] if with_rows and len({shape[0] for shape in shapes}) == 1 else None


def _parquet_rows(fs: Any, path: str, _: Mapping[str, int]) -> int:
    from pyarrow import parquet  # noqa: PLC0415 (an extra)

    with fs.open(path, "rb") as file:
        return int(parquet.read_metadata(file).num_rows)


COUNTS: dict[str, Callable[[Any, str, Mapping[str, int]], int | None]] = {
    NPY: _npy_rows, NPZ: _npz_rows, PARQUET: _parquet_rows,
}  # fmt: skip


def header_of(file: Any) -> NpyHeader:
    """Read the header of an .npy from a file, up to HEADER_BYTES of it.

    Raises:
        Unparsable, InvalidTensor: it is none, or has values that are no numbers.
    """
    return read_npy_header(file.read(HEADER_BYTES))

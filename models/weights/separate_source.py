"""Weights files read by a short-lived process; this process sees only its replies."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from models.child import command
from models.errors import Problem, TooLarge, Unparsable
from models.tensors.dtypes import DTYPES, Array, from_bytes
from models.tensors.safetensors import pointer_of
from models.weights.reader_messages import Copied, Listing, OlderFile, ReadJob, Refused, Reply
from models.weights.source import Declared, FileLimits, map_file


class Reader(NamedTuple):
    """A program that reads one format: its module and its name, what it reads, and the bytes that it may allocate in
    addition to the largest tensor.
    """

    module: str
    name: str
    expected: str
    memory: int


class SeparateSource:
    """A file that a reader of its own opens. Values are copied on demand to `scratch`, a folder of the caller's."""

    reader: Reader
    names_are_paths = True

    def __init__(self, path: Path, scratch: Path, limits: FileLimits, pointer: str) -> None:
        self._path, self._scratch, self._limits, self._pointer = path, scratch, limits, pointer
        listing = self._request(Listing, self.reader.memory)
        self.tensors: Mapping[str, Declared] = {
            name: Declared(dtype, shape) for name, (dtype, shape) in listing.tensors.items()
        }
        self.names: Mapping[str, str] = listing.names
        self.saved: OlderFile | None = listing.saved

    def read(self, names: Sequence[str]) -> Iterator[Array]:
        """Return the tensors as views of one file of values."""
        sizes = [prod(self.tensors[name].shape) * DTYPES[self.tensors[name].dtype].itemsize for name in names]
        if not sum(sizes):
            return (self._array(name, memoryview(b"")) for name in names)
        target = self._scratch / "values"
        self._request(Copied, self.reader.memory + 3 * max(sizes), target, names)
        return self._arrays(names, sizes, memoryview(map_file(target, self._pointer)))

    def _arrays(self, names: Sequence[str], sizes: Sequence[int], data: memoryview) -> Iterator[Array]:
        if len(data) != sum(sizes):
            raise self._unparsable("gave other values than the file declares", f"{len(data)} bytes")
        for name, size in zip(names, sizes, strict=True):
            yield self._array(name, data[:size])
            data = data[size:]

    def _array(self, name: str, data: memoryview) -> Array:
        dtype, shape = self.tensors[name]
        return from_bytes(data, dtype, shape, pointer_of(self._pointer, name))

    def _request(self, kind: type[Any], memory: int, target: Path | None = None, names: Sequence[str] = ()) -> Any:
        """Run one process for one reply."""
        job = ReadJob(
            str(self._path), memory, max(1, int(self._limits.seconds)), str(self._scratch / "unpacked"),
            self._limits.max_bytes, str(target) if target else None, tuple(names),
        )  # fmt: skip
        reply = self._decode(self._run(msgspec.json.encode(job)))
        if isinstance(reply, Refused):
            raise self._refusal(reply)
        if not isinstance(reply, kind):
            raise self._unparsable("cannot read this file", "no answer")
        return reply

    def _run(self, job: bytes) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 (no word of the command is the caller's)
                command(self.reader.module), input=job, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                timeout=self._limits.seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise self._unparsable("takes too long over this file", f"over {self._limits.seconds:g} seconds") from None
        if done.returncode:
            raise self._unparsable("fails on this file", "a file that ends the process that reads it")
        return done.stdout

    def _decode(self, data: bytes) -> Reply:
        try:
            reply: Reply = msgspec.json.decode(data, type=Reply)
        except msgspec.DecodeError:
            raise self._unparsable("cannot read this file", "no answer") from None
        return reply

    def _refusal(self, reply: Refused) -> TooLarge | Unparsable:
        kind = TooLarge if reply.too_large else Unparsable
        problem = Problem(self._pointer, reply.message, self.reader.expected, reply.received, reply.suggestion)
        return kind(problems=[problem])

    def _unparsable(self, failure: str, received: str) -> Unparsable:
        message = f"{self.reader.name} {failure}"
        return Unparsable.at(self._pointer, message, expected=self.reader.expected, received=received)

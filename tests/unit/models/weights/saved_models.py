"""Writer of small SavedModels, byte by byte as the formats say: everything in it can be made wrong.

Source: protobuf.dev/programming-guides/encoding; github.com/google/leveldb, doc/table_format.md; tensor_bundle.cc.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

Arrays = dict[str, Any]
TYPES = {"float32": 1, "complex64": 8, "string": 7}
MAGIC = 0xDB4775248B80FB57


def varint(value: int) -> bytes:
    """An integer in groups of seven bits."""
    head = value & 0x7F
    return bytes([head | 0x80]) + varint(value >> 7) if value >> 7 else bytes([head])


def message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Fields of a protocol buffer."""
    made = b""
    for number, value in fields:
        if isinstance(value, int):
            made += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            made += varint(number << 3 | 2) + varint(len(data)) + data
    return made


def masked(data: bytes) -> int:
    """The checksum of data, as files store it."""
    checksum = google_crc32c.value(data)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def word(value: int) -> bytes:
    """An integer of 32 bits."""
    return value.to_bytes(4, "little")


def table(entries: dict[bytes, bytes], method: int = 0) -> bytes:
    """A sorted table of one block."""
    made = b""

    def add(pairs: dict[bytes, bytes]) -> bytes:
        nonlocal made
        body, before = b"", b""
        for key, value in pairs.items():
            shared = next(
                (n for n, (a, b) in enumerate(zip(before, key, strict=False)) if a != b), min(map(len, (before, key)))
            )
            body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
            before = key
        body += word(0) + word(1) + bytes([method])
        start, size = len(made), len(body) - 1
        made += body + word(masked(body))
        return varint(start) + varint(size)

    data = add(dict(sorted(entries.items())))
    last = max(entries)
    meta, index = add({}), add({last: data})
    return made + (meta + index).ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


def dense(name: str) -> dict[str, Any]:
    """A layer's JSON."""
    return {"class_name": "Dense", "config": {"name": name, "units": 2, "batch_input_shape": [None, 2]}, "name": name}


@dataclass
class Model:
    """A Sequential of Dense layers, each with a kernel and a bias; `layers` maps their names to the arrays."""

    layers: dict[str, Arrays]
    shards: int = 1
    slices: bool = False
    endianness: int = 0
    method: int = 0
    """Of compression."""
    graphs: int = 1
    identifier: str = "_tf_keras_sequential"
    config: Any = None
    order: tuple[int, ...] = (0, 1)
    """The variables of a layer in its list, by their numbers; without any there is no list."""
    trained: tuple[int, ...] = ()
    """The numbers of those that are in a list of the trained, too."""
    old: bool = False
    """Whether the JSON is among the objects, as TensorFlow wrote it before 2.5."""
    oldest: bool = False
    """Whether the model has its config as `model_config`."""
    without_metadata: bool = False
    files: dict[str, bytes] = field(default_factory=dict)

    def written(self) -> dict[str, bytes]:
        """The files of the folder."""
        objects, twins = self._objects()
        graph = message((1, 1), *[(2, message((7, b"".join(message((1, node)) for node in objects))))] * self.graphs)
        self.files["saved_model.pb"] = graph
        if not self.old and not self.without_metadata:
            texts = self._texts().items()
            nodes = [(1, message((2, number), (4, "_tf_keras_layer"), (5, text))) for number, text in texts]
            self.files["keras_metadata.pb"] = message(*nodes)
        self._write_bundle(b"".join(message((1, node)) for node in twins))
        return self.files

    def _texts(self) -> dict[int, str]:
        """The JSON of the model and its layers, by the numbers of the objects."""
        config = {"name": "s", "layers": [dense(name) for name in self.layers]} if self.config is None else self.config
        texts: dict[int, dict[str, Any]] = {
            0: {"name": "s", "class_name": "Sequential", "config": config, "keras_version": "2.9.0"}
        }
        if self.oldest:
            texts[0]["model_config"] = {"class_name": "Sequential", "config": texts[0].pop("config")}
        for number, name in enumerate(self.layers):
            texts[1 + 4 * number] = {"name": name, **dense(name)}
        return {number: json.dumps(text) for number, text in texts.items()}

    def _objects(self) -> tuple[list[bytes], list[bytes]]:
        """The objects, and those of the checkpoint: the model, then of each layer it, its list and two variables."""
        names = list(self.layers)
        variables = [number for place in range(len(names)) for number in (3 + 4 * place, 4 + 4 * place)]
        listed = 1 + 4 * len(names)
        root = {f"layer-{place}": 1 + 4 * place for place in range(len(names))} | {"variables": listed}
        nodes: list[tuple[dict[str, int], str, str]] = [(root, self.identifier, "")]
        for place, name in enumerate(names):
            start, (kernel, bias) = 1 + 4 * place, self.layers[name]
            lists = {"variables": start + 1} if self.order else {}
            lists |= {"trainable_variables": listed + 1 + place} if self.trained else {}
            nodes.append(({**lists, kernel: start + 2, bias: start + 3}, "_tf_keras_layer", ""))
            nodes.append(
                ({str(at): start + 2 + one for at, one in enumerate(self.order)}, "trackable_list_wrapper", "")
            )
            nodes += [({}, "", f"{name}/{attribute}") for attribute in (kernel, bias)]
        nodes.append(({str(at): number for at, number in enumerate(variables)}, "trackable_list_wrapper", ""))
        for place in range(len(names)):
            trained = {str(at): 3 + 4 * place + one for at, one in enumerate(self.trained)}
            nodes.append((trained, "trackable_list_wrapper", ""))
        texts = self._texts() if self.old else {}
        return (
            [self._object(*node, texts.get(number, "")) for number, node in enumerate(nodes)],
            [message(*_children(children), *([(2, message((1, "VARIABLE_VALUE"), (3, key)))] if key else []))
             for children, _, key in nodes],
        )  # fmt: skip

    def _object(self, children: dict[str, int], identifier: str, key: str, text: str) -> bytes:
        kind = (7, message((6, key))) if key else (4, message((1, identifier), (3, text)))
        return message(*_children(children), kind)

    def _write_bundle(self, graph: bytes) -> None:
        shards = [b""] * self.shards
        header = message((1, self.shards), (2, self.endianness), (3, message((1, 1))))
        entries = {b"": header}
        named = {f"{name}/{attribute}": array for name, one in self.layers.items() for attribute, array in one.items()}
        for number, (key, array) in enumerate(named.items()):
            shard = number % self.shards
            data = array.tobytes()
            entries[key.encode()] = self._entry(
                array.dtype.name, array.shape, shard, len(shards[shard]), data, masked(data)
            )
            shards[shard] += data
        length = len(graph)
        stored = varint(length) + word(masked(word(length))) + graph
        checksum = masked(word(length) + word(masked(word(length))) + graph)
        entries[b"_CHECKPOINTABLE_OBJECT_GRAPH"] = self._entry("string", (), 0, len(shards[0]), stored, checksum)
        shards[0] += stored
        self.files["variables/variables.index"] = table(entries, self.method)
        for number, data in enumerate(shards):
            self.files[f"variables/variables.data-{number:05}-of-{self.shards:05}"] = data

    def _entry(self, dtype: str, shape: tuple[int, ...], shard: int, start: int, data: bytes, checksum: int) -> bytes:  # noqa: PLR0913, PLR0917
        dimensions = message(*[(2, message((1, length))) for length in shape])
        parts = [(7, b"")] if self.slices and dtype != "string" else []
        fields = message((1, TYPES[dtype]), (2, dimensions), (3, shard), (4, start), (5, len(data)))
        return fields + varint(6 << 3 | 5) + word(checksum) + message(*parts)


def _children(children: dict[str, int]) -> list[tuple[int, bytes]]:
    return [(1, message((1, number), (2, name))) for name, number in children.items()]


def layers(*names: str) -> dict[str, Arrays]:
    """Layers with numbers of their own."""
    chance = np.random.default_rng(0)
    return {name: {"kernel": chance.normal(size=(2, 2)).astype("f4"), "bias": chance.normal(size=2).astype("f4")}
            for name in names}  # fmt: skip


def zipped(files: dict[str, bytes], path: Path, root: str = "") -> Path:
    """A ZIP archive with members for the folders, as zip -r makes it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ([root] if root else []) + [f"{root}variables/", f"{root}assets/"]:
            archive.writestr(name, "")
        for name, data in files.items():
            archive.writestr(root + name, data)
    return path


def tarred(files: dict[str, bytes], path: Path, root: str = "", mode: Any = "w") -> Path:
    """A tar archive, with mode `w:gz` compressed."""
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(root + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path

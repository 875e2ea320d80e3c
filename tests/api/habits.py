"""Requests that people send out of habit, with what their responses must contain: the building blocks."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from PIL import Image

RUN, PLAN = "/v1/activations", "/v1/plan"
PIXELS = np.array([[1, 2], [3, 4]], np.uint8)
FLAT = {"input": [2, 2, 1], "layers": [{"type": "Flatten"}]}
VECTOR = {"input": [2], "layers": [{"type": "Identity"}]}
STATES = {"input": [2, 1], "layers": [{"type": "LSTM", "units": 1, "return_state": True}]}
PAIR = {"input": {"left": [2, 2, 1], "right": [2, 2, 1]}, "layers": [{"type": "Add", "inputs": ["left", "right"]}]}
FOUR = [[1, 2, 3, 4]]
ROWS: Any = [[1.0, 2.0]]


def png(pixels: Any = PIXELS, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format)
    return buffer.getvalue()


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def archive(**members: bytes) -> bytes:
    """Build a ZIP archive; `__` in a name is a `/`, `_dot_` is a dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


def tar(content: bytes) -> bytes:
    """Build a tar archive of one file."""
    buffer, info = io.BytesIO(), tarfile.TarInfo("a")
    info.size = len(content)
    with tarfile.open(fileobj=buffer, mode="w") as file:
        file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def text(value: Any) -> str:
    return json.dumps(value)


PNG, GREY = png(), base64.b64encode(png()).decode()
URL = f"data:image/png;base64,{GREY}"
DENSE = {"input": [2], "layers": [{"type": "Dense", "units": 1, "name": "d"}]}
OLD_LAYER = {"class_name": "Dense", "config": {"name": "d", "units": 1, "batch_input_shape": [None, 2]}}
KERAS_2 = {"class_name": "Sequential", "config": {"name": "s", "layers": [OLD_LAYER]}}
LAMBDA = {"class_name": "Sequential", "config": {"name": "s", "layers": [OLD_LAYER | {"class_name": "Lambda"}]}}
KERAS_3 = {"class_name": "Sequential", "config": {"name": "s", "layers": [
    {"class_name": "InputLayer", "config": {"batch_shape": [None, 2], "dtype": "float32", "name": "x"}},
    {"class_name": "Dense", "config": {"name": "d", "units": 1}}]}}  # fmt: skip
KERAS_FILE = archive(
    metadata_dot_json=b'{"keras_version": "3.15.1"}',
    config_dot_json=text(KERAS_3).replace("units", "unitz").encode(),
    model_dot_weights_dot_h5=b"\x89HDF\r\n\x1a\n",
)
"""A Keras file whose config is rejected before its weights are read."""
OLD_KERAS_FILE = archive(metadata_dot_json=b'{"keras_version": "2.15.0"}',
                         config_dot_json=text(KERAS_2).replace("Dense", "LocallyConnected1D").encode(),
                         model_dot_weights_dot_h5=b"\x89HDF\r\n\x1a\n")  # fmt: skip
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
PYTHON_2 = npy(np.arange(4, dtype=np.float32).reshape(1, 4)).replace(b"(1, 4), }  ", b"(1L, 4L), }")
TENSOR = {"name": "input", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}


@dataclass(frozen=True)
class Case:
    """A request and its expected response: status, patterns that must and must not match, values of the last layer."""

    kind: str
    method: str
    path: str
    status: int
    says: tuple[str, ...] = ()
    not_says: tuple[str, ...] = ()
    last: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)

    def send(self, client: httpx.Client) -> httpx.Response:
        return client.request(self.method, self.path, **self.arguments)

    def faults(self, reply: httpx.Response) -> Iterator[str]:
        """Yield the deviations of a response from this case."""
        said = reply.text.replace('\\"', '"')
        if reply.status_code != self.status:
            yield f"status {reply.status_code}"
        yield from (f"does not say {word}" for word in self.says if not re.search(word, said))
        yield from (f"says {word}" for word in self.not_says if re.search(word, said))
        if self.last is not None and reply.status_code == 200:
            data = reply.json()["layers"][-1]["data"]
            if not np.allclose(data, self.last, rtol=1e-6, atol=1e-6):
                yield f"gives {data}"


def case(kind: str, request: str, status: int, *says: str, last: Any = None, no: Any = (), **arguments: Any) -> Case:
    method, _, path = request.partition(" ")
    return Case(kind, method, path, status, says, no, last, arguments)


def form(**parts: Any) -> dict[str, Any]:
    """Build a multipart form: bytes become files, text becomes fields, a list becomes repeated parts."""
    files: list[Any] = []
    for name, several in parts.items():
        for part in several if isinstance(several, list) else [several]:
            files.append((name, ("a.bin", part) if isinstance(part, bytes) else (None, part)))
    return {"files": files}


def typed(content: bytes, kind: str | None = None) -> dict[str, Any]:
    """Build the arguments of a body with this Content-Type, or without one."""
    return {"content": content, "headers": {"Content-Type": kind} if kind else {}}


def raw_form(body: bytes, kind: str = "multipart/form-data; boundary=b") -> dict[str, Any]:
    return typed(body, kind)


def part(name: str, value: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)

"""NaN, infinities, negative zero and denormals through every input and output format, bit by bit."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

Array = np.ndarray[Any, Any]

FLOATS = ["float16", "bfloat16", "float32", "float64"]
CODES = {"F16": "<f2", "BF16": ml_dtypes.bfloat16, "F32": "<f4", "F64": "<f8", "BOOL": "?",
         **{f"{kind}{bits}": f"<{kind.lower()}{bits // 8}" for kind in "IU" for bits in (8, 16, 32, 64)}}  # fmt: skip
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def dtype_of(name: str) -> Any:
    """Return NumPy's dtype."""
    return np.dtype(getattr(ml_dtypes, name, name))


def values_of(name: str) -> Array:
    """Return NaN, infinities, signed zeros, the smallest denormals, the smallest and the largest normal number."""
    info = ml_dtypes.finfo(dtype_of(name))
    least, greatest = info.smallest_subnormal, info.max
    row = [np.nan, np.inf, -np.inf, 0.0, -0.0, least, -least, info.smallest_normal, greatest]
    return np.array([row], dtype_of(name))


def integers_of(name: str) -> Array:
    """Return integers including the limits of the dtype."""
    info = np.iinfo(name)
    return np.array([[info.min, 0, 1, info.max]], name)


def json_number(value: float) -> Any:
    """Convert a number to its JSON form."""
    if np.isnan(value):
        return "NaN"
    return value if np.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def npy(array: Array) -> bytes:
    """Encode a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(array: Array) -> bytes:
    """Encode a .npz file of one input."""
    buffer = io.BytesIO()
    np.savez(buffer, input=array)
    return buffer.getvalue()


def safetensors(array: Array) -> bytes:
    """Encode a .safetensors file of one input."""
    code = next(code for code, dtype in CODES.items() if np.dtype(dtype) == array.dtype)
    entry = {"dtype": code, "shape": array.shape, "data_offsets": [0, array.nbytes]}
    header = json.dumps({"input": entry}).encode()
    return len(header).to_bytes(8, "little") + header + array.tobytes()


def as_base64(array: Array) -> dict[str, Any]:
    """Encode base64 in JSON."""
    data = base64.b64encode(array.tobytes()).decode()
    return {"shape": array.shape, "dtype": array.dtype.name, "base64": data}


def as_numbers(array: Array) -> Any:
    """Encode nested lists."""
    return [[json_number(float(v)) if "float" in array.dtype.name else v.item() for v in row] for row in array]


WAYS_IN: dict[str, Callable[[Array], tuple[bytes, str]]] = {
    "nested": lambda a: (json.dumps({"inputs": as_numbers(a)}).encode(), "application/json"),
    "base64": lambda a: (json.dumps({"inputs": as_base64(a)}).encode(), "application/json"),
    "npy": lambda a: (npy(a), "application/x-npy"),
    "npz": lambda a: (npz(a), "application/x-npz"),
    "safetensors": lambda a: (safetensors(a), "application/vnd.safetensors"),
}


def of_row(row: dict[str, Any]) -> Array:
    """Decode the array of a layer in JSON."""
    if "base64" in row:
        shape = row.get("view", row)["shape"]
        return np.frombuffer(base64.b64decode(row["base64"]), dtype_of(row["dtype"])).reshape(shape)
    exact = np.array(row["data"], object).astype("f8" if "float" in row["dtype"] else row["dtype"])
    return exact.astype(dtype_of(row["dtype"]))


def of_safetensors(content: bytes) -> Array:
    """Decode the only tensor of a file. (The library has no bfloat16 for NumPy.)"""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    (entry,) = [entry for name, entry in header.items() if name != "__metadata__"]
    return np.frombuffer(content[8 + length :], CODES[entry["dtype"]]).reshape(entry["shape"])


def of_npz(content: bytes) -> Array:
    """Decode the only array of an archive."""
    with np.load(io.BytesIO(content)) as file:
        return file[file.files[0]]


WAYS_OUT: dict[str, tuple[dict[str, str], Callable[[bytes], Array]]] = {
    "nested": ({}, lambda content: of_row(json.loads(content)["layers"][0])),
    "base64": ({"data": "base64"}, lambda content: of_row(json.loads(content)["layers"][0])),
    "jsonl": ({"format": "jsonl"}, lambda content: of_row(json.loads(content.splitlines()[1]))),
    "npz": ({"format": "npz"}, of_npz),
    "npy": ({"format": "npy"}, lambda content: np.load(io.BytesIO(content))),
    "safetensors": ({"format": "safetensors"}, of_safetensors),
}


def model_of(array: Array) -> dict[str, Any]:
    """Build an identity network for such an array."""
    spec = {"shape": array.shape[1:], "dtype": array.dtype.name}
    layer = {"type": "Reshape", "target_shape": array.shape[1:], "name": "same"}
    return {
        "input": {"input": spec},
        "layers": [layer | ({"dtype": array.dtype.name} if array.dtype in FLOATS else {})],
    }


def run_identity(server: Server, array: Array, way_in: str, **options: str) -> Callable[[str], Array]:
    """Run an array through the service; return a function of the output format."""
    name = f"identity-{array.dtype.name}-{array.ndim}"
    server.client.put(f"/v1/models/{name}", json=model_of(array)).raise_for_status()
    content, kind = WAYS_IN[way_in](array)
    selected = {"layers": "same" if array.dtype.name in FLOATS else "input", **options}

    def out(way: str) -> Array:
        asked, read = WAYS_OUT[way]
        headers = {"Content-Type": kind}
        reply = server.post(f"/v1/models/{name}/activations", params=selected | asked, content=content, headers=headers)
        assert reply.status_code == 200, reply.text[:1000]
        return read(reply.content)

    return out


def bits(array: Any, way_out: str) -> tuple[str, tuple[int, ...], bytes]:
    """Return dtype, shape and bits. NumPy's file formats have no bfloat16: there it is widened, which is exact."""
    if array.dtype == ml_dtypes.bfloat16 and way_out in ("npy", "npz"):
        array = array.astype("f4")
    return (array.dtype.name, array.shape, array.tobytes())


@pytest.mark.parametrize("way_in", WAYS_IN)
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "bool"])
def test_every_bit_round_trips(server: Server, dtype: str, way_in: str) -> None:
    """Floats pass through a layer, other dtypes are returned as the input."""
    array = np.array([[True, False]]) if dtype == "bool" else (values_of if dtype in FLOATS else integers_of)(dtype)
    out = run_identity(server, array, way_in)
    assert {way: bits(out(way), "") for way in WAYS_OUT} == {way: bits(array, way) for way in WAYS_OUT}


@pytest.mark.parametrize("way_in", ["npy", "npz"])
@pytest.mark.parametrize("order", [">C", "<F", ">F"])
def test_big_endian_and_fortran_order_are_accepted(server: Server, way_in: str, order: str) -> None:
    """They are the same tensors in native order."""
    array = np.arange(24, dtype="f4").reshape(2, 3, 4) * np.float32(-1.1)
    out = run_identity(server, array.astype(f"{order[0]}f4", order=order[1]), way_in)
    assert {way: bits(out(way), "") for way in WAYS_OUT} == {way: bits(array, way) for way in WAYS_OUT}


def test_a_scalar_in_every_format(server: Server) -> None:
    """A tensor without axes."""
    array = np.arange(6, dtype="f4").reshape(2, 3) + np.float32(0.1)
    out = run_identity(server, array, "npy", slice="1, 2")
    assert {way: bits(out(way), "") for way in WAYS_OUT} == {way: bits(array[1, 2], way) for way in WAYS_OUT}


def test_npy_requires_one_tensor(server: Server) -> None:
    """Otherwise a 406 with a suggested selection, or with the tensors if they are known only after the run."""
    array = values_of("float32")
    body = {"model": model_of(array), "inputs": as_numbers(array), "format": "npy"}
    offered = {"message": "a .npy file holds one tensor"}
    for options, problem in (
        ({"layers": ["input", "same"]}, {"pointer": "/layers", "expected": "one layer", "received": "2 layers",
                                         "suggestion": 'write "layers": ["same"], or ask for npz'}),
        ({"weights": True}, {"pointer": "/weights", "expected": "false", "received": "true",
                             "suggestion": "leave them out, or ask for npz"}),
        ({"top": 2}, {"pointer": "", "expected": "a reply of one tensor", "suggestion": "ask for npz",
                      "received": "2 tensors: same:values, same:indices"}),
    ):  # fmt: skip
        reply = server.post("/v1/activations", json=body | options)
        assert (reply.status_code, reply.json()["code"]) == (406, "not_acceptable")
        assert reply.json()["errors"] == [offered | problem]

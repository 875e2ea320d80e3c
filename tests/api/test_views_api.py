"""Views over HTTP: 200 random ones compared with NumPy, their description, their savings, and errors."""

from __future__ import annotations

import base64
import io
import json
from math import prod
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

Array = np.ndarray[Any, Any]
SHAPES = {"c": (6,), "tc": (5, 4), "hwc": (6, 5, 4), "dhwc": (3, 4, 5, 2)}
DTYPES = ("float32", "float16", "bfloat16", "float64", "int32")
BATCH = 3
AXES = {2: "nc", 3: "ntc", 4: "nhwc", 5: "ndhwc"}
CNN: dict[str, Any] = {
    "input": [8, 8, 1],
    "layers": [{"type": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu"},
               {"type": "Flatten"}, {"type": "Dense", "units": 5}],
}  # fmt: skip
PICTURE = np.random.default_rng(5).normal(size=(2, 8, 8, 1)).astype(np.float32)


def dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype of this name, bfloat16 included."""
    return np.dtype(getattr(ml_dtypes, name, name))


@pytest.fixture(scope="module")
def tensors() -> dict[str, Array]:
    """A tensor of each rank from 2 to 5 in each dtype, by the address of its input layer."""
    draw = np.random.default_rng(11)
    return {
        f"{axes}_{name}": (draw.normal(size=(BATCH, *shape)) * 3).round(1).astype(dtype(name))
        for axes, shape in SHAPES.items()
        for name in DTYPES
    }


@pytest.fixture(scope="module")
def sent(server: Server, tensors: dict[str, Array]) -> dict[str, Any]:
    """Register a network with these tensors as inputs; return a body that sends them."""
    inputs = {name: {"shape": array.shape[1:], "dtype": array.dtype.name} for name, array in tensors.items()}
    document = {"input": inputs, "layers": [{"type": "Flatten", "inputs": ["hwc_float32"]}]}
    reply = server.client.put("/v1/models/tensors", json=document)
    assert reply.status_code in (200, 201), reply.text
    return {"inputs": {name: encode(array) for name, array in tensors.items()}}


def encode(array: Array) -> dict[str, Any]:
    """Encode an array in JSON."""
    data = base64.b64encode(array.tobytes()).decode()
    return {"shape": list(array.shape), "dtype": array.dtype.name, "base64": data}


def random_view(draw: np.random.Generator, array: Array) -> dict[str, Any]:
    """Draw options that fit an array."""
    axes, shape = list(AXES[array.ndim]), list(array.shape)
    options: dict[str, Any] = {}
    if draw.random() < 0.5:
        parts = [draw.choice([":", "::-1", "1:", ":-1", "0", "-1", "::2", f"{n - 1}:0:-1"]) for n in shape]
        options["slice"] = ", ".join(parts[: draw.integers(1, len(parts) + 1)])
        kept = array[index(options["slice"])]
        axes = [axis for axis, part in zip(axes, [*parts, *[":"] * 5], strict=False)
                if options["slice"].count(",") < axes.index(axis) or ":" in part]  # fmt: skip
        shape = list(kept.shape)
    if draw.random() < 0.5 and axes:
        function = draw.choice(["mean", "max", "min", "sum", "std", "l2", "argmax"])
        over = list(draw.permutation(axes))[: 1 if function == "argmax" else draw.integers(1, len(axes) + 1)]
        options["reduce"] = f"{function}@{','.join(over)}"
        shape = [length for length, axis in zip(shape, axes, strict=True) if axis not in over]
    kind = draw.random()
    if kind < 0.25 and shape:
        options["top"] = int(draw.integers(1, shape[-1] + 1))
    elif kind < 0.5:
        options["histogram"] = str(draw.choice(["4", "16,-2,2", "7,0.5,1.5"]))
        return options
    if draw.random() < 0.5 or not options:
        options["dtype"] = str(draw.choice(["float16", "bfloat16", "float32", "float64", "uint8"]))
    return options


def index(text: str) -> Any:
    """Evaluate a slice with NumPy."""
    return eval(f"np.s_[{text}]", {"np": np})  # noqa: S307 (this file's own text)


def expected(array: Array, options: dict[str, Any]) -> dict[str, Array]:
    """Compute the view with NumPy in double precision, by the names of binary members."""
    axes, exact = AXES[array.ndim], array.astype(np.float64)
    if "slice" in options:
        parts = options["slice"].split(",")
        axes = "".join(axis for n, axis in enumerate(axes) if n >= len(parts) or ":" in parts[n])
        exact = exact[index(options["slice"])]
    if "reduce" in options:
        function, _, names = options["reduce"].partition("@")
        over = tuple(axes.index(name) for name in names.split(","))
        exact = reduce_exact(exact, function, over)
        halved = array.dtype.name in ("float16", "bfloat16", "float32") and function in ("mean", "sum", "std", "l2")
        exact = exact.astype(np.float32).astype(np.float64) if halved else exact
    if "histogram" in options:
        bins, *ends = (float(word) for word in options["histogram"].split(","))
        counts, edges = np.histogram(exact, int(bins), tuple(ends) or None)  # type: ignore[arg-type]
        outside = [(exact < edges[0]).sum(), (exact > edges[-1]).sum(), 0]
        return {":counts": counts, ":edges": edges, ":outside": np.array(outside)}
    if "top" not in options:
        return {"": exact}
    order = np.argsort(-exact, axis=-1, kind="stable")[..., : options["top"]]
    return {":values": np.take_along_axis(exact, order, -1), ":indices": order}


def reduce_exact(exact: Array, function: str, over: tuple[int, ...]) -> Array:
    """Compute one reduction in double precision."""
    if function == "l2":
        return np.sqrt(np.asarray((exact**2).sum(over)))
    if function == "argmax":
        return exact.argmax(over[0]).astype(np.float64)
    return np.asarray(getattr(np, function)(exact, axis=over))


def members(content: bytes, format: str, address: str) -> dict[str, Array]:
    """Parse the members of a reply of one layer, by suffix."""
    if format == "npz":
        with np.load(io.BytesIO(content)) as archive:
            return {name.removeprefix(address): archive[name] for name in archive.files}
    if format == "safetensors":
        size = int.from_bytes(content[:8], "little")
        rows = {name: row for name, row in json.loads(content[8 : 8 + size]).items() if name != "__metadata__"}
        codes = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "U8": "uint8",
                 "I32": "int32", "I64": "int64"}  # fmt: skip
        found = {}
        for name, row in rows.items():
            start, end = (8 + size + offset for offset in row["data_offsets"])
            array = np.frombuffer(content[start:end], dtype(codes[row["dtype"]])).reshape(row["shape"])
            found[name.removeprefix(address)] = array
        return found
    return from_json(json.loads(content)["layers"][0])


def from_json(row: dict[str, Any]) -> dict[str, Array]:
    """Parse the same from JSON."""
    view = row["view"]
    if "histogram" in row:
        found = row["histogram"]
        outside = np.array([found["below"], found["above"], found["nan"]])
        return {":counts": np.array(found["counts"]), ":edges": np.array(found["edges"]), ":outside": outside}
    scalars = {f":{name}": np.float64(view[name]) for name in ("scale", "offset") if name in view}
    if "top" in row:
        return {":values": np.array(row["top"]["values"]), ":indices": np.array(row["top"]["indices"]), **scalars}
    if "base64" in row:
        values = np.frombuffer(base64.b64decode(row["base64"]), dtype(view["dtype"])).reshape(view["shape"])
    else:
        values = np.array(row["data"])
    return {"": values, **scalars}


def compare(found: dict[str, Array], wanted: dict[str, Array], target: str | None) -> None:
    """Compare exactly except for documented rounding: reductions to float32's, uint8 to half a scale."""
    scale = float(found.pop(":scale", np.float64(0)))
    offset = float(found.pop(":offset", np.float64(0)))
    assert set(found) == set(wanted)
    for suffix, exact in wanted.items():
        values = found[suffix].astype(np.float64)
        if target == "uint8" and suffix in ("", ":values"):
            np.testing.assert_allclose(offset + scale * values, exact, rtol=0, atol=scale / 2 + 1e-6)
        elif target is not None and suffix in ("", ":values"):
            np.testing.assert_allclose(values, exact.astype(dtype(target)).astype(np.float64), rtol=1e-2, atol=1e-6)
        else:
            np.testing.assert_allclose(values, exact, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("batch", range(8))
def test_random_views_match_numpy(server: Server, sent: Any, tensors: dict[str, Array], batch: int) -> None:
    """25 combinations of format, view, dtype and rank; sizes and shapes equal the announced ones."""
    draw = np.random.default_rng(batch)
    names = sorted(tensors)
    for _ in range(25):
        address = str(draw.choice(names))
        options = random_view(draw, tensors[address])
        format = str(draw.choice(["json", "base64", "npz", "safetensors"]))
        data = {"format": "json", "data": "base64"} if format == "base64" else {"format": format}
        body = {**sent, "layers": [address], **options, **data}
        reply = server.post("/v1/models/tensors/activations", json=body)
        assert reply.status_code == 200, (address, options, reply.text)
        found = members(reply.content, format, address)
        try:
            compare(found, expected(tensors[address], options), options.get("dtype"))
        except AssertionError as error:
            raise AssertionError((address, options, format)) from error


def test_the_view_is_described_in_the_reply(server: Server) -> None:
    """The layer's shape, dtype and statistics remain those of the whole layer."""
    whole = {row["address"]: row for row in server.run(CNN, encode(PICTURE))["layers"]}
    views = {"slice": {"dense": "0"}, "reduce": {"conv2d": "mean@h,w"}, "top": {"dense": 2},
             "dtype": {"conv2d": "float16"}, "histogram": {"flatten": "8,0,1"}}  # fmt: skip
    rows = {row["address"]: row for row in server.run(CNN, encode(PICTURE), **views)["layers"]}
    for address, row in rows.items():
        for key in ("shape", "dtype", "stats", "parameters", "type"):
            assert row[key] == whole[address][key]
    assert rows["conv2d"]["view"] == {
        "reduce": "mean@h,w", "shape": [2, 4], "axes": "n,c", "dtype": "float16", "bytes": 16, "overflow": 0
    }  # fmt: skip
    assert rows["dense"]["view"] == {"slice": "0", "top": 2, "shape": [2], "axes": "c", "dtype": "float32", "bytes": 24}
    assert rows["flatten"]["view"] == {
        "histogram": "8,0.0,1.0", "shape": [8], "axes": "?", "dtype": "int64", "bytes": 8 * 8 + 9 * 8 + 24
    }  # fmt: skip
    dense = np.array(whole["dense"]["data"])[0]
    order = np.argsort(-dense)[:2]
    assert rows["dense"]["top"] == {"indices": order.tolist(), "values": dense[order].tolist()}
    histogram = rows["flatten"]["histogram"]
    counts, edges = np.histogram(whole["flatten"]["data"], 8, (0, 1))
    above = int((np.array(whole["flatten"]["data"]) > 1).sum())
    assert histogram == {"counts": counts.tolist(), "edges": edges.tolist(), "below": 0, "above": above, "nan": 0}
    assert "data" not in rows["dense"]


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_sums_of_integers_are_exact_or_rejected(server: Server, dtype: str) -> None:
    """NumPy's would wrap around. The plan announces the dtype of the result."""
    half = int(np.iinfo(dtype).max) // 2
    model = {"input": {"n": {"shape": [2], "dtype": dtype}}, "layers": [{"type": "Flatten"}]}
    asked = {"model": model, "layers": ["n"], "reduce": {"n": "sum@c"}}
    planned = server.post("/v1/plan", json=asked).json()["layers"][0]["view"]
    for numbers, status in (([half, half + 1], 200), ([half + 1, half + 1], 422)):
        reply = server.post("/v1/activations", json={**asked, "inputs": {"n": encode(np.array([numbers], dtype))}})
        assert reply.status_code == status, reply.text
        if status == 200:
            row = reply.json()["layers"][0]
            assert (row["data"], row["view"]["dtype"], planned["dtype"]) == ([sum(numbers)], dtype, dtype)
        else:
            assert reply.json()["errors"] == [{
                "pointer": "/reduce/n", "message": "n: a sum of integers does not fit 64 bits",
                "expected": "sums of 64 bits", "received": '"sum@c"', "suggestion": 'write "mean@c"',
            }]  # fmt: skip


def test_safetensors_metadata_describes_the_view(server: Server) -> None:
    """As in JSON; scale and offset are also members."""
    body = {"model": CNN, "inputs": encode(PICTURE), "layers": ["dense"], "dtype": "uint8", "format": "safetensors"}
    content = server.post("/v1/activations", json=body).content
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["layerscope"])
    found = members(content, "safetensors", "dense")
    view = metadata["layers"][0]["view"]
    assert (view["dtype"], view["bytes"]) == ("uint8", 10 + 16)
    assert (view["scale"], view["offset"]) == (float(found[":scale"]), float(found[":offset"]))


def test_options_are_equal_in_query_form_and_json(server: Server) -> None:
    """Objects are JSON text outside JSON."""
    wanted = {row["address"]: row for row in server.run(
        CNN, encode(PICTURE), reduce={"conv2d": "max@h,w"}, top={"dense": 2}, slice="0")["layers"]}  # fmt: skip
    options = {"reduce": '{"conv2d": "max@h,w"}', "top": '{"dense": 2}', "slice": "0"}
    npy = io.BytesIO()
    np.save(npy, PICTURE)
    files = {"tensor": ("x.npy", npy.getvalue()), "model": (None, json.dumps(CNN))}
    body = {"model": CNN, "inputs": encode(PICTURE)}
    for reply in (
        server.post("/v1/activations", params=options, json=body),
        server.post("/v1/activations", data=options, files=files),
    ):
        # max@h,w after slice 0 leaves only c
        assert reply.status_code == 200, reply.text
        for row in reply.json()["layers"]:
            assert {key: row.get(key) for key in ("view", "data", "top")} == {
                key: wanted[row["address"]].get(key) for key in ("view", "data", "top")
            }


def test_without_data_a_view_is_only_described(server: Server) -> None:
    """It is not computed."""
    (row,) = server.run(CNN, encode(PICTURE), layers=["dense"], top=2, data="none")["layers"]
    assert row["view"] == {"top": 2, "shape": [2, 2], "axes": "n,c", "dtype": "float32", "bytes": 48}
    assert not {"top", "data"} & set(row)


def test_plans_include_the_size_of_views(server: Server) -> None:
    """In addition to that of the layer; the batch may be unknown."""
    options: dict[str, Any] = {"layers": ["conv2d", "dense"], "reduce": {"conv2d": "mean@h,w"}, "top": {"dense": 3}}
    plan = server.plan(CNN, batch=64, **options)
    conv, dense = plan["layers"]
    assert (conv["shape"], conv["bytes"]) == ([64, 6, 6, 4], 64 * 6 * 6 * 4 * 4)
    assert conv["view"] == {
        "reduce": "mean@h,w",
        "shape": [64, 4],
        "axes": "n,c",
        "dtype": "float32",
        "bytes": 64 * 4 * 4,
    }
    assert dense["view"] == {"top": 3, "shape": [64, 3], "axes": "n,c", "dtype": "float32", "bytes": 64 * 3 * (4 + 8)}
    assert plan["reply_bytes"] == 64 * 4 * 4 + 64 * 3 * 12
    free = server.plan(CNN, batch=None, **options)["layers"][0]["view"]
    assert (free["shape"], free["bytes"]) == ([None, 4], None)


def test_limits_apply_after_the_view(tmp_path: Any, start_server: Any) -> None:
    """An oversized layer fits as a view; errors contain the view's size."""
    with start_server(tmp_path, MAX_ACTIVATION_BYTES="600") as server:
        body = {"model": CNN, "inputs": encode(PICTURE), "layers": ["conv2d"]}
        whole = server.post("/v1/activations", json=body)
        assert whole.status_code == 413
        assert whole.json()["errors"][0]["received"] == f"{prod((2, 6, 6, 4)) * 4:,} bytes"
        half = server.post("/v1/activations", json={**body, "dtype": "float16", "slice": "0"})
        assert half.status_code == 200, half.text
        both = server.post("/v1/activations", json={**body, "dtype": "float64", "slice": "0"})
        assert both.json()["errors"][0]["received"] == f"{prod((6, 6, 4)) * 8:,} bytes"


@pytest.mark.parametrize(
    ("options", "pointer", "code"),
    [
        ({"slice": "0,30"}, "/slice", "invalid_option"),
        ({"slice": {"conv2d": "0,30"}}, "/slice/conv2d", "invalid_option"),
        ({"reduce": "mean"}, "/reduce", "invalid_option"),
        ({"reduce": "mean@h,w"}, "/reduce", "invalid_option"),
        ({"top": 6}, "/top", "invalid_option"),
        ({"top": [1]}, "/top", "invalid_option"),
        ({"top": {"conv9": 1}}, "/top/conv9", "unknown_address"),
        ({"histogram": 8, "top": 1}, "/histogram", "invalid_option"),
        ({"histogram": "8,1,0"}, "/histogram", "invalid_option"),
        ({"dtype": "int4"}, "/dtype", "invalid_option"),
        ({"reduces": "mean@c"}, "/reduces", "invalid_option"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/activations", "/v1/plan"])
def test_invalid_views_are_rejected(
    server: Server, path: str, options: dict[str, Any], pointer: str, code: str
) -> None:
    """By runs and plans, before anything is computed."""
    inputs = {"inputs": encode(PICTURE)} if path.endswith("activations") else {}
    reply = server.post(path, json={"model": CNN, **inputs, **options})
    assert (reply.status_code, reply.json()["code"]) == (422, code), reply.text
    assert reply.json()["errors"][0]["pointer"] == pointer


def test_nan_cannot_be_quantized(server: Server) -> None:
    """It is detected after the run, and is still a 422."""
    line = {"input": [3], "layers": [{"type": "Activation", "activation": "linear"}]}
    body = {"model": line, "inputs": encode(np.array([[1, np.nan, 3]], np.float32)), "dtype": "uint8"}
    reply = server.post("/v1/activations", json=body)
    assert (reply.status_code, reply.json()["errors"][0]["received"]) == (422, "1 that are not")

"""Large JSON in chunks equals JSON in one piece, for all shapes, dtypes and values."""

from __future__ import annotations

import json
from typing import Any

import ml_dtypes
import numpy as np
import orjson
import pytest

from models.ipc.messages import LayerInfo, TensorInfo
from service.wire import json_values
from service.wire.json import EntryParts, LayerEntry, activations_json
from service.wire.json_values import DataMode
from service.wire.layer_streams import JsonLines, JsonStream, base64_length

HEAD = {"model": {"id": "sha256:0"}, "inputs": {"input": {"stats": {"min": 0.25}}}, "timing": {"run_ms": 0.5}}
SHAPES = [(), (1,), (7,), (0, 3), (1, 1, 40), (40, 1, 1), (3, 5, 7), (2, 1, 3, 2, 4), (9, 0), (30, 2)]
DTYPES = ["float32", "float64", "float16", "bfloat16", "int8", "uint64", "bool"]


def array_of(shape: tuple[int, ...], dtype: str) -> Any:
    """Draw values of a dtype, special ones included."""
    chance = np.random.default_rng(len(shape))
    array = chance.normal(size=shape).astype(np.float32) * 3
    if "float" in dtype and array.size > 4:
        array.reshape(-1)[[0, 2, -2, -1]] = np.nan, np.inf, -np.inf, -0.0
    return array.astype(getattr(ml_dtypes, dtype, dtype)) if "float" in dtype else np.abs(array).astype(dtype)


def layers_of(dtype: str) -> list[LayerEntry]:
    """Build a layer with a weight for each shape."""
    entries = []
    for number, shape in enumerate(SHAPES):
        array, kernel = array_of(shape, dtype), array_of((2, 9), dtype)
        output = TensorInfo(f"l{number}", dtype, shape, array.nbytes)
        weight = TensorInfo(f"weights/l{number}/kernel", dtype, (2, 9), kernel.nbytes)
        info = LayerInfo(output.name, "Dense", output, 3, {"min": float("inf")}, (weight,))
        entries.append(LayerEntry(info, array, [kernel]))
    return entries


@pytest.fixture
def tiny_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything large and pieces small."""
    monkeypatch.setattr(json_values, "LARGE_BYTES", 8)
    monkeypatch.setattr(json_values, "PIECE_VALUES", 4)
    monkeypatch.setattr(json_values, "PIECE_BYTES", 6)


@pytest.mark.parametrize("mode", ["nested", "base64", "none"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_chunks_equal_the_whole(dtype: str, mode: DataMode, request: pytest.FixtureRequest) -> None:
    """Byte for byte, and with the precomputed length."""
    entries = layers_of(dtype)
    whole = activations_json(HEAD, entries, mode)
    request.getfixturevalue("tiny_pieces")
    tensors = [info for entry in entries for info in (entry.info.output, *entry.info.weights) if info is not None]
    length = base64_length([entry.info for entry in entries], tensors, EntryParts(weights=True))
    stream = JsonStream(HEAD, mode, length)
    layers = [piece for number, entry in enumerate(entries) for piece in stream.layer(number, entry)]
    assert b"".join([stream.head(), *layers, stream.tail()]) == whole
    assert mode != "base64" or stream.length == len(whole)
    assert mode == "none" or len(layers) > 10 * len(entries)


def test_weights_have_no_timing(tiny_pieces: None) -> None:
    """The head may lack the members that follow the layers."""
    entries, head = layers_of("float32"), {"model": {"id": "a"}}
    stream = JsonStream(head, "none")
    layers = [piece for number, entry in enumerate(entries) for piece in stream.layer(number, entry)]
    assert b"".join([stream.head(), *layers, stream.tail()]) == activations_json(head, entries, "none")


def test_chunks_are_bounded() -> None:
    """For any size and first axis of the tensor."""
    array = np.full((1, 2, 300_000), -1.2345678e-20, np.float32)
    info = LayerInfo("a", "Dense", TensorInfo("a", "float32", array.shape, array.nbytes), 0)
    for mode, most in (("nested", 2_000_000), ("base64", 2_000_000)):
        pieces = list(JsonStream(HEAD, mode).layer(0, LayerEntry(info, array)))  # type: ignore[arg-type]
        assert max(map(len, pieces)) < most
        assert sum(map(len, pieces)) > most


def test_lines_equal_the_layers_of_json(request: pytest.FixtureRequest) -> None:
    """The head first, with its timing; then each entry of `layers`; every line ends with a line feed."""
    entries = layers_of("float32")
    lines, whole = JsonLines(HEAD, "nested"), json.loads(activations_json(HEAD, entries, "nested"))
    request.getfixturevalue("tiny_pieces")
    written = b"".join([lines.head(), *(p for n, e in enumerate(entries) for p in lines.layer(n, e)), lines.tail()])
    head, *layers = [orjson.loads(line) for line in written.splitlines()]
    assert written.endswith(b"\n")
    assert layers == whole.pop("layers")
    assert head == whole
    assert lines.length is None


def test_the_length_is_unknown_for_text_views() -> None:
    """Top values and histograms are text for every value of `data`."""
    output = TensorInfo("a", "float32", (1, 9), 36)
    members = [TensorInfo("a:indices", "int64", (1, 2), 16), TensorInfo("a:values", "float32", (1, 2), 8)]
    assert (
        base64_length([LayerInfo("a", "Dense", output, 0, view={"top": 2})], members, EntryParts(weights=False)) is None
    )

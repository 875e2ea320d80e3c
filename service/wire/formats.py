"""The reply formats, one row each; everything else about them is derived from the rows."""

from __future__ import annotations

from service.wire.format import Coding, Format, Kind
from service.wire.npy import NpyStream
from service.wire.npz import NpzStream
from service.wire.safetensors import SafetensorsStream

TEXT = {"type": "string"}
LINES = (
    "The reply without `layers`, then each of them, a line each, sent when it is ready. Where it breaks off, the last "
    'line is `{"error": …}` with a problem document.'
)

JSON = Format("json", "application/json", kind=Kind.JSON, coding=Coding.ANY, has_timings=True)
NPZ = Format(
    "npz", "application/x-npz", ("application/npz",), coding=Coding.ZSTD, encoder=lambda tensors, _: NpzStream(tensors)
)
SAFETENSORS = Format(
    "safetensors", "application/vnd.safetensors", ("application/x-safetensors",),
    coding=Coding.ZSTD, has_timings=True, encoder=SafetensorsStream,
)  # fmt: skip
NPY = Format(
    "npy", "application/x-npy", ("application/npy",), coding=Coding.ZSTD, encoder=lambda tensors, _: NpyStream(tensors)
)
JSONL = Format(
    "jsonl", "application/jsonl", ("ndjson", "application/x-ndjson", "application/jsonlines"),
    kind=Kind.JSON, coding=Coding.ANY, has_timings=True, is_line_by_line=True, schema={**TEXT, "description": LINES},
)  # fmt: skip
PNG = Format("png", "image/png", kind=Kind.PICTURE)
SVG = Format("svg", "image/svg+xml", kind=Kind.PICTURE, coding=Coding.ANY, has_weights=False, schema=TEXT)

TENSOR_TYPES = tuple(format.media_type for format in (NPY, NPZ, SAFETENSORS))
"""Media types of files of tensors."""
ACTIVATION_FORMATS = (JSON, NPZ, SAFETENSORS, NPY, JSONL, PNG, SVG)
"""Formats of activations, the default first."""
WEIGHT_FORMATS = tuple(format for format in ACTIVATION_FORMATS if format.has_weights)
"""Formats of weights, the default first."""

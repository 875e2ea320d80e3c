"""Each layer type on inputs that matter: the memory that running it took against its plan (≤ 1.5 × + 64 MiB)."""

from __future__ import annotations

import argparse
import ctypes
import gc
import mmap
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models.engine.build import BuiltModel, build
from models.engine.tensorflow_setup import prepare
from models.engine.working_memory import working_bytes
from models.errors import LayerscopeError
from models.layers import LAYERS
from models.layers.layer import Layer
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.tensors.dtypes import DTYPES

MEBIBYTE = 1 << 20
FACTOR, EXTRA = 1.5, 64 * MEBIBYTE
"""What a run may take: so many times its plan, and this much."""
TARGET = 128 * MEBIBYTE
"""Bytes that each case is planned to take: its batch is chosen so."""
LIMIT = 1 << 40
LARGE: tuple[tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]], ...] = (
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "depth_multiplier": 40}, ((256, 256, 4),)),
    ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "depth_multiplier": 60}, ((40_000, 8),)),
    ("Attention", {}, ((1500, 8), (1500, 8))),
    ("AdditiveAttention", {}, ((300, 64), (300, 64))),
    ("MultiHeadAttention", {"num_heads": 8, "key_dim": 8}, ((800, 16), (800, 16))),
    ("GroupQueryAttention", {"num_query_heads": 8, "num_key_value_heads": 2, "head_dim": 8}, ((800, 16), (800, 16))),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": [None, 64, 64]}, ((2000, 16),)),
    ("LSTM", {"units": 64, "return_sequences": True}, ((200, 512),)),
    ("LSTM", {"units": 512, "return_sequences": True}, ((200, 32),)),
    ("GRU", {"units": 256}, ((200, 256),)),
    ("Bidirectional", {"layer": {"type": "GRU", "units": 128, "return_sequences": True}}, ((200, 256),)),
    ("ConvLSTM2D", {"filters": 16, "kernel_size": 3}, ((4, 128, 128, 8),)),
    ("TimeDistributed", {"layer": {"type": "Conv2D", "filters": 16, "kernel_size": 3}}, ((8, 128, 128, 4),)),
    ("Conv2D", {"filters": 8, "kernel_size": 3, "padding": "same", "dilation_rate": 300}, ((400, 400, 8),)),
    ("Conv3D", {"filters": 4, "kernel_size": 2, "padding": "same", "dilation_rate": 60}, ((70, 70, 70, 2),)),
    ("Conv2D", {"filters": 64, "kernel_size": 11, "padding": "same"}, ((300, 300, 32),)),
    ("Conv2D", {"filters": 64, "kernel_size": 5, "groups": 8, "padding": "same"}, ((300, 300, 64),)),
    ("Conv2DTranspose", {"filters": 16, "kernel_size": 9, "strides": 2}, ((200, 200, 32),)),
    ("Conv2DTranspose", {"filters": 1, "kernel_size": 9}, ((200, 200, 128),)),
    ("Conv3DTranspose", {"filters": 8, "kernel_size": 3, "strides": 2}, ((32, 32, 32, 16),)),
    ("Resizing", {"height": 1500, "width": 1500, "interpolation": "bicubic"}, ((100, 100, 4),)),
    ("UpSampling2D", {"size": 16, "interpolation": "bilinear"}, ((60, 60, 8),)),
    ("STFTSpectrogram", {"frame_length": 256, "frame_step": 64}, ((300_000, 1),)),
    ("MelSpectrogram", {"fft_length": 2048, "sequence_stride": 64, "num_mel_bins": 32}, ((300_000,),)),
    ("AdaptiveMaxPooling2D", {"output_size": 300}, ((1000, 1000, 8),)),
    ("Dot", {"axes": [2, 2], "normalize": True}, ((2000, 32), (2000, 32))),
    ("CategoryEncoding", {"num_tokens": 20_000}, ((200,),)),
)  # fmt: skip
"""Types whose examples are too small for what they have inside to show: arguments and shapes, one row each."""


class Case(NamedTuple):
    """A layer on inputs of these shapes, without the batch."""

    cls: type[Layer]
    arguments: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    training: bool = False


class Measured(NamedTuple):
    """Bytes: as planned, and as taken by the first run and by a compiled one."""

    planned: int
    direct: int
    compiled: int

    @property
    def fits(self) -> bool:
        """Whether neither took more than it may."""
        return max(self.direct, self.compiled) <= FACTOR * self.planned + EXTRA


def measured(case: Case) -> Measured:
    """Run a layer twice."""
    names = [f"x{number}" for number in range(len(case.shapes))]
    declared = {
        name: {"shape": list(shape), "dtype": case.cls.example.dtype}
        for name, shape in zip(names, case.shapes, strict=True)
    }
    layer = {"type": case.cls.type_name(), **case.arguments, "inputs": names}
    model = build(expand(parse_document({"input": declared, "layers": [layer]})), LIMIT)
    batch = _batch(model, case.training)
    symbolic = model.concrete({name: (batch, *shape) for name, shape in zip(names, case.shapes, strict=True)})
    planned = working_bytes(symbolic, symbolic.network.nodes, case.training)
    inputs = [values((batch, *shape), case.cls.example.dtype) for shape in case.shapes]
    peaks = []
    outputs = [output for node in symbolic.network.nodes for output in node.outputs]
    selection = model.compiled_selection(outputs, case.training, False)
    for first in (True, False):
        if not first:
            selection.run([array[:1] for array in inputs])  # compiled now
        peaks.append(_peak(lambda: selection.run(inputs)))
    return Measured(planned, *peaks)


def _batch(model: BuiltModel, training: bool) -> int:
    one = model.symbolic.on_batch(1)
    return max(1, TARGET // working_bytes(one, one.network.nodes, training))


def values(shape: Sequence[int], dtype: str) -> np.ndarray[Any, Any]:
    """Return numbers between 0 and 1, or zeros and ones, where an engine has its inputs: at the beginning of a page."""
    pages = mmap.mmap(-1, max(1, prod(shape) * DTYPES[dtype].itemsize))
    array = np.frombuffer(pages, DTYPES[dtype])[: prod(shape)].reshape(shape)
    array[...] = 0.5 if dtype.startswith("float") else 1
    array[:1] = 0
    return array


def _peak(run: Any) -> int:
    """Return the most that a computation takes beyond what is there before it."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    results = run()
    peak = _status("VmHWM") - before
    del results
    return max(0, peak)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


def cases() -> Iterator[Case]:
    """Yield the example of every type, and larger ones; those that act in training, in training too."""
    by_name = {cls.type_name(): cls for cls in LAYERS}
    for name, arguments, shapes in LARGE:
        yield Case(by_name[name], arguments, shapes)
    for cls in LAYERS:
        if cls.standalone:
            yield Case(cls, cls.example.arguments, cls.example.shapes)
            if cls.training_only and cls.reproducible:
                yield Case(
                    cls,
                    cls.example.arguments,
                    tuple((64, 64, 3) if len(shape) == 3 else shape for shape in cls.example.shapes),
                    training=True,
                )


def main() -> None:
    """Print a line for each case, those that took too much marked; exit with 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="types whose name has this in it")
    parser.add_argument("--from", dest="start", type=int, default=0, help="cases to leave out at the beginning")
    options = parser.parse_args()
    prepare()
    failed = 0
    for number, case in enumerate(cases()):
        if options.only not in case.cls.type_name() or number < options.start:
            continue
        what = f"{number:3} {case.cls.type_name():24} {'training' if case.training else '':8} {case.arguments}"[:100]
        try:
            found = measured(case)
        except LayerscopeError as error:
            print(f"{what:100} refused: {error.detail[:100]}", flush=True)
            continue
        failed += not found.fits
        figures = " ".join(f"{nbytes / MEBIBYTE:8.1f}" for nbytes in found)
        share = max(found.direct, found.compiled) / max(found.planned, 1)
        print(f"{what:100} {figures} {share:6.2f}{'' if found.fits else ' TOO MUCH'}", flush=True)
    raise SystemExit(failed > 0)


if __name__ == "__main__":
    main()

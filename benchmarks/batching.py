"""What running requests as one batch would bring an engine, and what it would do to the bits: a program of its own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.documents import six_layers
from benchmarks.samples import Array
from benchmarks.timings import cell, print_cells, timed
from models.engine.build import BuiltModel, build
from models.engine.tensorflow_setup import prepare
from models.networks.expansion import expand
from models.reading.parse import parse_document

COUNT = 16
RUNS = 20
SIX = six_layers(28, 3, 3, 10)
MOBILE = keras.applications.MobileNetV2


def main() -> None:
    """Times sixteen runs and one of sixteen, and counts the numbers that differ."""
    prepare()
    mobile = MOBILE(weights=None, input_shape=(96, 96, 3)).to_json()
    print_cells({**_cells("six layers", SIX), **_cells("MobileNetV2 of 96×96", mobile)})


def _cells(name: str, raw: Any) -> dict[str, Any]:
    model = build(expand(parse_document(raw)), 2**34)
    (spec,) = model.network.inputs.values()
    batch = np.random.default_rng(0).random((COUNT, *[length or 1 for length in spec.shape]), np.float32)
    together, apart = _run(model, batch), [_run(model, one[None]) for one in batch]
    alone = [np.concatenate(several) for several in zip(*apart, strict=True)]
    differing = sum(int((a != b).sum()) for a, b in zip(together, alone, strict=True))
    share = differing / sum(array.size for array in together)
    one = [timed(lambda: [_run(model, item[None]) for item in batch]) for _ in range(RUNS)]
    all_at_once = [timed(_run, model, batch) for _ in range(RUNS)]
    return {
        f"{name}: {COUNT} runs of one": cell(one),
        f"{name}: one run of {COUNT}; {share:.1%} of numbers differ": cell(all_at_once),
    }


def _run(model: BuiltModel, batch: Array) -> list[Array]:
    selection = model.compiled_selection(model.network.layer_outputs, training=False, updates=False)
    return [np.asarray(memoryview(tensor)) for tensor in selection.run([tf.constant(batch)])]


if __name__ == "__main__":
    main()

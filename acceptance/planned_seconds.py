"""Estimated and measured seconds: each layer type, larger, and networks of keras.applications."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

import keras
import numpy as np

from acceptance.working_memory import LARGE, values
from models.documents.document import Document
from models.engine.build import build
from models.engine.rates import measure_rates
from models.engine.shaping import declared_shapes, shape_network
from models.engine.tensorflow_setup import prepare
from models.engine.time_estimate import build_seconds, input_work, run_seconds
from models.errors import LayerscopeError
from models.layers import LAYERS
from models.networks.expansion import expand
from models.reading.parse import parse_document

LIMIT = 1 << 40
BATCH_NUMBERS = 1 << 20
"""Numbers that the inputs of an example have together, at the most."""
RUNS = 3
"""Timed runs, of which the fastest counts."""
NETWORKS = ("MobileNetV2", "ResNet50", "EfficientNetB0", "DenseNet121", "VGG16", "Xception", "ConvNeXtTiny")
WRONG = 3.0
"""How many times wrong an estimate may be."""


class Case(NamedTuple):
    """A network and the shapes of its inputs, batch included, in their order."""

    what: str
    document: Document
    shapes: tuple[tuple[int, ...], ...]


class Found(NamedTuple):
    """Seconds of a run, and of drawing the weights: estimated and measured."""

    estimated: float
    ran: float
    drawing: float
    drew: float


def timed(work: Callable[[], Any]) -> float:
    """Return seconds by the clock, or by this process' processor time where that is less: others had the processor
    then.
    """
    started, used = time.perf_counter(), time.process_time()
    work()
    return min(time.perf_counter() - started, time.process_time() - used)


def found(case: Case, rates: Any) -> Found:
    """Return the estimate for a network and its measured time: that of its compiled function."""
    network = expand(case.document)
    holder: list[Any] = []
    drew = timed(lambda: holder.append(build(network, LIMIT)))
    model = holder[0]
    shapes = dict(zip(network.inputs, case.shapes, strict=True))
    symbolic = model.concrete(shapes)
    inputs = [values(shape, spec.dtype) for shape, spec in zip(case.shapes, network.inputs.values(), strict=True)]
    selection = model.compiled_selection(network.outputs, False, False)
    selection.run(inputs)
    selection.run(inputs)
    ran = min(timed(lambda: selection.run(inputs)) for _ in range(RUNS))
    nodes = [node for node in symbolic.needed(network.outputs) if not node.is_block]
    unbuilt = expand(case.document)
    drawing = build_seconds(shape_network(unbuilt, declared_shapes(unbuilt)), rates)
    return Found(run_seconds(symbolic, nodes, rates, input_work(symbolic)), ran, drawing, drew)


def cases() -> Iterator[Case]:
    """Yield large cases, every type's example with a batch of its own, and networks."""
    by_name = {cls.type_name(): cls for cls in LAYERS}
    for name, arguments, shapes in LARGE:
        yield _layer(name, arguments, shapes, by_name[name].example.dtype, 1)
    for cls in LAYERS:
        if cls.standalone:
            numbers = sum(int(np.prod(shape)) for shape in cls.example.shapes)
            batch = max(1, BATCH_NUMBERS // numbers)
            yield _layer(cls.type_name(), cls.example.arguments, cls.example.shapes, cls.example.dtype, batch)
    for name in NETWORKS:
        model = getattr(keras.applications, name)(weights=None)
        yield Case(name, parse_document(model.to_json()), ((1, *model.input_shape[1:]),))


def _layer(name: str, arguments: dict[str, Any], shapes: tuple[tuple[int, ...], ...], dtype: str, batch: int) -> Case:
    names = [f"x{number}" for number in range(len(shapes))]
    declared = {one: {"shape": list(shape), "dtype": dtype} for one, shape in zip(names, shapes, strict=True)}
    layer = {"type": name, **arguments, "inputs": names}
    document = parse_document({"input": declared, "layers": [layer]})
    return Case(f"{name} {arguments}", document, tuple((batch, *shape) for shape in shapes))


def main() -> None:
    """Print a line for each case, then how many estimates are wrong by how much; exit with 1 where 5 % are worse than 3
    ×.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--least", type=float, default=0.005, help="seconds below which a case is not judged")
    options = parser.parse_args()
    prepare()
    rates = measure_rates()
    print(rates)
    ratios = []
    for case in cases():
        if options.only not in case.what:
            continue
        try:
            one = found(case, rates)
        except LayerscopeError as error:
            print(f"{case.what[:80]:80} refused: {error.detail[:80]}", flush=True)
            continue
        ratio = one.estimated / one.ran
        if max(one.estimated, one.ran) >= options.least:
            ratios.append(ratio)
        drawn = f"drawing {one.drawing:8.3f} built in {one.drew:8.3f}"
        print(
            f"{case.what[:70]:70} estimated {one.estimated:9.4f} ran {one.ran:9.4f} {ratio:7.2f}; {drawn}", flush=True
        )
    ratios.sort()
    far = sum(not 1 / WRONG <= ratio <= WRONG for ratio in ratios)
    tenth = len(ratios) // 10
    ends = f"a tenth below {ratios[tenth]:.2f}, a tenth above {ratios[-1 - tenth]:.2f}"
    most = f"smallest {ratios[0]:.2f}, largest {ratios[-1]:.2f}"
    print(f"{len(ratios)} cases: median {median(ratios):.2f}, {ends}, {most}; {far} wrong by more than {WRONG:g}")
    raise SystemExit(far > len(ratios) / 20)


if __name__ == "__main__":
    main()

"""Comparison of two runs: both are computed here, and nothing of them is sent but their differences."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.engine.execution import Execution
from models.engine.explaining.analysed_run import AnalysedRun, pointing
from models.engine.explaining.joint_admission import admit_together
from models.engine.report import Report, Result, Timing
from models.engine.selection_plan import Row
from models.explaining.comparing.comparison import Entry, compare
from models.explaining.comparing.comparison_reply import TensorOf, entry_json, figures_json, summary_json
from models.explaining.comparing.joining import Pair, join
from models.explaining.comparing.subtraction import difference_dtype, subtracted
from models.explaining.comparing.tolerance import Tolerance
from models.explaining.questions import Comparison
from models.ipc.messages import LayerInfo, Run, TensorInfo
from models.tensors.dtypes import DTYPES, Array

Tensors = Mapping[str, Array]


def compare_runs(
    execution: Execution, runs: Sequence[Run], question: Comparison, inputs: Sequence[Sequence[np.ndarray]]
) -> Result:
    """Run two networks, and compare them pair by pair.

    Raises:
        LayerscopeError: one of them is refused, with a pointer into its side.
        TooLarge: both together would take too much memory or time.
    """
    started, sides = time.perf_counter(), []
    for run, arrays, pointer in zip(runs, inputs, question.pointers, strict=True):
        with pointing(pointer):
            sides.append(AnalysedRun(execution, run, arrays))
    cost = admit_together(execution, sides, question)
    built, tensors = time.perf_counter(), []
    for side, pointer in zip(sides, question.pointers, strict=True):
        with pointing(pointer):
            tensors.append(side.tensors())
    execution.cache.trim(len(sides))
    comparison = _RunComparison(sides, tensors, question)
    facts = comparison.report_all()
    timing = Timing(
        all(side.cached for side in sides), (built - started) * 1e3, (time.perf_counter() - built) * 1e3, cost.seconds
    )
    return comparison.report.result(timing, cost.macs, facts)


class _RunComparison:
    """The entries of two runs, and their report."""

    def __init__(self, sides: Sequence[AnalysedRun], tensors: Sequence[Tensors], question: Comparison) -> None:
        self.a, self.b = sides
        self.tensors, self.question = tensors, question
        self.tolerance = None if question.tolerance is None else Tolerance(*question.tolerance)
        self.report = Report(self.a.model, {})
        self._weighed: set[str] = set()

    def report_all(self) -> dict[str, Any]:
        """Add every entry to the report; returns the other members of the reply."""
        pairs = [Pair(*pair) for pair in self.question.pairs]
        compared = compare(pairs, self.tensors[0], self.tensors[1], self.tolerance)
        for entry in compared.entries:
            self.report.layers.append(self._layer(entry))
        run = self.a.run
        if run.stats:
            infos = [TensorInfo(name, each.dtype.name, each.shape, each.nbytes) for name, each in self.a.inputs.items()]
            self.report.add_inputs(infos, list(self.a.inputs.values()))
        self.report.check_size(run.max_bytes)
        edits = {name: side.edits_json() for name, side in (("a", self.a), ("b", self.b))}
        return {**summary_json(compared), **({"edits": edits} if any(edits.values()) else {})}

    def _layer(self, entry: Entry) -> LayerInfo:
        (a, b), address = entry.pair, entry.address
        facts = entry_json(entry, _tensor_of(self.a, a), _tensor_of(self.b, b))
        weights = self._weights(a, b) if self.question.weights else None
        facts |= {} if weights is None else {"weights": weights}
        side = self.b if a is None else self.a
        node = side.node_of(address)
        parameters = 0 if node is None else side.model.parameters_of(node)
        if a is None or b is None or entry.difference is None:
            return LayerInfo(address, side.type_of(address), None, parameters, facts=facts)
        return self._with_difference(a, b, facts)

    def _with_difference(self, a: str, b: str, facts: dict[str, Any]) -> LayerInfo:
        """Return the entry of two tensors of one shape, with a - b in its view where that is asked for."""
        run, row = self.a.run, next(row for row in self.a.plan.rows if row.info.name == a)
        x, y = self.tensors[0][a], self.tensors[1][b]
        dtype = difference_dtype(x.dtype.name, y.dtype.name)
        info = TensorInfo(a, dtype, row.info.shape, x.size * DTYPES[dtype].itemsize)
        array = subtracted(x, y) if run.data or run.stats else np.empty(0, DTYPES[dtype])
        self.report.add_activation(Row(info, row.node, row.type, row.in_graph), array, run)
        layer = self.report.layers.pop()
        return LayerInfo(
            a, layer.type, layer.output, layer.parameters, layer.stats, (), layer.view, layer.in_graph, facts=facts
        )

    def _weights(self, a: str | None, b: str | None) -> list[dict[str, Any]] | None:
        """Return how far the weights of two layers lie apart, once for each layer; None without any."""
        nodes = [side.node_of(address) for side, address in ((self.a, a), (self.b, b))]
        if nodes[0] is None or nodes[1] is None or nodes[0].path in self._weighed:
            return None
        self._weighed.add(nodes[0].path)
        own, other = (side.weights_of(node) for side, node in zip((self.a, self.b), nodes, strict=True))
        if not (own or other):
            return None
        compared = compare(join(tuple(own), tuple(other)), own, other, self.tolerance)
        return [
            {"name": entry.address, "status": entry.status, **figures_json(entry.difference)}
            for entry in compared.entries
        ]


def _tensor_of(side: AnalysedRun, address: str | None) -> TensorOf | None:
    if address is None:
        return None
    symbolic = side.plan.symbolic
    return TensorOf(address, symbolic.reply_shape(address), symbolic.dtype(address))

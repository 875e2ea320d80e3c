"""Execution of one engine request: plan a document, run it, or return its weights."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import orjson

from models.documents.document import canonical
from models.engine.admission import Bounds, Cost, sent_bytes
from models.engine.applications import construct_document
from models.engine.arrays import as_array
from models.engine.background import Background
from models.engine.batch import Batch
from models.engine.build import BuiltModel, build
from models.engine.cache import ModelCache
from models.engine.compiled_selection import CompiledSelection
from models.engine.explaining.admission import explanation_price
from models.engine.last_shaped import LastShaped
from models.engine.plan import plan_report
from models.engine.reply_buffers import ReplyBuffers
from models.engine.report import Report, Result, Timing
from models.engine.selection_plan import SelectionPlan
from models.engine.shaping import declared_shapes, shape_batch, shape_network
from models.engine.time_estimate import TimeBudget
from models.engine.weights import weight_paths, weight_specs
from models.errors import InvalidOption, TooLarge
from models.ipc.messages import Construct, DescribeWeights, Plan, Run, TensorInfo, Weights
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.applications import parse_application
from models.reading.parse import parse_canonical
from models.tensors.dtypes import DTYPES
from models.weights.specs import WeightSpec


@dataclass(frozen=True)
class EngineLimits:
    """Bytes that one request may compute and one model may hold, and seconds that a request may run."""

    max_working_bytes: int
    max_model_bytes: int
    deadline: float = inf


class Execution:
    """The models of an engine, and the operations on them."""

    def __init__(self, limits: EngineLimits, cache_bytes: int) -> None:
        self.limits = limits
        self.cache = ModelCache(cache_bytes)
        self.time: TimeBudget | None = None
        """Rates of this machine and the deadline, once measured."""
        self.last_shaped = LastShaped()
        self.background: Background | None = None
        """Where large selections are compiled; without one, their second run does it."""

    def plan(self, request: Plan) -> bytes:
        """Return the plan as JSON (without the model's id and name, which the front knows)."""
        symbolic = shape_batch(_network(request.document), request.shapes)
        rates = self.time.rates if self.time else None
        report = plan_report(symbolic, request.outputs, request.views, rates)
        if request.explanation is not None:
            report["explanation"] = explanation_price(symbolic, request.explanation, rates)
        self.last_shaped.keep(request.document, symbolic, request.shapes)
        return orjson.dumps(report)

    def run(self, request: Run, inputs: Sequence[np.ndarray], buffers: ReplyBuffers | None = None) -> Result:
        """Run a document on arrays in the order of `request.inputs`. Outputs that `buffers` has memory for are copied
        as soon as they are computed.
        """
        return self.run_batch([request], [inputs], [] if buffers is None else [buffers])[0]

    def run_batch(
        self,
        requests: Sequence[Run],
        inputs: Sequence[Sequence[np.ndarray]],
        reply_buffers: Sequence[ReplyBuffers] = (),
    ) -> list[Result]:
        """Run a document once, on the inputs of requests that differ only in values and batch size.

        All keep the limits of one request together. Either each has reply buffers or none has; all are allocated first.

        Raises:
            LayerscopeError: one of them is refused, or all together are.
        """
        started = time.perf_counter()
        first, batch = requests[0], Batch.of(inputs)
        model, cached = self.model(first)
        plans, costs = self._admit_batch(model, requests, inputs, batch)
        selection = model.compiled_selection(first.outputs, first.training, first.training and first.weights)
        for buffers, plan in zip(reply_buffers, plans, strict=False):
            if first.data and not (first.views or first.weights):
                buffers.reserve([row.info for row in plan.rows])
        is_single = len(requests) == 1 and any(not buffers.is_empty for buffers in reply_buffers)
        built = time.perf_counter()
        ordered = _in_order(model.network, first.inputs, batch.inputs)
        results = selection.run(ordered, reply_buffers[0].copy if is_single else None, self.background)
        run_ms, seconds = (time.perf_counter() - built) * 1e3, sum(cost.seconds for cost in costs)
        timing = Timing(cached, (built - started) * 1e3, run_ms, seconds)
        self._trim()
        outputs = batch.split(list(map(as_array, results[: len(first.outputs)])))
        updates = _updated_weights(selection, results)
        parts = zip(requests, plans, inputs, outputs, strict=True)
        reports = [fill_report(Report(model, updates), *part) for part in parts]
        return [report.result(timing, cost.macs) for report, cost in zip(reports, costs, strict=True)]

    def _admit_batch(
        self, model: BuiltModel, requests: Sequence[Run], inputs: Sequence[Sequence[np.ndarray]], batch: Batch
    ) -> tuple[list[SelectionPlan], list[Cost]]:
        """Admit each request, and several as one batch; returns their plans and costs."""
        admitted = [self.admit(model, request, arrays) for request, arrays in zip(requests, inputs, strict=True)]
        plans = [plan for plan, _ in admitted]
        if len(requests) > 1:
            self.admit(model, requests[0], batch.inputs)
            _check_separable(model.network, requests, plans)
        return plans, [cost for _, cost in admitted]

    def admit(self, model: BuiltModel, request: Run, inputs: Sequence[np.ndarray]) -> tuple[SelectionPlan, Cost]:
        """Admit a request on these inputs; returns its plan and its cost."""
        named = {info.name: array.shape for info, array in zip(request.inputs, inputs, strict=True)}
        shapes = {name: named[name] for name in model.network.inputs}
        plan = model.selection_plan(shapes, request.outputs)
        sent = request.max_bytes if request.data else self.limits.max_working_bytes
        bounds = Bounds(sent, self.limits.max_working_bytes, request.max_macs, self.time)
        return plan, plan.admit(request.views, bounds, request.training)

    def weights(self, request: Weights) -> Result:
        """Return the weights of a document's layers, in `get_weights()` order."""
        started = time.perf_counter()
        model, cached = self.model(request)
        report = Report(model, {})
        nodes = {node.path: node for node in model.network.nodes if not node.is_block}
        for path in request.paths if request.paths is not None else weight_paths(model.symbolic):
            report.add_weights(nodes[path])
        report.check_size(request.max_bytes)
        self._trim()
        return report.result(Timing(cached, (time.perf_counter() - started) * 1e3, 0.0))

    def _trim(self) -> None:
        """Bound the cache after a request; what was done in the background may have been for any model."""
        has_finished = self.background is not None and self.background.pop_finished()
        self.cache.trim(len(self.cache) if has_finished else 1)

    def specs(self, request: DescribeWeights) -> tuple[WeightSpec, ...]:
        """Return the weights that a file must hold; nothing is built."""
        network = _network(request.document)
        shapes = declared_shapes(network)
        symbolic = shape_network(network, shapes)
        self.last_shaped.keep(request.document, symbolic, shapes)
        return weight_specs(symbolic)

    def construct(self, request: Construct) -> tuple[bytes, str | None]:
        """Return the document of a network of keras.applications and its weights file; nothing is built or fetched."""
        document, file = construct_document(parse_application(orjson.loads(request.arguments)))
        return orjson.dumps(canonical(document)), file

    def model(self, request: Run | Weights) -> tuple[BuiltModel, bool]:
        """Return the built model of a request, and whether it was cached.

        Raises:
            InvalidDocument, InvalidWeights, TooLarge: it cannot be built.
        """

        def build_model() -> BuiltModel:
            limit, policy = self.limits.max_model_bytes, request.policy if isinstance(request, Run) else None
            shaped = self.last_shaped.take(request.document)
            network = _network(request.document) if shaped is None else shaped.network
            return build(network, limit, request.weights_file, self.time, policy, shaped)

        return self.cache.get(request.key, build_model)


def _network(document: bytes) -> Network:
    return expand(parse_canonical(orjson.loads(document)))


def inputs_by_name(
    network: Network, infos: Sequence[TensorInfo], arrays: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the arrays by name, in the order in which the network declares its inputs, in their declared dtypes."""
    by_name = {info.name: array for info, array in zip(infos, arrays, strict=True)}
    return {name: by_name[name].astype(DTYPES[spec.dtype], copy=False) for name, spec in network.inputs.items()}


def _in_order(network: Network, infos: Sequence[TensorInfo], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the arrays in the order in which the network declares its inputs."""
    by_name = {info.name: array for info, array in zip(infos, arrays, strict=True)}
    return [by_name[name] for name in network.inputs]


def _check_separable(network: Network, requests: Sequence[Run], plans: Sequence[SelectionPlan]) -> None:
    """Refuse a batch whose rows a layer mixes, or whose replies, which views of the batch axis make no smaller, exceed
    the limit of one.
    """
    if any(node.layer.mixes_batch() for node in network.nodes):
        raise InvalidOption("A layer of this network mixes the rows of a batch.")
    views = requests[0].views
    sent = (sent_bytes(plan.symbolic, plan.outputs, views) for plan in plans) if views else ()
    if sum(sum(nbytes.values()) for nbytes in sent) > requests[0].max_bytes:
        raise TooLarge("")


def fill_report(
    report: Report, request: Run, plan: SelectionPlan, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Report:
    """Fill the report with what one request selects."""
    for row, array in plan.check_computed(outputs):
        report.add_activation(row, array, request)
    if request.stats:
        declared = report.model.network.inputs
        pairs = [(info, array) for info, array in zip(request.inputs, inputs, strict=True) if info.name in declared]
        report.add_inputs([info for info, _ in pairs], [array for _, array in pairs])
    report.check_size(request.max_bytes)
    return report


def _updated_weights(selection: CompiledSelection, results: Sequence[Any]) -> dict[int, Any]:
    """Return the weights that training mode updated, by variable."""
    new = results[len(selection.outputs) :]
    return {id(variable): value for variable, value in zip(selection.updated, new, strict=True)}

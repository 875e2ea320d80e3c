"""What an engine does with one request: plan it, run it, or give its weights."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import orjson

from models.documents.document import canonical
from models.engine.admission import Bounds, sent_bytes
from models.engine.applications import constructed
from models.engine.arrays import as_array
from models.engine.batch import Batch
from models.engine.build import BuiltModel, build
from models.engine.cache import ModelCache
from models.engine.compiled_selection import CompiledSelection
from models.engine.plan import plan_report
from models.engine.reply_buffers import ReplyBuffers
from models.engine.report import Report, Result, Timing
from models.engine.seconds import Time
from models.engine.selected import Selected
from models.engine.symbolic_network import declared_shapes, outline, outline_of_batch
from models.engine.weights import weight_paths, weight_specs
from models.errors import InvalidOption, TooLarge
from models.ipc.messages import Construct, DescribeWeights, Plan, Run, TensorInfo, Weights
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.applications import parse_application
from models.reading.parse import parse_document
from models.weights.specs import WeightsFile, WeightSpec


@dataclass(frozen=True)
class Limits:
    """Bytes that one request may compute and one model may hold, and seconds that a request may run."""

    max_working_bytes: int
    max_model_bytes: int
    deadline: float = inf


class Execution:
    """The models an engine holds, and what can be asked of them."""

    def __init__(self, limits: Limits, cache_bytes: int) -> None:
        self.limits = limits
        self.cache = ModelCache(cache_bytes)
        self.time: Time | None = None
        """What this machine can do, once that was measured."""

    def plan(self, request: Plan) -> bytes:
        """The plan as JSON (without the model's id and name, which the front knows)."""
        made = outline_of_batch(_network(request.document), request.shapes)
        return orjson.dumps(plan_report(made, request.outputs, request.views, self.time.rates if self.time else None))

    def run(self, request: Run, inputs: Sequence[np.ndarray], parcel: ReplyBuffers | None = None) -> Result:
        """Runs a document on arrays given in the order of `request.inputs`. What a parcel takes of the outputs is
        copied as soon as it is computed.
        """
        return self.run_together([request], [inputs], [] if parcel is None else [parcel])[0]

    def run_together(
        self, requests: Sequence[Run], inputs: Sequence[Sequence[np.ndarray]], parcels: Sequence[ReplyBuffers] = ()
    ) -> list[Result]:
        """Runs a document once, on the inputs of requests that agree in all but the numbers and the batch of those.

        Together they keep the limits of one. Each has a parcel, or none has; room for all is made before any is run.

        Raises:
            LayerscopeError: when one of them is refused, or all together are.
        """
        started = time.perf_counter()
        first, batch = requests[0], Batch.of(inputs)
        model, cached = self._model(first.key, first.document, first.weights_file)
        admitted = [self._admitted(model, one, arrays) for one, arrays in zip(requests, inputs, strict=True)]
        selections = [selected for selected, _ in admitted]
        if len(requests) > 1:
            self._admitted(model, first, batch.inputs)
            _check_apart(model.network, requests, selections)
        probe = model.probe(first.outputs, first.training, first.training and first.weights)
        for parcel, selected in zip(parcels, selections, strict=False):
            if first.data and not (first.views or first.weights):
                parcel.expect([row.info for row in selected.rows])
        alone = len(requests) == 1 and any(not parcel.is_empty for parcel in parcels)
        built = time.perf_counter()
        results = probe.run(_in_order(model.network, first.inputs, batch.inputs), parcels[0].copy if alone else None)
        ran = time.perf_counter()
        self.cache.trim()
        shares, moved = batch.shares(list(map(as_array, results[: len(first.outputs)]))), _moved(probe, results)
        timing = Timing(cached, (built - started) * 1e3, (ran - built) * 1e3, sum(seconds for _, seconds in admitted))
        parts = zip(requests, selections, inputs, shares, strict=True)
        return [_reported(Report(model, moved), *part).result(timing) for part in parts]

    def _admitted(self, model: BuiltModel, request: Run, inputs: Sequence[np.ndarray]) -> tuple[Selected, float]:
        """What is known of a request on these inputs, which is within the limits, and its estimated seconds."""
        shapes = {info.name: array.shape for info, array in zip(request.inputs, inputs, strict=True)}
        selected = model.selected(shapes, request.outputs)
        sent = request.max_bytes if request.data else self.limits.max_working_bytes
        bounds = Bounds(sent, self.limits.max_working_bytes, request.max_macs, self.time)
        return selected, selected.admit(request.views, bounds, request.training)

    def weights(self, request: Weights) -> Result:
        """The weights of a document's layers, in `get_weights()` order."""
        started = time.perf_counter()
        model, cached = self._model(request.key, request.document, request.weights_file)
        report = Report(model, {})
        nodes = {node.path: node for node in model.network.nodes}
        for path in request.paths if request.paths is not None else weight_paths(model.outline):
            report.add_weights(nodes[path])
        report.check_size(request.max_bytes)
        self.cache.trim()
        return report.result(Timing(cached, (time.perf_counter() - started) * 1e3, 0.0))

    def specs(self, request: DescribeWeights) -> tuple[WeightSpec, ...]:
        """What a file of weights must hold; nothing is built."""
        network = _network(request.document)
        return weight_specs(outline(network, declared_shapes(network)))

    def construct(self, request: Construct) -> tuple[bytes, str | None]:
        """The document of a network of keras.applications and its file of weights; nothing is built or fetched."""
        document, file = constructed(parse_application(orjson.loads(request.arguments)))
        return orjson.dumps(canonical(document)), file

    def _model(self, key: str, document: bytes, weights: WeightsFile | None) -> tuple[BuiltModel, bool]:
        return self.cache.get(key, lambda: build(_network(document), self.limits.max_model_bytes, weights, self.time))


def _network(document: bytes) -> Network:
    return expand(parse_document(orjson.loads(document)))


def _in_order(network: Network, infos: Sequence[TensorInfo], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The arrays in the order in which the network declares its inputs."""
    by_name = {info.name: array for info, array in zip(infos, arrays, strict=True)}
    return [by_name[name] for name in network.inputs]


def _check_apart(network: Network, requests: Sequence[Run], selections: Sequence[Selected]) -> None:
    """Refuses a batch in which rows would meet, or whose replies, which views of the batch axis make no smaller, would
    be over the limit of one.
    """
    if any(node.layer.mixes_batch() for node in network.nodes):
        raise InvalidOption("A layer of this network lets the rows of a batch meet.")
    views = requests[0].views
    sent = (sent_bytes(one.outline, one.outputs, views) for one in selections) if views else ()
    if sum(sum(nbytes.values()) for nbytes in sent) > requests[0].max_bytes:
        raise TooLarge("")


def _reported(
    report: Report, request: Run, selected: Selected, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> Report:
    """The report with what one request asked for."""
    for row, array in selected.planned(outputs):
        report.add_activation(row, array, request)
    if request.stats:
        report.add_inputs(request.inputs, inputs)
    report.check_size(request.max_bytes)
    return report


def _moved(probe: CompiledSelection, results: Sequence[Any]) -> dict[int, Any]:
    """The weights that training mode moved, by variable."""
    new = results[len(probe.outputs) :]
    return {id(variable): value for variable, value in zip(probe.updated, new, strict=True)}

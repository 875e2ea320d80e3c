"""What an engine does with one request: plan it, run it, or give its weights."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import orjson

from models.applications import parse_application
from models.document import canonical, parse_document
from models.engine.applications import constructed
from models.engine.arrays import as_bytes, flat_bytes
from models.engine.build import BuiltModel, build
from models.engine.cache import ModelCache
from models.engine.messages import Construct, LayerInfo, Plan, Run, Specify, TensorInfo, Weights
from models.engine.outline import declared_shapes, outline
from models.engine.plan import plan_report
from models.engine.probe import Probe
from models.engine.selected import Row
from models.engine.weights import named_weights, weight_paths, weight_specs
from models.errors import Problem, TooLarge
from models.expansion import expand
from models.network import Network, Node
from models.stats import statistics
from models.tensors.dtypes import DTYPES
from models.views.view import View
from models.weights.specs import WeightsFile, WeightSpec


@dataclass(frozen=True)
class Limits:
    """Bytes that one request may compute and one model may hold."""

    max_working_bytes: int
    max_model_bytes: int


@dataclass(frozen=True)
class Result:
    """A finished run: what is known of it, and the tensors that follow, in the order of `tensors`."""

    layers: tuple[LayerInfo, ...]
    inputs: dict[str, Any]
    parameters: int
    cached: bool
    build_ms: float
    run_ms: float
    tensors: tuple[TensorInfo, ...]
    buffers: tuple[memoryview, ...]


class Execution:
    """The models an engine holds, and what can be asked of them."""

    def __init__(self, limits: Limits, cache_bytes: int) -> None:
        self.limits = limits
        self.cache = ModelCache(cache_bytes)

    def plan(self, request: Plan) -> bytes:
        """The plan as JSON (without the model's id and name, which the front knows)."""
        made = outline(_network(request.document), request.shapes)
        return orjson.dumps(plan_report(made, request.outputs, request.views))

    def run(self, request: Run, inputs: Sequence[np.ndarray]) -> Result:
        """Runs a document on arrays given in the order of `request.inputs`."""
        started = time.perf_counter()
        model, cached = self._model(request.key, request.document, request.weights_file)
        selected = model.selected({info.name: info.shape for info in request.inputs}, request.outputs)
        sent = request.max_bytes if request.data else self.limits.max_working_bytes
        selected.admit(request.views, sent, self.limits.max_working_bytes, request.max_macs)
        probe = model.probe(request.outputs, request.training, request.training and request.weights)
        built = time.perf_counter()
        results = probe.run(_in_order(model.network, request.inputs, inputs))
        ran = time.perf_counter()
        arrays = selected.checked(results)
        self.cache.trim()
        report = _Report(model, _moved(probe, results))
        for row, array in zip(selected.rows, arrays, strict=True):
            report.add_activation(row, array, request)
        stats = _input_statistics(model.network, request, inputs) if request.stats else {}
        report.check_size(request.max_bytes)
        return report.result(stats, cached, (built - started) * 1e3, (ran - built) * 1e3)

    def weights(self, request: Weights) -> Result:
        """The weights of a document's layers, in `get_weights()` order."""
        started = time.perf_counter()
        model, cached = self._model(request.key, request.document, request.weights_file)
        report = _Report(model, {})
        nodes = {node.path: node for node in model.network.nodes}
        for path in request.paths if request.paths is not None else weight_paths(model.outline):
            report.add_weights(nodes[path])
        report.check_size(request.max_bytes)
        self.cache.trim()
        return report.result({}, cached, (time.perf_counter() - started) * 1e3, 0.0)

    def specs(self, request: Specify) -> tuple[WeightSpec, ...]:
        """What a file of weights must hold; nothing is built."""
        network = _network(request.document)
        return weight_specs(outline(network, declared_shapes(network)))

    def construct(self, request: Construct) -> tuple[bytes, str | None]:
        """The document of a network of keras.applications and its file of weights; nothing is built or fetched."""
        document, file = constructed(parse_application(orjson.loads(request.arguments)))
        return orjson.dumps(canonical(document)), file

    def _model(self, key: str, document: bytes, weights: WeightsFile | None) -> tuple[BuiltModel, bool]:
        return self.cache.get(key, lambda: build(_network(document), self.limits.max_model_bytes, weights))


def _network(document: bytes) -> Network:
    return expand(parse_document(orjson.loads(document)))


def _in_order(network: Network, infos: Sequence[TensorInfo], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The arrays in the order in which the network declares its inputs."""
    by_name = {info.name: array for info, array in zip(infos, arrays, strict=True)}
    return [by_name[name] for name in network.inputs]


def _input_statistics(network: Network, request: Run, arrays: Sequence[np.ndarray]) -> dict[str, Any]:
    """Of the inputs as the network takes them."""
    pairs = [(info.name, array) for info, array in zip(request.inputs, arrays, strict=True)]
    return {name: statistics(array.astype(DTYPES[network.inputs[name].dtype], copy=False)) for name, array in pairs}


def _moved(probe: Probe, results: Sequence[Any]) -> dict[int, Any]:
    """The weights that training mode moved, by variable."""
    new = results[len(probe.outputs) :]
    return {id(variable): value for variable, value in zip(probe.updated, new, strict=True)}


class _Report:
    """Collects layers and the tensors that follow them."""

    def __init__(self, model: BuiltModel, moved: Mapping[int, Any]) -> None:
        self.model, self.moved = model, moved
        self.layers: list[LayerInfo] = []
        self.tensors: list[TensorInfo] = []
        self.names: set[str] = set()
        self.buffers: list[memoryview] = []

    def add_activation(self, row: Row, array: np.ndarray, request: Run) -> None:
        """One layer's output, with what was asked for besides."""
        output, node, kind = row
        stats = statistics(array) if request.stats else None
        view = request.views.get(output.name)
        if request.data and view is None:
            self._add(output, flat_bytes(array))
        viewed = self._add_view(view, array, output, request.data) if view is not None else None
        weights = self._weights(node) if request.weights and node is not None else ()
        parameters = 0 if node is None else self.model.parameters_of(node)
        self.layers.append(LayerInfo(output.name, kind, output, parameters, stats, weights, viewed))

    def _add_view(self, view: View, array: np.ndarray, output: TensorInfo, data: bool) -> dict[str, Any]:
        """Adds a view's members; what is to be said of it."""
        row = view.row(output.shape, output.dtype, output.name)
        if not data:
            return row
        result = view.apply(array, output.name)
        for suffix, member in result.members.items():
            name = output.name + suffix
            self._add(TensorInfo(name, member.dtype.name, member.shape, member.nbytes), flat_bytes(member))
        return row | result.facts

    def add_weights(self, node: Node) -> None:
        """One layer's weights alone."""
        infos = self._weights(node)
        self.layers.append(
            LayerInfo(node.path, node.layer.type_name(), None, self.model.parameters_of(node), None, infos)
        )

    def _weights(self, node: Node) -> tuple[TensorInfo, ...]:
        if node.is_block:
            return ()
        infos = []
        for name, variable in named_weights(self.model.outline.layers[node.path]):
            value = self.moved.get(id(variable), variable.value)
            data = as_bytes(value)
            dtype = keras.backend.standardize_dtype(variable.dtype)
            info = TensorInfo(f"weights/{node.path}/{name}", dtype, tuple(variable.shape), data.nbytes)
            self._add(info, data)
            infos.append(info)
        return tuple(infos)

    def _add(self, info: TensorInfo, data: memoryview) -> None:
        """Adds a tensor once: the weights of a layer called several times are sent with its first call."""
        if info.name in self.names:
            return
        self.names.add(info.name)
        self.tensors.append(info)
        self.buffers.append(data)

    def check_size(self, limit: int) -> None:
        """Refuses a reply whose tensors, weights included, are over the limit; nothing has been copied yet."""
        nbytes = sum(info.nbytes for info in self.tensors)
        if nbytes > limit:
            advice = "ask for the weights of one layer at a time, or for fewer layers"
            problem = Problem(
                "/weights", "the reply is over its limit", f"at most {limit:,} bytes", f"{nbytes:,} bytes", advice
            )
            raise TooLarge("", [problem])

    def result(self, inputs: dict[str, Any], cached: bool, build_ms: float, run_ms: float) -> Result:
        """What was collected."""
        return Result(tuple(self.layers), inputs, self.model.parameters, cached, build_ms, run_ms,
                      tuple(self.tensors), tuple(self.buffers))  # fmt: skip

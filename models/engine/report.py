"""Report of a finished request: layers, and the tensors that follow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np

from models.engine.arrays import as_bytes, flat_bytes
from models.engine.build import BuiltModel
from models.engine.selection_plan import Row
from models.engine.weights import named_weights
from models.errors import TooLarge
from models.ipc.arrays import array_of
from models.ipc.messages import LayerInfo, Payload, Run, TensorInfo
from models.networks.network import Node
from models.tensors.dtypes import DTYPES
from models.tensors.json_text import json_text
from models.tensors.statistics import statistics
from models.views.view import View


class Timing(NamedTuple):
    """Whether the model was cached, milliseconds of preparing and of running it, and the run's estimated seconds."""

    cached: bool
    build_ms: float
    run_ms: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Result:
    """Result of a finished run: its metadata, and the tensors that follow, in the order of `tensors`."""

    layers: tuple[LayerInfo, ...]
    inputs: dict[str, Any]
    parameters: int
    timing: Timing
    tensors: tuple[TensorInfo, ...]
    buffers: tuple[memoryview, ...]
    macs: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Members of the reply beside its layers."""

    def payloads(self, texts: bool) -> tuple[Payload, ...]:
        """Return the tensors as bytes or as JSON text."""
        if not texts:
            return tuple(Payload(bytes(buffer)) for buffer in self.buffers)
        pairs = zip(self.tensors, self.buffers, strict=True)
        return tuple(Payload(json_text(array_of(info, buffer))) for info, buffer in pairs)


class Report:
    """Collects layers and the tensors that follow them."""

    def __init__(self, model: BuiltModel, updates: Mapping[int, Any]) -> None:
        self.model, self.updates = model, updates
        self.inputs: dict[str, Any] = {}
        self.layers: list[LayerInfo] = []
        self.tensors: list[TensorInfo] = []
        self.names: set[str] = set()
        self.buffers: list[memoryview] = []

    def add_inputs(self, infos: Sequence[TensorInfo], arrays: Sequence[np.ndarray]) -> None:
        """Add statistics of the inputs, cast to the dtypes that the network declares."""
        declared = self.model.network.inputs
        for info, array in zip(infos, arrays, strict=True):
            self.inputs[info.name] = statistics(array.astype(DTYPES[declared[info.name].dtype], copy=False))

    def add_activation(self, row: Row, array: np.ndarray, request: Run) -> None:
        """Add one layer's output, with the requested statistics, view and weights."""
        output, node, kind, in_graph = row
        stats = statistics(array) if request.stats else None
        view = request.views.get(output.name)
        if request.data and view is None:
            self._add(output, flat_bytes(array))
        view_facts = self._add_view(view, array, output, request.data) if view is not None else None
        weights = self._weights(node) if request.weights and node is not None else ()
        parameters = 0 if node is None else self.model.parameters_of(node)
        self.layers.append(LayerInfo(output.name, kind, output, parameters, stats, weights, view_facts, in_graph))

    def _add_view(self, view: View, array: np.ndarray, output: TensorInfo, data: bool) -> dict[str, Any]:
        """Add a view's members; returns its metadata."""
        row = view.row(output.shape, output.dtype, output.name)
        if not data:
            return row
        result = view.apply(array, output.name)
        for suffix, member in result.members.items():
            name = output.name + suffix
            self._add(TensorInfo(name, member.dtype.name, member.shape, member.nbytes), flat_bytes(member))
        return row | result.facts

    def add_weights(self, node: Node) -> None:
        """Add one layer's weights alone."""
        infos = self._weights(node)
        self.layers.append(
            LayerInfo(node.path, node.layer.type_name(), None, self.model.parameters_of(node), None, infos)
        )

    def _weights(self, node: Node) -> tuple[TensorInfo, ...]:
        if node.path not in self.model.symbolic.layers:
            return ()
        infos = []
        for name, variable in named_weights(self.model.symbolic.layers[node.path]):
            value = self.updates.get(id(variable), variable.value)
            data = as_bytes(value)
            dtype = keras.backend.standardize_dtype(variable.dtype)
            info = TensorInfo(f"weights/{node.path}/{name}", dtype, tuple(variable.shape), data.nbytes)
            self._add(info, data)
            infos.append(info)
        return tuple(infos)

    def _add(self, info: TensorInfo, data: memoryview) -> None:
        """Add a tensor once: the weights of a layer called several times are sent with its first call."""
        if info.name in self.names:
            return
        self.names.add(info.name)
        self.tensors.append(info)
        self.buffers.append(data)

    def check_size(self, limit: int) -> None:
        """Refuse a reply whose tensors, weights included, are over the limit; nothing has been copied yet."""
        nbytes = sum(info.nbytes for info in self.tensors)
        if nbytes > limit:
            advice = "ask for the weights of one layer at a time, or for fewer layers"
            raise TooLarge.at(
                "/weights",
                "the reply is over its limit",
                expected=f"at most {limit:,} bytes",
                received=f"{nbytes:,} bytes",
                suggestion=advice,
            )

    def result(self, timing: Timing, macs: int = 0, facts: Mapping[str, Any] | None = None) -> Result:
        """Return the collected result; `macs` are the multiply-adds by the plan, `facts` further members of a reply."""
        layers, tensors, buffers = tuple(self.layers), tuple(self.tensors), tuple(self.buffers)
        return Result(layers, self.inputs, self.model.parameters, timing, tensors, buffers, macs, facts or {})

"""Builders of engine requests, one for each kind of message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from models.explaining.editing import Edit
from models.explaining.questions import Explanation, Question
from models.ipc.messages import (
    Analyse,
    Construct,
    Constructed,
    DescribeWeights,
    Plan,
    Planned,
    Request,
    Run,
    RunResult,
    TensorInfo,
    Weights,
    WeightsDescribed,
)
from models.networks.network import NO_WEIGHTS, Network
from models.tensors.dtypes import name_of
from models.views.view import View
from models.weights.specs import WeightsFile
from service.engines.engine_request import EngineRequest
from service.settings import Settings


@dataclass(frozen=True)
class ModelSource:
    """All that an engine builds a model from: its document, and a weights file unless they are drawn from the seed."""

    document: bytes
    weights: WeightsFile | None
    key: str
    """The id of the model."""


@dataclass(frozen=True)
class RunSpec:
    """Options of a run, documented in the message `Run`."""

    outputs: tuple[str, ...]
    data: bool = True
    stats: bool = False
    weights: bool = False
    training: bool = False
    views: Mapping[str, View] = field(default_factory=dict)
    texts: bool = False
    policy: str | None = None
    edits: tuple[Edit, ...] = ()
    edit_arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What edits are made of, by the names under which they are sent."""


def source_of(network: Network, weights: WeightsFile | None = None) -> ModelSource:
    """Build the source of a network with its weights."""
    digest = weights.digest if weights is not None else NO_WEIGHTS
    return ModelSource(network.document_bytes, weights, network.identity(digest))


class RunOf(NamedTuple):
    """A run of a model on arrays, one for each named input."""

    source: ModelSource
    names: Sequence[str]
    arrays: Sequence[np.ndarray]
    spec: RunSpec

    @property
    def key(self) -> str:
        """The id of the model, and the policy that it is run under."""
        policy = self.spec.policy
        return self.source.key if policy is None else f"{self.source.key} {policy}"

    def infos(self) -> tuple[TensorInfo, ...]:
        """Return the metadata of the arrays."""
        pairs = zip(self.names, self.arrays, strict=True)
        return tuple(TensorInfo(name, name_of(array.dtype), array.shape, array.nbytes) for name, array in pairs)

    def message(self, number: int, infos: tuple[TensorInfo, ...], payloads: tuple[Any, ...], limits: Settings) -> Run:
        """Build its message."""
        source, spec = self.source, self.spec
        return Run(
            number, self.key, source.document, infos, payloads,
            outputs=spec.outputs, data=spec.data, stats=spec.stats, weights=spec.weights, training=spec.training,
            max_bytes=limits.reply_limit, max_macs=limits.max_macs, weights_file=source.weights,
            views=dict(spec.views), edits=spec.edits, texts=spec.texts, policy=spec.policy,
        )  # fmt: skip


def run_request(
    source: ModelSource, names: Sequence[str], arrays: Sequence[np.ndarray], limits: Settings, spec: RunSpec
) -> EngineRequest[RunResult]:
    """Build the request to run a model on arrays, one for each named input."""
    run = RunOf(source, names, arrays, spec)
    infos = run.infos()

    def build_message(number: int, payloads: tuple[Any, ...]) -> Request:
        return run.message(number, infos, payloads, limits)

    batch_key = _batch_key(source, infos, spec) if limits.batch_requests > 1 else None
    return EngineRequest(source.key, build_message, RunResult, tuple(arrays), source.document, batch_key)


def analysis_request(runs: Sequence[RunOf], limits: Settings, question: Question) -> EngineRequest[RunResult]:
    """Build the request to answer a question about runs: of one network, or of two."""
    first, arrays = runs[0].source, tuple(array for run in runs for array in run.arrays)

    def build_message(number: int, payloads: tuple[Any, ...]) -> Request:
        rest, messages = iter(payloads), []
        for run in runs:
            own = tuple(islice(rest, len(run.arrays)))
            messages.append(run.message(number, run.infos(), own, limits))
        return Analyse(number, tuple(messages), question)

    return EngineRequest(first.key, build_message, RunResult, arrays, first.document, use=type(question).__name__)


def _batch_key(source: ModelSource, infos: Sequence[TensorInfo], spec: RunSpec) -> object:
    """Return what the runs of a batch have in common: all but the values and the batch size, which all inputs of a run
    share. None in training mode, as the examples of a batch are not independent, and for runs that return weights.
    """
    if spec.training or spec.weights or spec.edits or len({info.shape[0] for info in infos}) != 1:
        return None
    return source.key, [(info.name, info.dtype, info.shape[1:]) for info in infos], spec


def plan_request(
    document: bytes,
    shapes: Mapping[str, tuple[int | None, ...]],
    outputs: tuple[str, ...],
    views: Mapping[str, View],
    explanation: Explanation | None = None,
) -> EngineRequest[Planned]:
    """Build the request to plan a document on these input shapes, and an explanation of it."""

    def build_message(number: int, _: tuple[Any, ...]) -> Request:
        return Plan(number, document, dict(shapes), outputs, dict(views), explanation)

    return EngineRequest(_key("plan", document), build_message, Planned, document=document, is_concurrent=True)


def construct_request(arguments: bytes) -> EngineRequest[Constructed]:
    """Build the request to construct the document of a network of keras.applications."""

    def build_message(number: int, _: tuple[Any, ...]) -> Request:
        return Construct(number, arguments)

    return EngineRequest(_key("construct", arguments), build_message, Constructed, is_concurrent=True)


def weights_request(source: ModelSource, paths: tuple[str, ...] | None, limits: Settings) -> EngineRequest[RunResult]:
    """Build the request for the weights of a network's layers."""

    def build_message(number: int, _: tuple[Any, ...]) -> Request:
        return Weights(number, source.key, source.document, paths, limits.reply_limit, source.weights)

    return EngineRequest(source.key, build_message, RunResult, document=source.document)


def specs_request(document: bytes) -> EngineRequest[WeightsDescribed]:
    """Build the request for the tensors that a weights file of a document must contain."""

    def build_message(number: int, _: tuple[Any, ...]) -> Request:
        return DescribeWeights(number, document)

    key = _key("plan", document)
    return EngineRequest(key, build_message, WeightsDescribed, document=document, is_concurrent=True)


def _key(kind: str, content: bytes) -> str:
    """Return the key of a request that needs no built model."""
    return f"{kind}:{sha256(content).hexdigest()}"

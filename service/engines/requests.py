"""What can be asked of engines, each as a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from models.ipc.messages import Construct, DescribeWeights, Plan, Request, Run, TensorInfo, Weights
from models.networks.network import NO_WEIGHTS, Network
from models.tensors.dtypes import name_of
from models.views.view import View
from models.weights.specs import WeightsFile
from service.engines.jobs import EngineRequest
from service.settings import Settings


@dataclass(frozen=True)
class Source:
    """What an engine builds a model from: the document's bytes, and a file of weights when they are not its seed's."""

    document: bytes
    weights: WeightsFile | None
    key: str
    """The model's id: what engines know it by."""


def source_of(network: Network, weights: WeightsFile | None = None) -> Source:
    """A network with its weights, as an engine reads it."""
    digest = weights.digest if weights is not None else NO_WEIGHTS
    return Source(network.document_bytes, weights, network.identity(digest))


def run_request(
    source: Source, names: Sequence[str], arrays: Sequence[np.ndarray], limits: Settings, **options: Any
) -> EngineRequest:
    """A run of a document on arrays, as a question."""
    pairs = zip(names, arrays, strict=True)
    infos = tuple(TensorInfo(name, name_of(array.dtype), array.shape, array.nbytes) for name, array in pairs)

    def phrase(number: int, payloads: tuple[Any, ...]) -> Request:
        return Run(
            number, source.key, source.document, infos, payloads,
            max_bytes=limits.reply_limit, max_macs=limits.max_macs, weights_file=source.weights, **options,
        )  # fmt: skip

    batches_with = _batch_key(source, infos, options) if limits.batch_requests > 1 else None
    return EngineRequest(source.key, phrase, tuple(arrays), source.document, batches_with)


def _batch_key(source: Source, infos: Sequence[TensorInfo], options: Mapping[str, Any]) -> object:
    """What runs must agree in: everything but the numbers and the batch, of which all inputs of a run have the same.
    Training mode, in which the rows of a batch meet, keeps a run apart, and so do weights, which each would be sent.
    """
    if options["training"] or options["weights"] or len({info.shape[0] for info in infos}) != 1:
        return None
    return source.key, [(info.name, info.dtype, info.shape[1:]) for info in infos], options


def _key(what: str, content: bytes) -> str:
    """What engines and the quarantine know a question by that is about no built model."""
    return f"{what}:{sha256(content).hexdigest()}"


def plan_request(
    document: bytes,
    shapes: Mapping[str, tuple[int | None, ...]],
    outputs: tuple[str, ...],
    views: Mapping[str, View],
) -> EngineRequest:
    """The plan of a document on these input shapes, as a question."""
    key = _key("plan", document)

    def phrase(number: int, _: tuple[Any, ...]) -> Request:
        return Plan(number, document, dict(shapes), outputs, dict(views))

    return EngineRequest(key, phrase, document=document, beside=True)


def construct_request(arguments: bytes) -> EngineRequest:
    """The document of a network of keras.applications, as a question."""
    return EngineRequest(_key("construct", arguments), lambda number, _: Construct(number, arguments), beside=True)


def weights_request(source: Source, paths: tuple[str, ...] | None, limits: Settings) -> EngineRequest:
    """The weights of a network's layers, as a question."""

    def phrase(number: int, _: tuple[Any, ...]) -> Request:
        return Weights(number, source.key, source.document, paths, limits.reply_limit, source.weights)

    return EngineRequest(source.key, phrase, document=source.document)


def specs_request(document: bytes) -> EngineRequest:
    """What a file of weights for a document must hold, as a question."""
    key = _key("plan", document)
    return EngineRequest(key, lambda number, _: DescribeWeights(number, document), document=document, beside=True)

"""What the front and an engine say to each other. Imports neither TensorFlow nor a web library.

Frames are MessagePack (msgspec), each preceded by its length; see `channel`. Tensors of at most
`INLINE_BYTES` travel inside the frame, larger ones through the sender's arena of shared memory.
"""

from __future__ import annotations

from typing import Any

import msgspec

from models.views.view import View
from models.weights.specs import WeightsFile, WeightSpec

INLINE_BYTES = 64 * 1024
"""Inputs, whole replies and groups of tensors up to this are copied into the frame: a page fault costs more."""


class TensorInfo(msgspec.Struct, frozen=True, array_like=True):
    """A tensor without its bytes: C order, little-endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int


class Span(msgspec.Struct, frozen=True, array_like=True):
    """Bytes in the sender's arena; the reader gives them back with `Release`."""

    offset: int
    nbytes: int


class Payload(msgspec.Struct, frozen=True, array_like=True):
    """The bytes of one tensor: inline, or where they lie in the arena."""

    inline: bytes | None = None
    span: Span | None = None


class LayerInfo(msgspec.Struct, frozen=True):
    """One reported layer: its output tensor (None where only weights were asked for), statistics, weights and view.

    With a view the tensors that follow are the view's members, named by its suffixes after the address.
    """

    address: str
    type: str
    output: TensorInfo | None
    parameters: int
    stats: dict[str, Any] | None = None
    weights: tuple[TensorInfo, ...] = ()
    view: dict[str, Any] | None = None


class Request(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of what the front asks. `id` counts up within one engine's life."""

    id: int


class Plan(Request, frozen=True, tag="plan"):
    """Shapes, bytes and costs of a document on concrete or free input shapes, batch included."""

    document: bytes
    shapes: dict[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    views: dict[str, View] = {}


class Run(Request, frozen=True, tag="run"):
    """Activations of a document. `outputs` are canonical addresses, `key` names the cached model.

    `views` are by address. `max_bytes` bounds the sum of the tensors asked for, after their views, `max_macs` the work.
    `weights_file` replaces the weights that follow from the document's seed; `key` must tell models with different
    weights apart.
    """

    key: str
    document: bytes
    inputs: tuple[TensorInfo, ...]
    payloads: tuple[Payload, ...]
    outputs: tuple[str, ...]
    data: bool
    stats: bool
    weights: bool
    training: bool
    max_bytes: int
    max_macs: int
    weights_file: WeightsFile | None = None
    views: dict[str, View] = {}
    texts: bool = False
    """Whether tensors that come inline may come as JSON text: an engine has more time than the front of all engines."""


class RunBatch(msgspec.Struct, frozen=True, tag_field="kind", tag="together"):
    """Runs that agree in everything that is computed but the numbers and the batch of their inputs: they may be
    computed as one batch. Each is answered on its own, in order.
    """

    runs: tuple[Run, ...]


class Weights(Request, frozen=True, tag="weights"):
    """The weights of a document's layers; `paths` limits them to those layers (None: all)."""

    key: str
    document: bytes
    paths: tuple[str, ...] | None
    max_bytes: int
    weights_file: WeightsFile | None = None


class DescribeWeights(Request, frozen=True, tag="specify"):
    """What a file of weights for a document, whose inputs are declared, must hold."""

    document: bytes


class Construct(Request, frozen=True, tag="construct"):
    """A network of keras.applications; `arguments` is what `models.reading.applications.graph_arguments` wrote."""

    arguments: bytes


class Release(msgspec.Struct, frozen=True, tag_field="kind", tag="release"):
    """Spans of the other side's arena that are no longer read."""

    spans: tuple[Span, ...]


class Ready(msgspec.Struct, frozen=True, tag_field="kind", tag="ready"):
    """An engine has imported TensorFlow and warmed up."""

    devices: tuple[dict[str, str], ...]
    versions: dict[str, str]
    warm_up_ms: float


class Reply(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of what an engine answers to request `id`."""

    id: int


class Failed(Reply, frozen=True, tag="failed"):
    """The request was refused or went wrong; rebuilt as an error by `models.errors.error_of`."""

    code: str
    detail: str
    problems: tuple[tuple[str, str, str | None, str | None, str | None], ...] = ()


class Planned(Reply, frozen=True, tag="planned"):
    """The plan, as JSON."""

    plan: bytes


class WeightsDescribed(Reply, frozen=True, tag="specified"):
    """The expected weights in the order of Keras' `get_weights()`."""

    specs: tuple[WeightSpec, ...]


class Constructed(Reply, frozen=True, tag="constructed"):
    """The network as a canonical document, and the name of the file of weights that Keras would fetch for it."""

    document: bytes
    file: str | None = None


class RunResult(Reply, frozen=True, tag="ran"):
    """The result without its large tensors. `tensors` lists what follows, in order, as `Data`.

    For each layer its activation (if data was asked for), then its weights. The first `len(payloads)` of
    them are in this frame already.
    """

    layers: tuple[LayerInfo, ...]
    inputs: dict[str, Any]
    parameters: int
    cached: bool
    build_ms: float
    run_ms: float
    tensors: tuple[TensorInfo, ...]
    payloads: tuple[Payload, ...]
    texts: bool = False
    """Whether the payloads are JSON text."""
    seconds: float = 0.0
    """What the run, or the batch that it was part of, was estimated to take; 0 where nothing was run."""


class Data(Reply, frozen=True, tag="data"):
    """The next tensors of a result, as many as `count`; where each lies, `models.ipc.groups` says."""

    payload: Payload
    count: int = 1


FromFront = Plan | Run | RunBatch | Weights | DescribeWeights | Construct | Release
FromEngine = Ready | Failed | Planned | WeightsDescribed | Constructed | RunResult | Data | Release

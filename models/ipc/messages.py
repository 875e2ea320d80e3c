"""Messages between the front and an engine. Imports neither TensorFlow nor a web library.

Frames are MessagePack (msgspec), each preceded by its length; see `channel`. Tensors of at most
`INLINE_BYTES` travel inside the frame, larger ones through the sender's arena of shared memory.
"""

from __future__ import annotations

from typing import Any

import msgspec

from models.errors.problem import Problem
from models.explaining.editing import Edit
from models.explaining.questions import Explanation, Question
from models.ipc.arena import Span
from models.views.view import View
from models.weights.specs import WeightsFile, WeightSpec

INLINE_BYTES = 64 * 1024
"""Inputs, whole replies and groups of tensors up to this are copied into the frame: a page fault costs more."""


class TensorInfo(msgspec.Struct, frozen=True, array_like=True):
    """Metadata of a tensor: C order, little-endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int


class Payload(msgspec.Struct, frozen=True, array_like=True):
    """The bytes of one tensor: inline, or a span of the arena."""

    inline: bytes | None = None
    span: Span | None = None


class TensorInGraph(msgspec.Struct, frozen=True):
    """The shape in the graph of a tensor whose batch is not the first axis there (None where the batch is free), and
    the place in it of each axis as sent.
    """

    shape: tuple[int | None, ...]
    axes: tuple[str, ...]


class LayerInfo(msgspec.Struct, frozen=True):
    """One reported layer: its output tensor (None where only weights were requested), statistics, weights and view.

    With a view the tensors that follow are the view's members, named by its suffixes after the address.
    """

    address: str
    type: str
    output: TensorInfo | None
    parameters: int
    stats: dict[str, Any] | None = None
    weights: tuple[TensorInfo, ...] = ()
    view: dict[str, Any] | None = None
    in_graph: TensorInGraph | None = None
    edited: tuple[int, ...] = ()
    """The numbers of the edits that changed it."""
    facts: dict[str, Any] = {}
    """What an analysis says of it, as members of its entry."""


class Request(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of the requests of the front. `id` counts up within one engine's life."""

    id: int


class Plan(Request, frozen=True, tag="plan"):
    """Shapes, bytes and costs of a document on concrete or free input shapes, batch included."""

    document: bytes
    shapes: dict[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]
    views: dict[str, View] = {}
    explanation: Explanation | None = None
    """An explanation to price."""


class Run(Request, frozen=True, tag="run"):
    """Activations of a document. `outputs` are canonical addresses, `key` names the cached model.

    `views` are by address. `max_bytes` bounds the sum of the selected tensors, after their views, `max_macs` the work.
    `weights_file` replaces the weights that follow from the document's seed; `key` tells other weights apart.
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
    edits: tuple[Edit, ...] = ()
    """Changes of tensors on the way; their arrays are among the inputs, by `operand_name`."""
    texts: bool = False
    """Whether inline tensors may be sent as JSON text: an engine has more time than the front of all engines."""
    policy: str | None = None
    """The dtype policy that all layers are run under, with the same weights; None: their own. `key` tells it apart."""


class Analyse(Request, frozen=True, tag="analyse"):
    """A question about one run or two, answered from their `outputs`. The reply has the limits of the first."""

    runs: tuple[Run, ...]
    question: Question


class RunBatch(msgspec.Struct, frozen=True, tag_field="kind", tag="run_batch"):
    """Runs that differ only in the values and batch size of their inputs: they may be computed as one batch. Each gets
    a reply of its own, in order.
    """

    runs: tuple[Run, ...]


class Weights(Request, frozen=True, tag="weights"):
    """The weights of a document's layers; `paths` limits them to those layers (None: all)."""

    key: str
    document: bytes
    paths: tuple[str, ...] | None
    max_bytes: int
    weights_file: WeightsFile | None = None


class DescribeWeights(Request, frozen=True, tag="describe_weights"):
    """The weights that a file must hold for a document whose inputs are declared."""

    document: bytes


class Construct(Request, frozen=True, tag="construct"):
    """A network of keras.applications; `arguments` is the result of `models.reading.applications.graph_arguments`."""

    arguments: bytes


class Release(msgspec.Struct, frozen=True, tag_field="kind", tag="release"):
    """Spans of the peer's arena that are no longer read."""

    spans: tuple[Span, ...]


class Ready(msgspec.Struct, frozen=True, tag_field="kind", tag="ready"):
    """An engine has imported TensorFlow and warmed up."""

    devices: tuple[dict[str, str], ...]
    versions: dict[str, str]
    warm_up_ms: float


class Reply(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of the replies of an engine to request `id`."""

    id: int


class Failed(Reply, frozen=True, tag="failed"):
    """The request was refused or failed; rebuilt as an error by `models.errors.error_of`."""

    code: str
    detail: str
    problems: tuple[Problem, ...] = ()


class Planned(Reply, frozen=True, tag="planned"):
    """The plan, as JSON."""

    plan: bytes


class WeightsDescribed(Reply, frozen=True, tag="weights_described"):
    """The expected weights in the order of Keras' `get_weights()`."""

    specs: tuple[WeightSpec, ...]


class Constructed(Reply, frozen=True, tag="constructed"):
    """The network as a canonical document, and the name of the weights file that Keras would fetch for it."""

    document: bytes
    file: str | None = None


class CacheFigures(msgspec.Struct, frozen=True, array_like=True):
    """The cache of built models at one moment."""

    models: int = 0
    nbytes: int = 0
    """Their estimated memory."""
    evictions: int = 0
    """Models that were dropped to make room, since the engine's start."""


class RunResult(Reply, frozen=True, tag="run_result"):
    """The result without its large tensors. `tensors` lists those that follow, in order, as `Data`.

    For each layer its activation (if data was requested), then its weights. The first `len(payloads)` of
    them are already in this frame.
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
    """Estimated seconds of the run, or of the batch that it was part of; 0 where nothing was run."""
    macs: int = 0
    """Multiply-adds by the plan; 0 where nothing was run."""
    cache: CacheFigures = CacheFigures()
    facts: dict[str, Any] = {}
    """The answer to a question beside its tensors, as members of the reply."""


class Data(Reply, frozen=True, tag="data"):
    """The next `count` tensors of a result; `models.ipc.groups` defines their offsets."""

    payload: Payload
    count: int = 1


FromFront = Plan | Run | RunBatch | Analyse | Weights | DescribeWeights | Construct | Release
"""Messages to an engine."""
FromEngine = Ready | Failed | Planned | WeightsDescribed | Constructed | RunResult | Data | Release
"""Messages from an engine."""

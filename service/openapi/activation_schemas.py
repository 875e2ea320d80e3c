"""Response models of activations and weights."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from service.openapi.model_schemas import NoteReply


class Stats(BaseModel):
    """Of the finite values; null when there are none."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    zeros: float = Field(description="The fraction of exact zeros.")
    nan: int
    inf: int


class WeightReply(BaseModel):
    """One weight of a layer, under Keras' name."""

    name: str
    shape: list[int]
    dtype: str
    data: Any = Field(None, description="Nested arrays; NaN and infinities are strings.")
    base64: str | None = None


class ViewReply(BaseModel):
    """What was made of an activation: the options in the order of their application, and the result's figures."""

    slice: str | None = None
    reduce: str | None = None
    top: int | None = None
    histogram: str | None = None
    shape: list[int] = Field(description="Of the result; with `top` of its values, with `histogram` of its counts.")
    axes: str = Field(description="The names of its axes, as `reduce` has them; `?` where they have none.")
    dtype: str
    bytes: int
    overflow: int | None = Field(None, description="Finite values that became infinite in a smaller dtype.")
    scale: float | None = Field(None, description="With uint8: value = offset + scale × number.")
    offset: float | None = None


class TopReply(BaseModel):
    """The largest units of the last axis: largest first, of equal ones the lowest index first, NaN last."""

    indices: Any
    values: Any
    labels: Any = Field(None, description="The units' names, nested as the indices are, of an output with labels.")


class HistogramReply(BaseModel):
    """Counts between edges. The last bin holds both of its edges."""

    counts: list[int]
    edges: list[float]
    below: int
    above: int
    nan: int


class TensorInGraph(BaseModel):
    """A tensor where operations have moved the batch from the first axis, or joined it with others."""

    shape: list[int | None] = Field(description="As Keras has it; null where the size of the batch is free.")
    axes: list[str] = Field(
        description="Its place of each axis as sent: `batch`, `axis 1`, or a part of one, `axis 0, after the batch`.",
        examples=[["batch", "axis 0", "axis 2"]],
    )


IN_GRAPH = "Left out where the graph has the batch first, too."


class LayerReply(BaseModel):
    """One layer's activation."""

    address: str
    type: str
    shape: list[int]
    dtype: str
    in_graph: TensorInGraph | None = Field(None, description=IN_GRAPH)
    edited: list[int] | None = Field(None, description="The numbers of the edits that changed it; left out without.")
    parameters: int
    stats: Stats | None = None
    view: ViewReply | None = None
    data: Any = None
    base64: str | None = None
    labels: list[str] | None = Field(
        None, description="Names by index, of the last axis of the values, or of the units that argmax returned."
    )
    top: TopReply | None = None
    histogram: HistogramReply | None = None
    weights: list[WeightReply] | None = None


class ModelReply(BaseModel):
    """The model that ran."""

    id: str = Field(examples=["sha256:9918e6abe1f18…"])
    name: str | None
    parameters: int
    cached: bool = Field(description="Whether it was built already.")


class InputReply(BaseModel):
    """An input as the network saw it, and what was done to make it so."""

    shape: list[int]
    dtype: str
    preprocessing: dict[str, Any] | None = None
    stats: Stats | None = None


class Timing(BaseModel):
    """Milliseconds."""

    build_ms: float
    run_ms: float
    total_ms: float


class EditReply(BaseModel):
    """What one edit did."""

    addresses: list[str]
    changed: int = Field(description="The number of values that differ after it.")


class ActivationsReply(BaseModel):
    """The reply of every route that runs a network."""

    model: ModelReply
    inputs: dict[str, InputReply]
    layers: list[LayerReply]
    timing: Timing
    edits: list[EditReply] | None = Field(None, description="Of a request with edits: what each did, in their order.")
    notes: list[NoteReply] = Field([], description="On a document in the request, where there are any.")


class LayerWeights(BaseModel):
    """The weights of one layer."""

    address: str
    type: str
    parameters: int
    weights: list[WeightReply]


class NamedModel(BaseModel):
    """A model by id and name."""

    id: str
    name: str | None
    parameters: int


class WeightsReply(BaseModel):
    """The weights of a model's layers, in `get_weights()` order."""

    model: NamedModel
    layers: list[LayerWeights]

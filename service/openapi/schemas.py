"""Response models of the API."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


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


class HistogramReply(BaseModel):
    """Counts between edges. The last bin holds both of its edges."""

    counts: list[int]
    edges: list[float]
    below: int
    above: int
    nan: int


class LayerReply(BaseModel):
    """One layer's activation."""

    address: str
    type: str
    shape: list[int]
    dtype: str
    parameters: int
    stats: Stats | None = None
    view: ViewReply | None = None
    data: Any = None
    base64: str | None = None
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


class ActivationsReply(BaseModel):
    """The reply of every route that runs a network."""

    model: ModelReply
    inputs: dict[str, InputReply]
    layers: list[LayerReply]
    timing: Timing


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


class ModelEntry(BaseModel):
    """A registered model in a list."""

    name: str
    id: str
    created: str
    weights: str | None = Field(description="`sha256:…` of the weights; null when they follow from the seed.")


class DamagedName(BaseModel):
    """A name whose file in the store cannot be read."""

    name: str
    problem: str = Field(description="What is wrong with the file.")


class ModelList(BaseModel):
    """Every registered model."""

    models: list[ModelEntry]
    damaged: list[DamagedName] = Field(
        [], description="Names that stand for no model, where there are any: PUT replaces one, DELETE removes it."
    )


class NodeReply(BaseModel):
    """One layer call of a graph."""

    address: str
    type: str
    inputs: list[str]
    outputs: list[str]
    shape: list[int | None] | None = None
    parameters: int | None = None


class ModelSummary(ModelEntry):
    """A registered model with its graph. Shapes and counts are there when the document declares its inputs."""

    inputs: dict[str, Any]
    outputs: list[str]
    parameters: int | None
    nodes: list[NodeReply]
    edges: list[tuple[str, str]]


class LayerTypeEntry(BaseModel):
    """A layer type of the catalogue."""

    type: str
    aliases: list[str]
    family: str
    summary: str


class LayerTypeList(BaseModel):
    """The catalogue."""

    layers: list[LayerTypeEntry]
    left_out: dict[str, str] = Field(description="Layers of Keras that are not allowed, and why.")


class LayerType(LayerTypeEntry):
    """A layer type with its arguments and a document that works."""

    arguments: dict[str, Any] = Field(description="JSON Schema.")
    example: dict[str, Any]


class EngineReply(BaseModel):
    """One engine."""

    ready: bool
    pid: int | None
    devices: list[dict[str, str]]
    gpu: str | None = Field(None, description="The GPU that it was given, as `CUDA_VISIBLE_DEVICES` names it.")


class Readiness(BaseModel):
    """Whether requests are served, and on what."""

    ready: bool
    draining: bool
    reason: str | None = None
    engines: list[EngineReply]
    spares: list[EngineReply] = Field([], description="Engines in reserve (`LAYERSCOPE_SPARE_ENGINES`).")


class Liveness(BaseModel):
    """The front answers."""

    live: bool = True


class Version(BaseModel):
    """What is running."""

    layerscope: str
    python: str
    tensorflow: str
    keras: str

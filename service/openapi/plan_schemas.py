"""Response models of `POST /v1/plan`."""

from __future__ import annotations

from pydantic import BaseModel, Field

from service.openapi.activation_schemas import IN_GRAPH, TensorInGraph
from service.openapi.model_schemas import NoteReply


class ReceptiveFieldReply(BaseModel):
    """What one element sees, along each spatial axis, in elements of the network's input."""

    input: str
    size: list[int]
    stride: list[int]
    offset: list[int | None] = Field(
        description="First input element the first output element sees; negative in padding."
    )


class PlannedTensor(BaseModel):
    """A tensor before it exists; null where a dimension is free."""

    shape: list[int | None]
    dtype: str
    bytes: int | None


class PlannedView(PlannedTensor):
    """What a layer's view makes of it: what was asked for, and the result."""

    slice: str | None = None
    reduce: str | None = None
    top: int | None = None
    histogram: str | None = None
    axes: str


class PlannedLayer(PlannedTensor):
    """One layer of a plan."""

    address: str
    type: str
    inputs: list[str] = Field(description="The addresses that it reads: the edges of the graph.")
    in_graph: TensorInGraph | None = Field(None, description=IN_GRAPH)
    parameters: int
    trainable_parameters: int
    non_trainable_parameters: int
    macs: int | None = Field(description="Multiply-adds for the whole batch.")
    inner_bytes: int | None = Field(description="Of tensors inside the layer, beside its inputs and outputs.")
    seconds: float | None = Field(description="Estimated for this machine.")
    receptive_field: ReceptiveFieldReply | None = Field(
        description="Null where an output does not see a sliding window."
    )
    view: PlannedView | None = Field(None, description="Where one was asked for; the layer's own figures stay.")


class PlanTotals(BaseModel):
    """Sums over the whole network."""

    layers: int
    input_bytes: int | None
    bytes: int | None = Field(description="All layers' outputs.")
    parameters: int
    trainable_parameters: int
    non_trainable_parameters: int
    parameter_bytes: int
    macs: int | None
    working_bytes: int | None = Field(
        description="Most that computing all layers takes: inputs, all outputs, and what lies inside layers at once."
    )
    seconds: float | None = Field(description="Estimated for this machine, of running all layers.")
    build_seconds: float | None = Field(description="Likewise, of drawing the weights.")


class PlannedModel(BaseModel):
    """The model that was planned."""

    id: str | None = Field(None, description="Null while weights of ImageNet that it follows from are not here yet.")
    name: str | None
    parameters: int
    outputs: list[str] = Field(description="The addresses of its outputs.")


class PlannedExplanation(BaseModel):
    """What an explanation takes; null where a shape is free."""

    to: list[str] = Field(description="The addresses that it explains by.")
    gradient_rows: int = Field(description="Rows that are computed for one item with their gradients.")
    score_rows: int = Field(description="Rows that are computed for one item without.")
    row_bytes: int | None = Field(description="Peak memory of computing one row with gradients.")
    macs: int | None = Field(description="Multiply-adds of all rows of all items, the way back included.")
    seconds: float | None


class PlanReply(BaseModel):
    """The reply of `POST /v1/plan`."""

    model: PlannedModel
    inputs: dict[str, PlannedTensor]
    layers: list[PlannedLayer]
    reply_bytes: int | None = Field(description="The layers asked for, after their views.")
    weight_bytes: int = Field(description="Of the weights of the layers asked for, which `weights=true` adds.")
    run_macs: int | None = Field(description="Multiply-adds of computing the layers asked for.")
    totals: PlanTotals
    explanation: PlannedExplanation | None = Field(None, description="Where the request has one to price.")
    notes: list[NoteReply] = Field([], description="On a document in the request, where there are any.")

"""Response models of analyses: explanations, comparisons, diagnoses."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from service.openapi.activation_schemas import (
    ActivationsReply,
    EditReply,
    InputReply,
    LayerReply,
    ModelReply,
    TensorInGraph,
    Timing,
)
from service.openapi.model_schemas import NoteReply


class TermReply(BaseModel):
    """A number of each item."""

    address: str
    index: str | None = Field(description="NumPy's index after the batch; null: all of the item.")
    argmax: list[int] | None = Field(None, description="The unit of each item that is largest.")
    labels: list[str] | None = Field(None, description="The class labels of these units, where the model has some.")
    label: str | None = Field(None, description="The class label of the unit that the index names.")
    values: list[float | str]
    summed: bool = Field(False, description="Whether axes were left free, which are summed.")


class TargetReply(TermReply):
    """What is explained."""

    minus: TermReply | None = None
    sign: int = 1
    scores: list[float | str] = Field(description="What is explained, a number for each item: value - minus, × sign.")
    is_default: bool = Field(description="Whether the request named no target.")


class WarningReply(BaseModel):
    """A reason to read an explanation with care, and its evidence."""

    model_config = {"extra": "allow"}

    warning: Literal["saturated", "all_zero", "all_negative", "few_steps"]
    address: str | None = None
    items: list[int] | None = None


class ExplanationReply(ActivationsReply):
    """The reply to a request for an explanation; `layers` has it for each address."""

    method: str
    target: TargetReply
    warnings: list[WarningReply]


Number = float | Literal["NaN", "Infinity", "-Infinity"]
Status = Literal["equal", "close", "differs", "shape_differs", "only_a", "only_b", "not_finite"]


class TensorReply(BaseModel):
    """A tensor of one side."""

    address: str
    shape: list[int]
    dtype: str


class PlaceReply(BaseModel):
    """An element of both tensors."""

    index: list[int]
    a: Number | bool
    b: Number | bool


class ToleranceReply(BaseModel):
    """Close is |a - b| ≤ atol + rtol · |a|."""

    rtol: float
    atol: float


class FiguresReply(BaseModel):
    """How far b lies from a, over the positions where both are finite; null where there are none."""

    status: Status = Field(
        description="`equal`: the same dtype and bits. `close`: within the tolerance everywhere. `not_finite`: NaN or "
        "an infinity of one side is something else on the other."
    )
    max_abs: Number | None = None
    mean_abs: Number | None = None
    rel_l2: Number | None = Field(None, description="‖a - b‖ / ‖a‖; Infinity if a is all zero and b is not.")
    cosine: float | None = Field(None, description="Null also if one side is all zero.")
    snr_db: Number | None = Field(
        None, description="20 · log10(‖a‖ / ‖a - b‖); Infinity without a difference, -Infinity if a is all zero."
    )
    max_ulp: int | None = Field(
        None, description="Steps from one number to the next, of the dtype with fewer digits; null for integers."
    )
    argmax_agrees: float | None = Field(
        None, description="Share of positions with the same largest unit of the last axis; null if that has one unit."
    )
    at: PlaceReply | None = Field(None, description="Where they differ most; null where they do not.")
    not_finite: int | None = Field(None, description="Positions where one side is NaN or infinite.")
    tolerance: ToleranceReply | None = None


class ComparedWeight(FiguresReply):
    """A weight of both layers."""

    name: str


class ComparedLayer(LayerReply, FiguresReply):
    """A pair of tensors, under the address in a; shape, dtype, stats, view and data are those of a - b."""

    shape: list[int] | None = None  # type: ignore[assignment] # left out where there is no difference
    dtype: str | None = None  # type: ignore[assignment]
    a: TensorReply | None
    b: TensorReply | None
    weights: list[ComparedWeight] | None = None  # type: ignore[assignment]


class ComparedSide(BaseModel):
    """The second side."""

    model: dict[str, Any] = Field(description="Its `id` and `name`.")
    inputs: dict[str, InputReply]


class ComparedEdits(BaseModel):
    """What the edits of each side did."""

    a: list[EditReply]
    b: list[EditReply]


class ComparisonReply(BaseModel):
    """The reply to a request for a comparison; `model` and `inputs` are those of a."""

    model: ModelReply
    inputs: dict[str, InputReply]
    b: ComparedSide
    equal: bool = Field(description="Whether every tensor is on both sides, with the same bits.")
    close: bool = Field(description="Whether every tensor is on both sides, equal or close.")
    first_divergence: str | None = Field(
        description="The first pair, in order of computation, that is neither equal nor close."
    )
    edits: ComparedEdits | None = None
    layers: list[ComparedLayer]
    timing: Timing
    notes: list[NoteReply] = []


class FindingReply(BaseModel):
    """What one finding says of one layer."""

    address: str
    type: str
    finding: str = Field(examples=["dead_units"])
    status: Literal["found", "clear", "not_enough_items"]
    severity: Literal["high", "medium", "low"]
    text: str = Field(description="What it means, and what to try.")
    evidence: dict[str, Any] = Field(description="Figures, the number of distinct items, and the first 20 units.")
    threshold: dict[str, float] = Field(description="What the figures are compared with.")


class DiagnosedLayer(BaseModel):
    """A layer, and the status of each finding that applies to it."""

    address: str
    type: str
    shape: list[int]
    dtype: str
    in_graph: TensorInGraph | None = None
    parameters: int
    findings: dict[str, Literal["found", "clear", "not_enough_items"]]


class DiagnosisReply(BaseModel):
    """The reply to a request for a diagnosis; what was found comes first, the most severe at the top."""

    model: ModelReply
    inputs: dict[str, InputReply]
    findings: list[FindingReply]
    edits: list[EditReply] | None = None
    layers: list[DiagnosedLayer]
    timing: Timing
    notes: list[NoteReply] = []

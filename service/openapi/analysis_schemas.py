"""Response models of analyses: explanations."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.openapi.activation_schemas import ActivationsReply


class TermReply(BaseModel):
    """A number of each item."""

    address: str
    index: str | None = Field(description="NumPy's index after the batch; null: all of the item.")
    argmax: list[int] | None = Field(None, description="The unit of each item that is largest.")
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

"""Response models of the arithmetic of one element."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.openapi.activation_schemas import ActivationsReply

Number = float | str
"""NaN and infinities are strings."""


class ElementReply(BaseModel):
    """What is explained."""

    address: str
    index: list[int] = Field(description="Over all axes, the batch first; none negative.")


class ProductReply(BaseModel):
    """One term of a sum."""

    name: str = Field(description="The tensor of the value: an address, a weight, or the result of an earlier step.")
    index: list[int]
    value: Number
    weight: Number | None = Field(
        description="What it is multiplied by; null where the formula names a function of it."
    )
    product: Number


class PaddingReply(BaseModel):
    """The cells of a window that lie in the padding, and are no terms."""

    cells: int
    of: int = Field(description="All cells of the window.")
    window: list[list[int]] = Field(description="Along each axis, the positions in the window that are outside.")


class StepReply(BaseModel):
    """One sum."""

    address: str | None = Field(description="The tensor that holds the value; null for what Keras keeps in none.")
    formula: str
    terms: list[ProductReply] = Field(description="At most 4,096: of more, those with the largest products, in order.")
    terms_total: int
    bias: Number | None
    sum: Number = Field(description="The terms and the bias, in float64.")
    value: Number = Field(description="What Keras computed; the sum where no tensor holds it.")
    ulps: Number = Field(description="|sum - value| in units in the last place of the largest term.")
    padding: PaddingReply | None = None


class ReadReply(BaseModel):
    """The part of one tensor that the element is computed from."""

    address: str
    box: list[list[int]] = Field(description="Along each axis, the first position and the one past the last.")
    extent: Literal["exact", "upper_bound", "whole_input"] = Field(
        description="The smallest such box; a box that holds it; everything that a layer without a rule may read."
    )


class ArithmeticReply(ActivationsReply):
    """The reply to a request for the arithmetic of one element; `layers` has the part of each input that is read."""

    of: ElementReply
    value: float | int | bool | str
    steps: list[StepReply] = Field(description="The last one has the value.")
    reason: str | None = Field(None, description="Why there are no steps.")
    reads: list[ReadReply]

"""Closed list of regularizers. They affect training, not activations, but are validated and kept."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from models.layers.named import Named, closed_union

Factor = Annotated[float, Field(ge=0)]


class Regularizer(Named):
    """Base of the regularizers."""


class L1(Regularizer):
    """A penalty of `l1` times the sum of the absolute weights."""

    type: Literal["L1"] = "L1"
    l1: Factor = 0.01


class L2(Regularizer):
    """A penalty of `l2` times the sum of the squared weights."""

    type: Literal["L2"] = "L2"
    l2: Factor = 0.01


class L1L2(Regularizer):
    """The penalties of L1 and L2 together."""

    type: Literal["L1L2"] = "L1L2"
    l1: Factor = 0.0
    l2: Factor = 0.0


class OrthogonalRegularizer(Regularizer):
    """A penalty on rows or columns that are not orthogonal to each other."""

    type: Literal["OrthogonalRegularizer"] = "OrthogonalRegularizer"
    factor: Factor = 0.01
    mode: Literal["rows", "columns"] = "rows"


ALIASES = {"l1_l2": "L1L2"}
REGULARIZERS: tuple[type[Regularizer], ...] = (L1, L2, L1L2, OrthogonalRegularizer)
AnyRegularizer = TypeAliasType(
    "AnyRegularizer", Annotated[Regularizer, closed_union("regularizer", REGULARIZERS, ALIASES)]
)

"""Questions about runs, as they are sent to an engine: one class each."""

from __future__ import annotations

from typing import Any

import msgspec

from models.explaining.elements import Element
from models.explaining.targets import Target


class Explanation(msgspec.Struct, frozen=True, tag_field="kind", tag="explanation"):
    """Why a target has its value: a method with its knobs, for each address of `to`; the method chooses where there is
    none.
    """

    target: Target
    to: tuple[str, ...]
    method: str
    knobs: dict[str, Any] = {}
    resized: bool = False
    """Whether maps come at the size of the picture, too."""


class Arithmetic(msgspec.Struct, frozen=True, tag_field="kind", tag="arithmetic"):
    """How an element came about: the terms of its layer, and the part of each input that it is computed from."""

    element: Element


class Comparison(msgspec.Struct, frozen=True, tag_field="kind", tag="comparison"):
    """How far two runs lie apart: the tensors of each pair of addresses, in order of computation; None for what the
    other has alone.
    """

    pairs: tuple[tuple[str | None, str | None], ...]
    tolerance: tuple[float, float] | None = None
    """Relative and absolute; None: by the dtypes of each pair."""
    weights: bool = False
    """Whether the weights of the layers are compared, too."""
    pointers: tuple[str, str] = ("/a", "/b")
    """JSON pointers to the two sides in the request."""


class Diagnosis(msgspec.Struct, frozen=True, tag_field="kind", tag="diagnosis"):
    """What the findings say of the layers whose outputs the run has."""


Question = Explanation | Arithmetic | Comparison | Diagnosis
"""Every question."""

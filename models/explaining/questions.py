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


Question = Explanation | Arithmetic
"""Every question."""

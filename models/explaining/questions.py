"""Questions about runs, as they are sent to an engine: one class each."""

from __future__ import annotations

from typing import Any

import msgspec

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


Question = Explanation
"""Every question."""

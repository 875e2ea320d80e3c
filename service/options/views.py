"""View options, which transform each activation; shared by activation and plan requests."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from models.networks.view_selection import PARSERS
from models.views.casting import NAMES
from models.views.histogram import MAX_BINS
from models.views.reduction import FUNCTIONS


def _view(description: str, *kinds: str) -> Any:
    """Field of an option that is one value, or an object of values by selector; `models.views` parses it."""
    value: dict[str, Any] = {"type": list(kinds) if len(kinds) > 1 else kinds[0]}
    by_selector: dict[str, Any] = {"type": "object", "additionalProperties": {"anyOf": [value, {"type": "null"}]}}
    schema: dict[str, Any] = {"anyOf": [value, by_selector, {"type": "null"}]}
    full_description = f"{description} For all layers, or an object by selector, the closest of which decides."
    return Field(None, description=full_description, json_schema_extra=schema)


class ViewOptions(BaseModel):
    """Views, in the order in which they are applied."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    slice: Any = _view("A part in NumPy's notation, the batch first: `0, :, :, 3:8`.", "string")
    reduce: Any = _view(f"One of {', '.join(FUNCTIONS)} over named axes (n, t, d, h, w, c): `mean@h,w`.", "string")
    top: Any = _view("The k largest units of the last axis, with index and value.", "integer", "string")
    histogram: Any = _view(f"At most {MAX_BINS} bins, or bins and range: `64,-2,2`.", "integer", "string")
    dtype: Any = _view(f"One of {', '.join(NAMES)}; uint8 with scale and offset.", "string")

    def views(self) -> dict[str, Any]:
        """Return the unparsed options by name."""
        return {name: getattr(self, name) for name in PARSERS}

"""Constants among the arguments of an operation: numbers, arrays, slices."""

from __future__ import annotations

from typing import Any

from models.reading.keras_json.site import Site


def constant(value: Any, site: Site) -> Any:
    """Translate a constant; the operation validates it."""
    match value:
        case {"class_name": "__numpy__" | "__tensor__", "config": {"value": items, "dtype": dtype}}:
            return {"value": items, "dtype": dtype}
        case {"class_name": "__ellipsis__"}:
            return "..."
        case {"class_name": "__slice__", "config": dict() as bounds}:
            return {name: bound for name, bound in bounds.items() if bound is not None}
        case list():
            return [constant(item, site.reading(number)) for number, item in enumerate(value)]
    return value

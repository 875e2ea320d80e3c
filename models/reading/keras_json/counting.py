"""Count of the layers of a serialised model, inner models included, before any of them is translated."""

from __future__ import annotations

from typing import Any

from models.limits import MAX_INPUTS, MAX_LAYERS
from models.reading.keras_json.site import Site


def check_count(raw: dict[str, Any], site: Site) -> None:
    """Refuse a model of more layers than a document may have.

    Raises:
        InvalidDocument: with their number.
    """
    waiting, count = [raw], 0
    while waiting:
        config = waiting.pop().get("config")
        layers = config.get("layers") if isinstance(config, dict) else None
        inner = layers if isinstance(layers, list) else []
        count += len(inner)
        waiting += [entry for entry in inner if isinstance(entry, dict)]
    if count > MAX_LAYERS + MAX_INPUTS:
        expected = f"at most {MAX_LAYERS} layers, models inside models included"
        raise site.reading("config").refusal("there are too many layers", expected, f"{count} layers")

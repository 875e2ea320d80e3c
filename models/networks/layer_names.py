"""Names of the layers in one list: the document's own, or Keras' style, never from process state."""

from __future__ import annotations

from collections.abc import Sequence

from models.errors import InvalidDocument, shown
from models.layers.layer import Layer


def layer_names(layers: Sequence[Layer], taken: set[str], pointer: str) -> list[str]:
    """Return a name for every layer of a list: its own, or Keras' style numbered within the list."""
    for position, layer in enumerate(layers):
        if layer.name is None:
            continue
        if layer.name in taken:
            raise InvalidDocument.at(
                f"{pointer}/layers/{position}/name",
                "this name is taken",
                expected="a name used once",
                received=shown(layer.name),
            )
        taken.add(layer.name)
    counts: dict[str, int] = {}
    return [layer.name or _next_name(layer.default_name(), counts, taken) for layer in layers]


def _next_name(base: str, counts: dict[str, int], taken: set[str]) -> str:
    while True:
        count = counts.get(base, 0)
        counts[base] = count + 1
        name = base if count == 0 else f"{base}_{count}"
        if name not in taken:
            taken.add(name)
            return name

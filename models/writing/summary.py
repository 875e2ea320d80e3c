"""Writer of a network as a plain-text table, as `model.summary()` prints it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.layers.sizes import Shape
from models.layers.spatial import shape_text
from models.networks.network import Network

HEADINGS = ("Layer (type)", "Output shape", "Parameters", "Reads")


def summary_of(network: Network, plan: Mapping[str, Any]) -> str:
    """Return the table of a network, from a plan of every tensor; blocks have a row where they return."""
    rows = {row["address"]: row for row in plan["layers"]}
    inputs = [(f"{name} (InputLayer)", _shape(row["shape"]), "0", "") for name, row in plan["inputs"].items()]
    nodes = [
        (
            f"{node.address} ({node.layer.type_name()})",
            ", ".join(_shape(rows[output]["shape"]) for output in node.outputs),
            f"{rows[node.outputs[0]]['parameters']:,}",
            ", ".join(node.given or node.reads),
        )
        for node in network.calls
    ]
    totals = plan["totals"]
    lines = [
        network.document.name or "model",
        *_aligned([HEADINGS, *inputs, *nodes]),
        "",
        f"Total parameters: {totals['parameters']:,}",
        f"Trainable parameters: {totals['trainable_parameters']:,}",
        f"Non-trainable parameters: {totals['non_trainable_parameters']:,}",
    ]
    return "\n".join(lines) + "\n"


def _shape(shape: Sequence[int | None]) -> str:
    dimensions: Shape = tuple(shape)
    return shape_text(dimensions)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align columns to their widest cell; numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        pairs = zip(row, widths, strict=True)
        cells = [cell.rjust(width) if column == 2 else cell.ljust(width) for column, (cell, width) in enumerate(pairs)]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "-" * max(len(line) for line in lines), *lines[1:]]

"""Tensors asked for of a network on inputs of known shapes: what is known of them before anything is computed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from models.engine.admission import Bounds, admit, sent_bytes
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidDocument, Problem
from models.ipc.messages import TensorInfo
from models.layers.spatial import shape_text
from models.networks.network import PRE, Node
from models.tensors.dtypes import DTYPES
from models.views.view import View


class Row(NamedTuple):
    """One tensor that is asked for, the call it belongs to (None for an input), and its layer's type."""

    info: TensorInfo
    node: Node | None
    type: str


@dataclass(frozen=True)
class Selected:
    """Made once for all runs of a selection on inputs of the same shapes. Every shape of the outline is concrete."""

    outline: SymbolicNetwork
    outputs: tuple[str, ...]
    rows: tuple[Row, ...] = field(init=False)
    admitted: dict[tuple[Bounds, bool], float] = field(default_factory=dict)
    """The bounds that it is known to keep, in training mode or not, and the seconds that it is estimated to take:
    replies with data have others than those without.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(map(self._row, self.outputs)))

    def _row(self, address: str) -> Row:
        shape, dtype = self.outline.shape(address), self.outline.dtype(address)
        info = TensorInfo(address, dtype, tuple(d or 0 for d in shape), self.outline.nbytes(address))
        node = self.outline.network.node_of.get(address.removesuffix(PRE))
        return Row(info, node, "InputLayer" if node is None else node.layer.type_name())

    def admit(self, views: Mapping[str, View], bounds: Bounds, training: bool = False) -> float:
        """The seconds that it is estimated to take. Refuses, by the plan's figures, what would not fit.

        Raises:
            TooLarge: with the figures, and the selection or batch that would fit.
            InvalidOption: a view does not fit its layer.
        """
        known = self.admitted.get((bounds, training)) if not views else None
        if known is None:
            known = admit(self.outline, sent_bytes(self.outline, self.outputs, views), bounds, training)
        if not views:
            self.admitted[bounds, training] = known
        return known

    def planned(self, arrays: Sequence[np.ndarray]) -> Iterator[tuple[Row, np.ndarray]]:
        """What was computed, beside what was asked for. An array that is not as planned is never sent: TensorFlow may
        return uninitialised memory.

        Raises:
            InvalidDocument: one is not. The engine's log has it, too, for no document should come to that.
        """
        for row, array in zip(self.rows, arrays, strict=True):
            if array.shape != row.info.shape or array.dtype != DTYPES[row.info.dtype]:
                raise _unlike(row, array)
            yield row, array


def _unlike(row: Row, array: np.ndarray) -> InvalidDocument:
    announced = f"{row.info.dtype} {shape_text(row.info.shape)}"
    found = f"{array.dtype.name} {shape_text(array.shape)}"
    print(f"engine: {row.info.name}, {row.type}: planned {announced}, computed {found}", file=sys.stderr, flush=True)
    message = f"{row.info.name}: Keras announces another output for this {row.type} than it computes"
    pointer = "" if row.node is None else row.node.pointer
    return InvalidDocument("", [Problem(pointer, message, announced, found, "use another layer, or another input")])

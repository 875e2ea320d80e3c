"""Plan of a selection of tensors on inputs of known shapes, and the check of computed tensors against it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from models.engine.admission import Bounds, Cost, admit, sent_bytes
from models.engine.symbolic_network import SymbolicNetwork
from models.errors import InvalidDocument
from models.ipc.messages import TensorInfo, TensorInGraph
from models.layers.spatial import shape_text
from models.networks.network import PRE, Node
from models.tensors.dtypes import DTYPES
from models.views.view import View


class Row(NamedTuple):
    """One selected tensor as it is sent, the call it belongs to (None for an input), and its layer's type."""

    info: TensorInfo
    node: Node | None
    type: str
    in_graph: TensorInGraph | None


@dataclass(frozen=True)
class SelectionPlan:
    """Planned once for all runs of a selection on inputs of the same shapes. Every shape of the network is concrete."""

    symbolic: SymbolicNetwork
    outputs: tuple[str, ...]
    rows: tuple[Row, ...] = field(init=False)
    admitted: dict[tuple[Bounds, bool], Cost] = field(default_factory=dict)
    """Costs by the bounds it was admitted under and training mode: replies with data have other bounds than
    those without.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(map(self._row, self.outputs)))

    def _row(self, address: str) -> Row:
        shape, dtype = self.symbolic.reply_shape(address), self.symbolic.dtype(address)
        info = TensorInfo(address, dtype, tuple(d or 0 for d in shape), self.symbolic.nbytes(address))
        node = self.symbolic.network.node_of.get(address.removesuffix(PRE))
        kind = "InputLayer" if node is None else node.layer.type_name()
        return Row(info, node, kind, self.symbolic.in_graph(address))

    def admit(self, views: Mapping[str, View], bounds: Bounds, training: bool = False) -> Cost:
        """Return the cost. Refuses, by the figures of the plan, what would not fit.

        Raises:
            TooLarge: with the figures, and the selection or batch that would fit.
            InvalidOption: a view does not fit its layer.
        """
        cost = self.admitted.get((bounds, training)) if not views else None
        if cost is None:
            cost = admit(self.symbolic, sent_bytes(self.symbolic, self.outputs, views), bounds, training)
        if not views:
            self.admitted[bounds, training] = cost
        return cost

    def check_computed(self, arrays: Sequence[np.ndarray]) -> Iterator[tuple[Row, np.ndarray]]:
        """Pair each computed array with its planned row. An array that differs from its plan is never sent: TensorFlow
        may return uninitialised memory.

        Raises:
            InvalidDocument: one differs. It is also in the engine's log, since no document should cause it.
        """
        for row, array in zip(self.rows, arrays, strict=True):
            if array.shape != row.info.shape or array.dtype != DTYPES[row.info.dtype]:
                raise _mismatch(row, array)
            yield row, array


def _mismatch(row: Row, array: np.ndarray) -> InvalidDocument:
    announced = f"{row.info.dtype} {shape_text(row.info.shape)}"
    received = f"{array.dtype.name} {shape_text(array.shape)}"
    print(f"engine: {row.info.name}, {row.type}: planned {announced}, computed {received}", file=sys.stderr, flush=True)
    message = f"{row.info.name}: Keras announces another output for this {row.type} than it computes"
    pointer = "" if row.node is None else row.node.pointer
    return InvalidDocument.at(
        pointer, message, expected=announced, received=received, suggestion="use another layer, or another input"
    )

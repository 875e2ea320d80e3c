"""Operations as layers of a list: their operands are tensors, constants written out, or weights of the block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from layerscope_client.keras.catalogue import OperationType, operation_type
from layerscope_client.keras.constants import inline, is_inline
from layerscope_client.keras.entries import Entry
from layerscope_client.keras.graph import Call, Rows, Tensor
from layerscope_client.keras.operations import fields_of, index
from layerscope_client.keras.owned import Owned
from layerscope_client.keras.sums_of_products import batch_first
from layerscope_client.keras.untraceable import Untraceable

ON_WEIGHTS = frozenset({
    "Absolute", "Add", "Cast", "Divide", "Exp", "Log", "Maximum", "Minimum", "Multiply", "Negative", "Reciprocal",
    "Relu", "Rsqrt", "Sigmoid", "Softplus", "Sqrt", "Square", "Subtract", "Tanh", "TrueDivide",
})  # fmt: skip
"""Operations that are written out on weights alone; what others make of weights is computed here, and is a weight."""

BROADCAST = frozenset({"condition", "x1", "x2"})
"""Operands that are broadcast to the result."""


class Operands:
    """Adds operations to a list, through `add`. `can_compute` says whether it may compute from weights."""

    def __init__(self, owned: Owned, add: Callable[[Entry], None], source: Tensor, can_compute: bool) -> None:
        self.owned, self.add, self.source, self.can_compute = owned, add, source, can_compute
        self._batched: dict[Tensor, Tensor] = {}
        self._zeros: dict[Any, Tensor] = {}
        self._computed: set[Tensor] = set()

    def add_operation(self, call: Call) -> None:
        """Add a call of an operation.

        Raises:
            Untraceable: the service lacks it.
        """
        known = operation_type(type(call.operation).__name__)
        if known is None:
            name = type(call.operation).__name__
            raise call.refusal(f"the service has no operation for {name} of keras.ops")
        _check_rows(call)
        if known.type == "ops.take":
            self._take(call, known)
        elif known.type == "ops.einsum":
            self._einsum(call, known)
        else:
            self.add(self._entry(call, known))

    def _einsum(self, call: Call, known: OperationType) -> None:
        """Add a sum of products: the batch is moved to the front where it is elsewhere, and back."""
        entry = self._entry(call, known)
        wanted = batch_first(call, [value for _, value in _operands(call, known)])
        entry.fields["subscripts"] = wanted.subscripts
        batched = [place for (name, _), place in zip(_operands(call, known), wanted.operands, strict=True)
                   if name not in entry.fields]  # fmt: skip
        entry.reads = [self._moved(tensor, place, 0) for tensor, place in zip(entry.reads, batched, strict=True)]
        if wanted.result:
            entry.outputs = [Tensor((Rows(), *_without_rows(call.outputs[0].shape)), call.outputs[0].dtype)]
        self.add(entry)
        if wanted.result:
            self._moved(entry.outputs[0], 0, wanted.result, call.outputs[0])

    def _moved(self, tensor: Tensor, source: int, destination: int, result: Tensor | None = None) -> Tensor:
        """Return a tensor with an axis in another place."""
        if source == destination:
            return tensor
        moved = Tensor((Rows(), *_without_rows(tensor.shape)), tensor.dtype) if result is None else result
        fields = {"type": "ops.moveaxis", "source": source, "destination": destination}
        self.add(Entry(moved, "moveaxis", fields, [tensor], [moved]))
        return moved

    def _entry(self, call: Call, known: OperationType) -> Entry:
        fields = {"type": known.type, **fields_of(call, known)}
        entry = Entry(call, known.base_name, fields, [], call.outputs)
        for name, value in _operands(call, known):
            if known.type == "ops.get_item" and name == "key":
                fields["key"] = index(value, next(call.tensors()).shape, call)
            elif name == "start_indices":
                fields[name] = [0 if isinstance(start, Rows) else start for start in value]
            elif isinstance(value, Tensor):
                self._operand(entry, name, value, known)
            elif isinstance(value, Rows):
                raise call.refusal(
                    "its result depends on the size of the batch, so that rows depend on how many there are"
                )
            elif value is not None:
                fields[name] = inline(value)
        tensors = {name: call.arguments[name] for name in known.tensors if call.arguments.get(name) is not None}
        entry.keywords = {name: self.with_batch(value) for name, value in tensors.items()}
        return entry

    def _operand(self, entry: Entry, name: str, tensor: Tensor, known: OperationType) -> None:
        """Add a tensor to the operands of an operation."""
        result = entry.outputs[0]
        takes_weights = name in known.constants or result.is_fixed
        if not tensor.is_fixed or not takes_weights or not _is_repeated(tensor, entry.key, known):
            entry.reads.append(self.with_batch(tensor, result if name in BROADCAST else None))
        elif name in known.constants and is_inline(tensor):
            entry.fields[name] = inline(tensor)
        else:
            entry.reads.append(self.weight(tensor, name))

    def weight(self, tensor: Tensor, base: str = "constant") -> Tensor:
        """Return a fixed tensor as the list's own operations read it: a weight, or what they compute from weights."""
        if tensor in self._computed or tensor.variable is not None or tensor.values is not None:
            return tensor if tensor in self._computed else self.owned.own(tensor, base)
        if self.can_compute and self._is_computable(tensor):
            self._compute(tensor)
            return tensor
        return self.owned.own(tensor, base)

    def _is_computable(self, tensor: Tensor) -> bool:
        """Whether a fixed tensor follows from weights by operations that can be written."""
        call = tensor.call
        if (
            call is None
            or type(call.operation).__name__ not in ON_WEIGHTS
            or any(isinstance(length, Rows) for length in tensor.shape)
        ):
            return False
        return all(read.variable is not None or is_inline(read) or self._is_computable(read) for read in call.tensors())

    def _compute(self, tensor: Tensor) -> None:
        known = None if tensor.call is None else operation_type(type(tensor.call.operation).__name__)
        if tensor.call is not None and known is not None:
            self._computed.add(tensor)
            self.add(self._entry(tensor.call, known))

    def with_batch(self, tensor: Tensor, like: Tensor | None = None) -> Tensor:
        """Return a tensor with the batch: a fixed one repeated for each row, by adding it to zeros. With `like`, a
        tensor that it is broadcast to, they have the batch in the place of that.
        """
        if not tensor.is_fixed:
            return tensor
        if tensor not in self._batched:
            lengths = tensor.shape if like is None else (*[1] * (len(like.shape) - len(tensor.shape)), *tensor.shape)
            place = _place(tensor.shape if like is None else like.shape)
            if place is None:
                raise Untraceable("a constant without an axis for the batch is read where there is one", "", None)
            shape = tuple(Rows(1) if axis == place else length for axis, length in enumerate(lengths))
            repeated = Tensor(shape, tensor.dtype)
            operation = "ops.logical_or" if tensor.dtype == "bool" else "ops.add"
            reads = [self._zeros_of(len(shape), place, tensor.dtype), self.weight(tensor)]
            self.add(Entry(repeated, operation.rpartition(".")[2], {"type": operation}, reads, [repeated]))
            self._batched[tensor] = repeated
        return self._batched[tensor]

    def _zeros_of(self, rank: int, place: int, dtype: str) -> Tensor:
        """Return zeros that have the batch in one place and length 1 elsewhere."""
        if (rank, place, dtype) not in self._zeros:
            shape = tuple(Rows(1) if axis == place else 1 for axis in range(rank))
            one, zeros = Tensor(shape, self.source.dtype), Tensor(shape, dtype)
            inner = len(self.source.shape) - 1
            key: list[Any] = [*([None] * place), {}, *([0] * inner), *([None] * (rank - 1 - place))]
            self.add(Entry(one, "get_item", {"type": "ops.get_item", "key": key}, [self.source], [one]))
            self.add(Entry(zeros, "zeros_like", {"type": "ops.zeros_like", "dtype": dtype}, [one], [zeros]))
            self._zeros[rank, place, dtype] = zeros
        return self._zeros[rank, place, dtype]

    def _take(self, call: Call, known: OperationType) -> None:
        """Add a `take`: of a table by indices that depend on the input it is an Embedding."""
        table, indices = call.arguments["x"], call.arguments["indices"]
        axis = fields_of(call, known).get("axis")
        if isinstance(indices, Tensor) and not indices.is_fixed:
            if not table.is_fixed or axis not in (0, None):
                reason = "it takes the elements of a tensor that another tensor names, across rows of the batch"
                raise call.refusal(reason, "Use ops.take_along_axis.")
            self._look_up(call, table, indices)
            return
        numbers = np.asarray(indices.values if isinstance(indices, Tensor) else indices)
        flat = numbers.tolist() if numbers.ndim < 2 else numbers.reshape(-1).tolist()
        fields = {"type": known.type, "axis": axis, "indices": flat}
        self._reshaped(call, Entry(call, known.base_name, fields, [self.with_batch(table)], []), numbers.ndim < 2)

    def _look_up(self, call: Call, table: Tensor, indices: Tensor) -> None:
        rows = self.owned.evaluation.array(table)
        if rows.ndim == 0 or rows.dtype.kind != "f":
            raise call.refusal("it takes the elements of a table of integers that a tensor names")
        values = rows.reshape(len(rows), -1)
        fields = {"type": "Embedding", "input_dim": values.shape[0], "output_dim": values.shape[1],
                  "embeddings_initializer": "zeros"}  # fmt: skip
        fields |= {} if table.dtype == "float32" else {"dtype": table.dtype}
        entry = Entry(call, "embedding", fields, [indices], [], weights={"embeddings": values})
        self._reshaped(call, entry, rows.ndim == 2)

    def _reshaped(self, call: Call, entry: Entry, has_shape: bool) -> None:
        """Add an entry whose result has the elements of the call's, and its shape if `has_shape`."""
        if has_shape:
            entry.outputs = call.outputs
            self.add(entry)
            return
        flat, result = Tensor(call.outputs[0].shape, call.outputs[0].dtype), call.outputs[0]
        entry.outputs = [flat]
        self.add(entry)
        lengths = [-1 if isinstance(length, Rows) else length for length in result.shape]
        if None in lengths:
            raise call.refusal("its result has free lengths", "Fix the sizes of the inputs.")
        self.add(Entry(flat, "reshape", {"type": "ops.reshape", "newshape": lengths}, [flat], [result]))


def _check_rows(call: Call) -> None:
    """Check that the result of an operation has the batch, once.

    Raises:
        Untraceable: it is summed over, or there is one of each of two tensors.
    """
    for output in call.outputs:
        if not output.is_fixed and sum(isinstance(length, Rows) for length in output.shape) != 1:
            raise call.refusal("it mixes the rows of the batch", "What a row computes must not depend on the others.")


def _without_rows(shape: Sequence[Any]) -> list[Any]:
    return [length for length in shape if not isinstance(length, Rows)]


def _is_repeated(tensor: Tensor, call: Any, known: OperationType) -> bool:
    """Whether one row of a constant does for the batch: it has no axis of it, or is broadcast to another operand."""
    places = [axis - len(tensor.shape) for axis, length in enumerate(tensor.shape) if isinstance(length, Rows)]
    others = [other.shape for other in call.tensors() if not other.is_fixed]
    is_broadcast = BROADCAST.issuperset(known.operands)
    return not places or (is_broadcast and any(len(shape) >= -place and isinstance(shape[place], Rows)
                                               for place in places for shape in others))  # fmt: skip


def _place(shape: Sequence[Any]) -> int | None:
    """Return the axis of the batch: that with rows, else the first of length 1."""
    found = [axis for axis, length in enumerate(shape) if length == Rows(1)]
    return next(iter([*found, *(axis for axis, length in enumerate(shape) if length == 1)]), None)


def _operands(call: Call, known: OperationType) -> list[tuple[str, Any]]:
    """Return the operands of a call by name, in order; those of a list and of `*args` are numbered."""
    values = list(call.arguments.values())
    if known.takes_list:
        return [(known.operands[0], value) for value in values[0]]
    if known.type == "ops.einsum":
        return list(zip(known.operands, values, strict=False))
    return [(name, call.arguments.get(name)) for name in known.operands]

"""What was recorded, without the number of rows: two recordings of one model on batches of different sizes, as one.

A length that grows with the batch is a `Rows`, wherever Python had it as a number; a constant with an axis of the batch
has one row of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from layerscope_client.keras.fixed import BATCHES, is_fixed
from layerscope_client.keras.owned_weights import WeightTensor
from layerscope_client.keras.recording import RecordedCall
from layerscope_client.keras.untraceable import Line, Untraceable


@dataclass(frozen=True)
class Rows:
    """A length: so many rows for each of the batch."""

    each: int = 1

    def __repr__(self) -> str:
        return f"{self.each} × batch"


Array = np.ndarray[Any, Any]
Shape = tuple[Any, ...]
"""Lengths: numbers, `Rows`, and None for those that are free."""


@dataclass(eq=False)
class Tensor:
    """A tensor of the graph. Fixed ones follow from weights and constants alone; `values` are those of a constant."""

    shape: Shape
    dtype: str
    call: Call | None = None
    variable: Any = None
    values: Any = None
    is_fixed: bool = False
    symbolic: Any = None
    """The tensor of the first recording."""


@dataclass(eq=False)
class Call:
    """One call of a layer or an operation: its arguments by name, with tensors among them, and its results."""

    operation: Any
    arguments: dict[str, Any]
    outputs: list[Tensor]
    line: Line | None
    recorded: tuple[RecordedCall, RecordedCall]
    """The call in both recordings."""
    inside: list[Call] | None = None

    def tensors(self) -> Iterator[Tensor]:
        """Yield the tensors that it reads, in the order of its arguments."""
        return (value for value in keras.tree.flatten(self.arguments) if isinstance(value, Tensor))

    @property
    def other(self) -> Any:
        """The operation of the other recording, whose arguments may be other numbers."""
        return self.recorded[1].operation

    @property
    def name(self) -> str:
        """Its layer or operation, for messages."""
        return f"{self.operation.name} ({type(self.operation).__name__})"

    def refusal(self, reason: str, advice: str = "") -> Untraceable:
        """Return an error that points to it."""
        return Untraceable(reason, self.name, self.line, advice)


def recorded_call(tensor: Tensor) -> RecordedCall:
    """Return the call of the first recording that gave a tensor."""
    if tensor.call is None:
        raise AssertionError("an input, a weight or a constant has no call")
    return tensor.call.recorded[0]


def refusal_of(tensor: Tensor, reason: str) -> Untraceable:
    """Return an error that points to the call that gives a tensor."""
    return Untraceable(reason) if tensor.call is None else tensor.call.refusal(reason)


@dataclass
class Merging:
    """Merges two recordings, call by call. `tensors` are those met so far, by the ids of both."""

    tensors: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    def merge(self, first: Sequence[RecordedCall], second: Sequence[RecordedCall]) -> list[Call]:
        """Return the calls as one list.

        Raises:
            Untraceable: the recordings differ in more than the number of rows.
        """
        if len(first) != len(second):
            raise _differs(first[0] if first else second[0])
        return [self._call(one, other) for one, other in zip(first, second, strict=True)]

    def _call(self, one: RecordedCall, other: RecordedCall) -> Call:
        if type(one.operation) is not type(other.operation) or (one.inside is None) != (other.inside is None):
            raise _differs(one)
        call = Call(one.operation, {}, [], one.line, (one, other))
        call.inside = None if one.inside is None else self.merge(one.inside, other.inside or [])
        names = [_bound(recorded) for recorded in (one, other)]
        call.arguments = {name: self.value(value, names[1].get(name), call) for name, value in names[0].items()}
        pairs = zip(one.outputs, other.outputs, strict=True)
        call.outputs = [self._output(*pair, call) for pair in pairs]
        return call

    def _output(self, one: Any, other: Any, call: Call) -> Tensor:
        """Return the tensor that a call returned: its own, or one of the calls inside it or before."""
        known = self._known(one, other)
        if known is None:
            known = Tensor(merged_shape(one, other), one.dtype, call, is_fixed=is_fixed(one), symbolic=one)
            self.tensors[id(one), id(other)] = known
        return known

    def _known(self, one: Any, other: Any) -> Tensor | None:
        if isinstance(one, WeightTensor):
            return self._weight(one.variable)
        return self.tensors.get((id(one), id(other)))

    def _weight(self, variable: Any) -> Tensor:
        if (id(variable), id(variable)) not in self.tensors:
            dtype = keras.backend.standardize_dtype(variable.dtype)
            weight = Tensor(tuple(variable.shape), dtype, variable=variable, is_fixed=True)
            self.tensors[id(variable), id(variable)] = weight
        return self.tensors[id(variable), id(variable)]

    def value(self, one: Any, other: Any, call: Call) -> Any:
        """Merge an argument of both recordings."""
        if isinstance(one, keras.KerasTensor):
            known = self._known(one, other)
            if known is None:
                raise call.refusal("it reads a tensor of another call of the model")
            return known
        if isinstance(one, keras.Variable):
            return self._weight(one)
        if isinstance(one, dict):
            return {key: self.value(item, other[key], call) for key, item in one.items()}
        if isinstance(one, list | tuple):
            if len(one) != len(other):
                raise call.refusal("an argument has other lengths for other batches")
            items = [self.value(*pair, call) for pair in zip(one, other, strict=True)]
            return tuple(items) if isinstance(one, tuple) else items
        if isinstance(one, np.ndarray | np.generic) or keras.ops.is_tensor(one):
            return _constant(one, other, call)
        return merged(one, other, call)


def merged(one: Any, other: Any, call: Call) -> Any:
    """Merge two plain values: an integer that grows with the batch becomes a number of rows.

    Raises:
        Untraceable: they differ otherwise.
    """
    if isinstance(one, slice):
        pairs = [(getattr(one, name), getattr(other, name)) for name in ("start", "stop", "step")]
        return slice(*(merged(*pair, call) for pair in pairs))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [merged(*pair, call) for pair in zip(one, other, strict=True)]
    if type(one) is type(other) is int and one != other:
        return rows_of(one, other, call)
    if isinstance(one, int | float | str | bool | None) and one != other and repr(one) != repr(other):  # NaN is NaN
        reason = f"an argument depends on the size of the batch, or changes from call to call: {one!r}, {other!r}"
        raise call.refusal(reason)
    return one


def rows_of(one: int, other: int, call: Call) -> Rows:
    """Return the rows for each of the batch that are so many in both recordings."""
    each, rest = divmod(one, BATCHES[0])
    if rest or other != each * BATCHES[1]:
        raise call.refusal("it computes with the size of the batch, so that its rows depend on how many there are")
    return Rows(each)


def merged_shape(one: Any, other: Any) -> Shape:
    """Return the shape of a tensor of both recordings."""
    pairs = zip(one.shape, other.shape, strict=True)
    return tuple(a if a == b else Rows(a // BATCHES[0]) for a, b in pairs)


def _constant(one: Any, other: Any, call: Call) -> Tensor:
    """Return the constant of two arrays; of an axis of the batch, one row.

    Raises:
        Untraceable: the rows of the batch differ, or what has no batch does.
    """
    first, second = np.asarray(keras.ops.convert_to_numpy(one)), np.asarray(keras.ops.convert_to_numpy(other))
    if first.ndim != second.ndim:
        raise call.refusal("it reads an array that has other axes for other batches")
    shape = merged_shape(first, second)
    values = [one_row(array, shape) for array in (first, second)]
    if values[0].shape != values[1].shape or not is_same(*values):
        raise call.refusal("it reads an array that differs from row to row of the batch, or from call to call")
    return Tensor(shape, keras.backend.standardize_dtype(first.dtype), values=values[0], is_fixed=True)


def one_row(array: Array, shape: Shape) -> Array:
    """Return an array with one row of each axis of the batch if all are the same; else the array."""
    for axis, length in enumerate(shape):
        row = array.take([0], axis) if isinstance(length, Rows) else None
        if row is not None and is_same(np.broadcast_to(row, array.shape), array):
            array = row
    return array


def is_same(first: Array, second: Array) -> bool:
    """Whether two arrays of one shape are the same, but for numbers that Keras rounds otherwise for other batches."""
    if first.dtype.kind != "f":
        return np.array_equal(first, second)
    precision = 16 * np.finfo(first.dtype).eps
    finite = np.abs(first[np.isfinite(first)])
    return np.allclose(first, second, rtol=precision, atol=precision * finite.max(initial=0), equal_nan=True)


def _bound(call: RecordedCall) -> Mapping[str, Any]:
    """Return the arguments of a call by name; those of `*args` by number."""
    signature = inspect.signature(call.operation.call)
    arguments: dict[str, Any] = {}
    for name, value in signature.bind(*call.args, **call.kwargs).arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            arguments |= {f"{name}{number}": item for number, item in enumerate(value)}
        elif kind is inspect.Parameter.VAR_KEYWORD:
            arguments |= value
        else:
            arguments[name] = value
    return arguments


def _differs(call: RecordedCall) -> Untraceable:
    name = f"{call.operation.name} ({type(call.operation).__name__})"
    return Untraceable("what it calls depends on the size of the batch, or changes from call to call", name, call.line)

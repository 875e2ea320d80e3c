"""Recording of one call of a Keras model on symbolic tensors: layers, operations, and what calls them.

Keras computes the shape of what a layer or an operation returns for a `KerasTensor`. A recorder is told of each such
call, and runs the `call` of layers that the service does not have, so that what they call is recorded instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.src.layers.layer import Layer  # private: the base that has Keras' own methods, whatever the backend
from keras.src.ops.operation import Operation

from layerscope_client.keras.equivalents import equivalent
from layerscope_client.keras.fixed import is_fixed, mark_fixed
from layerscope_client.keras.owned_weights import as_tensors
from layerscope_client.keras.through import call_of
from layerscope_client.keras.untraceable import Line, Refused, Untraceable, called_line, raised_line

IN_TRAINING = "Pass on the `training` of its own call."


@dataclass(eq=False)
class RecordedCall:
    """One call of a layer or an operation: its arguments, and the symbolic tensors that it returned, flat."""

    operation: Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[Any]
    line: Line | None
    inside: list[RecordedCall] | None = None
    """What its own `call` consists of; None of a layer or an operation of the service."""


@dataclass
class Recorder:
    """What has been recorded. `is_leaf` says whether a call of a layer is of one that the service has."""

    is_leaf: Callable[[Layer, tuple[Any, ...], dict[str, Any]], bool]
    calls: list[RecordedCall] = field(default_factory=list)
    paused: int = 0

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Record nothing: Keras is computing a shape, or building a layer."""
        self.paused += 1
        try:
            yield
        finally:
            self.paused -= 1

    def operate(self, operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call of an operation, or the calls that compute the same."""
        other = equivalent(operation, args, kwargs)
        if other is not None:
            return other()
        with self.pause():
            try:
                outputs = operation.compute_output_spec(*args, **kwargs)
            except (TypeError, ValueError):  # Keras announces no shape for some arguments that it computes with
                outputs = Operation.compute_output_spec(operation, *args, **kwargs)
        self._add(RecordedCall(operation, args, kwargs, _tensors(outputs), called_line()))
        return outputs

    def apply(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record a call of a layer, and what its own `call` does if the service lacks it."""
        call = RecordedCall(layer, args, kwargs, [], called_line())
        if self.is_leaf(layer, args, kwargs):
            if kwargs.get("training"):
                raise Refused(
                    f"it calls {layer.name} ({type(layer).__name__}) with training=True at inference", IN_TRAINING
                )
            outputs = self._announced(layer, args, kwargs)
        else:
            outputs = self._run(call)
        call.outputs = _tensors(outputs)
        self._add(call)
        return outputs

    def _announced(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the symbolic results of a layer; where it announces free lengths without need, those of its call."""
        with self.pause():
            outputs = layer.compute_output_spec(*args, **kwargs)
            is_free = [any(None in tensor.shape for tensor in _tensors(value)) for value in ((args, kwargs), outputs)]
            return Operation.compute_output_spec(layer, *args, **kwargs) if is_free == [False, True] else outputs

    def _add(self, call: RecordedCall) -> None:
        self.calls.append(call)
        if call.inside is None and all(is_fixed(tensor) for tensor in _tensors((call.args, call.kwargs))):
            mark_fixed(call.outputs)

    def _run(self, call: RecordedCall) -> Any:
        """Run the `call` of a layer with its weights as symbolic tensors or, if its code takes no such, as they are.

        Raises:
            Untraceable: neither succeeds.
        """
        outside, first = self.calls, None
        for with_weights in (as_tensors, nullcontext):
            call.inside = self.calls = []
            try:
                with with_weights(call.operation):
                    return call_of(call.operation)(*call.args, **call.kwargs)
            except Untraceable:
                raise
            except Exception as error:  # whatever the user's code raises is a reason
                first = first if isinstance(first, Refused) else error
            finally:
                self.calls = outside
        raise refusal(call.operation, first) from first


def refusal(layer: Layer, error: Exception | None) -> Untraceable:
    """Return why the `call` of a layer cannot be traced, given what it raised."""
    name = f"{layer.name} ({type(layer).__name__})"
    line = raised_line(error.__traceback__) if error is not None else None
    if isinstance(error, Refused):
        return Untraceable(error.reason, name, line, error.advice)
    text = str(error).strip()
    if "input to a TensorFlow function" in text:
        return Untraceable("it calls a function of TensorFlow that has no equivalent among keras.ops", name, line)
    reason = f"its call raises {type(error).__name__}" + (f", {text.splitlines()[0][:200]}" if text else "")
    return Untraceable(reason, name, line)


def _tensors(value: Any) -> list[Any]:
    """Return the symbolic tensors in a structure, in Keras' order."""
    return [tensor for tensor in keras.tree.flatten(value) if isinstance(tensor, keras.KerasTensor)]

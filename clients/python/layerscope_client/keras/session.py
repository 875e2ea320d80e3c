"""The time in which Keras tells a recorder of what is called: a few of its functions are replaced, and put back."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import keras
from keras.src import backend
from keras.src.layers import layer as layer_module  # private: its Node is replaced
from keras.src.layers.layer import Layer
from keras.src.ops.node import Node
from keras.src.ops.operation import Operation

from layerscope_client.keras.owned_weights import refuse_assignment
from layerscope_client.keras.recording import Recorder
from layerscope_client.keras.tensor_attributes import tensor_attributes
from layerscope_client.keras.tensorflow_dispatch import dispatching
from layerscope_client.keras.through import unrolled
from layerscope_client.keras.untraceable import Refused

RANDOM = ("beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint", "shuffle", "truncated_normal",
          "uniform")  # fmt: skip
"""Functions that draw random numbers, of every backend of Keras, and of TensorFlow."""
ADVICE = "Draw random numbers in training only: if training: …; at inference return the mean, or give them as an input."

TAKES_NUMBERS = property(
    lambda _: True, lambda layer, value: vars(layer).update(_allow_non_tensor_positional_args=value)
)
"""Lets layers be called with lengths by position: they are tensors where they are not known."""


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Record every call of layers and operations on symbolic tensors in this process; one at a time."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message=".*does not support masking", category=UserWarning)
        if keras.config.is_traceback_filtering_enabled():
            keras.config.disable_traceback_filtering()  # it wraps what `call` raises
            stack.callback(keras.config.enable_traceback_filtering)
        for owner, name, function in _replacements(recorder):
            stack.enter_context(patch.object(owner, name, function, create=name not in dir(owner)))
        stack.enter_context(dispatching(lambda: not recorder.paused))
        yield


def _replacements(recorder: Recorder) -> Iterator[tuple[Any, str, Any]]:
    """Yield what is replaced: the owner, the name, and the function in its place."""
    yield Operation, "symbolic_call", _unless_paused(recorder, Operation.symbolic_call, _operate(recorder))
    yield Layer, "symbolic_call", _unless_paused(recorder, Layer.symbolic_call, _apply(recorder))
    yield Layer, "_maybe_build", _paused(recorder, Layer._maybe_build)
    yield Layer, "add_loss", _unless_paused(recorder, Layer.add_loss, _nothing)
    yield keras.metrics.Metric, "update_state", _nothing
    yield layer_module, "Node", _unless_paused(recorder, Node, _nothing)
    yield keras.Variable, "assign", _unless_paused(recorder, keras.Variable.assign, refuse_assignment)
    yield backend, "rnn", _if_symbolic(recorder, backend.rnn, unrolled)
    yield backend, "convert_to_tensor", _if_symbolic(recorder, backend.convert_to_tensor, _convert)
    modules = [backend.random, *([sys.modules["tensorflow"].random] if "tensorflow" in sys.modules else [])]
    for module in modules:
        for name in [name for name in dir(module) if name.removeprefix("stateless_") in RANDOM]:
            yield module, name, _unless_paused(recorder, getattr(module, name), _refuse_random(name))
    yield Layer, "_allow_non_tensor_positional_args", TAKES_NUMBERS
    yield from tensor_attributes(lambda: not recorder.paused)


def _unless_paused(recorder: Recorder, own: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is Keras' own while the recorder is paused."""

    def choose(*args: Any, **kwargs: Any) -> Any:
        return (own if recorder.paused else other)(*args, **kwargs)

    return choose


def _if_symbolic(recorder: Recorder, own: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is another for symbolic tensors."""

    def choose(*args: Any, **kwargs: Any) -> Any:
        symbolic = any(isinstance(value, keras.KerasTensor) for value in keras.tree.flatten((args, kwargs)))
        return (other if symbolic and not recorder.paused else own)(*args, **kwargs)

    return choose


def _operate(recorder: Recorder) -> Callable[..., Any]:
    return lambda operation, *args, **kwargs: recorder.operate(operation, args, kwargs)


def _apply(recorder: Recorder) -> Callable[..., Any]:
    return lambda layer, *args, **kwargs: recorder.apply(layer, args, kwargs)


def _paused(recorder: Recorder, own: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        with recorder.pause():
            return own(*args, **kwargs)

    return run


def _convert(x: Any, dtype: Any = None, **_: Any) -> Any:
    return keras.ops.convert_to_tensor(x, dtype=dtype)


def _refuse_random(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> None:
        raise Refused(f"it draws random numbers at inference ({name})", ADVICE)

    return refuse


def _nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""

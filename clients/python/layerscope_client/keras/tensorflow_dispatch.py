"""TensorFlow, asked for a function of a symbolic tensor of Keras, lets keras.ops compute it.

TensorFlow asks dispatchers about arguments that it cannot convert, and a symbolic tensor of Keras is one.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from layerscope_client.keras.tensorflow_functions import FUNCTIONS
from layerscope_client.keras.untraceable import Refused

RENAMED = {"filter": "filters"}
"""Arguments that have another name in older functions of TensorFlow."""
NEUTRAL: Mapping[str, tuple[Any, ...]] = {"data_format": ("NHWC",), "explicit_paddings": ([],)}
"""Values of arguments that change nothing, where TensorFlow passes on others than its default."""


@contextmanager
def dispatching(is_active: Callable[[], bool]) -> Iterator[None]:
    """Let functions of TensorFlow, if it is imported, take symbolic tensors while `is_active()`."""
    if "tensorflow" not in sys.modules:
        yield
        return
    from tensorflow.python.util import dispatch

    dispatcher = _dispatcher(dispatch, is_active)
    dispatch._GLOBAL_DISPATCHERS.append(dispatcher)  # as its register() does; there is no unregister
    try:
        yield
    finally:
        dispatch._GLOBAL_DISPATCHERS.remove(dispatcher)


def _dispatcher(dispatch: Any, is_active: Callable[[], bool]) -> Any:
    class KerasTensorDispatcher(dispatch.GlobalOpDispatcher):  # type: ignore[misc]
        """Computes with keras.ops what is asked of TensorFlow."""

        def handle(self, function: Any, args: Any, kwargs: Any) -> Any:
            """Return the result; NOT_SUPPORTED for arguments without symbolic tensors."""
            values = keras.tree.flatten((args, kwargs))
            if not is_active() or not any(isinstance(value, keras.KerasTensor) for value in values):
                return self.NOT_SUPPORTED
            return _compute(function, args, kwargs)

    return KerasTensorDispatcher()


def _compute(function: Any, args: Any, kwargs: Any) -> Any:
    """Return what a function computes.

    Raises:
        Refused: there is no such operation, or not with these arguments.
    """
    shown = _name_of(function)
    known = FUNCTIONS.get(shown.rpartition(".")[2])
    if known is None:
        raise Refused(f"tf.{shown} has no equivalent among the operations of keras.ops that the service has")
    bound = inspect.signature(function).bind(*args, **kwargs)
    given = {
        RENAMED.get(name, name): _without_variables(value)
        for name, value in bound.arguments.items()
        if not _is_default(bound, name, value)
    }
    if known.is_positional:
        return known.compute(*given.values())
    if known.takes_several:
        several = given.pop("inputs", ())
        return known.compute(*given.values(), *several)
    unknown = given.keys() - inspect.signature(known.compute).parameters.keys()
    if unknown:
        raise Refused(f"tf.{shown} is called with {min(unknown)}, which keras.ops lacks")
    return known.compute(**given)


def _is_default(bound: inspect.BoundArguments, name: str, value: Any) -> bool:
    """Whether an argument is the default of the function, or only names the result."""
    default = bound.signature.parameters[name].default
    same = value is default or (isinstance(value, str | bool | int | float) and value == default)
    return name == "name" or same or value in NEUTRAL.get(name, ())


def _without_variables(value: Any) -> Any:
    """Return an argument with the values of TensorFlow's own variables."""
    variable = sys.modules["tensorflow"].Variable
    return keras.tree.map_structure(lambda item: item.value() if isinstance(item, variable) else item, value)


def _name_of(function: Any) -> str:
    """Return the name of a function of TensorFlow: `math.reduce_mean`."""
    from tensorflow.python.util import tf_export

    canonical = tf_export.get_canonical_name_for_symbol(function)
    return str(canonical or getattr(function, "__name__", "a function").removesuffix("_v2"))

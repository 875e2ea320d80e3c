"""Whether a served model computes what the model itself does, on random input."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from layerscope_client.keras.model_inputs import InputSpec, ModelInputs, inputs_of
from layerscope_client.models import AsyncModel, Model
from layerscope_client.sending import result

Array = np.ndarray[Any, Any]
ROWS = 3
"""Rows of the random batch."""
FREE = 16
"""The length of free axes."""
TOLERANCES = {"float16": 1e-2, "bfloat16": 5e-2, "float32": 1e-5, "float64": 1e-12}
"""Largest difference that is none, as a part of the largest number: what Keras itself differs by, compiled or not."""


BOLD = re.compile(r"\x1b\[\d*m")
"""What Keras has in its errors for terminals."""
ADVICE = "Give arrays that it takes (inputs=), or check=False"


class DifferenceWarning(UserWarning):
    """A served model computes something else than the model itself."""


class UncheckedWarning(UserWarning):
    """A served model could not be compared with the model itself."""


def check(served: Model, model: keras.Model, inputs: Any = None, seed: int = 0) -> dict[str, float]:
    """Compare a served model with the model itself on a random batch; warn of each output that differs.

    `inputs` are those given to `traced`, if any, or arrays to compare on. Returns by address of an output the largest
    difference, as a part of its largest number; of integers, the share of those that differ.

    Warns:
        DifferenceWarning: with the address and both numbers.
    """
    return result(checked(served.core, model, inputs, seed))


async def checked(served: AsyncModel, model: keras.Model, inputs: Any = None, seed: int = 0) -> dict[str, float]:
    """Do as `check` does, for a model of either client."""
    given = inputs_of(model, inputs)
    if inputs is not None and all(isinstance(value, np.ndarray) for value in keras.tree.flatten(inputs)):
        return await _compared(served, model, given, inputs)
    try:
        return await _compared(served, model, given, random_batch(model, given, seed))
    except Warning:  # where warnings are errors
        raise
    except Exception:  # of the model's code or the service, which look up what is no id
        return await _compared(served, model, given, random_batch(model, given, seed, only_ids=True))


async def _compared(served: AsyncModel, model: keras.Model, given: ModelInputs, batch: Any) -> dict[str, float]:
    own = [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(model(batch, training=False))]
    facts = (await served.summary()).facts
    arrays, outputs = keras.tree.flatten(batch), list(facts["outputs"])
    named = dict(zip(given.names, arrays, strict=True))
    sent = arrays[0] if len(arrays) == 1 else {name: named[name] for name in facts["inputs"]}  # those that are read
    run = await served.activations(sent, layers=list(dict.fromkeys(outputs)), stats=False)
    return dict(_differences([(address, run[address]) for address in outputs], own, model.name))


async def warn_of_differences(served: AsyncModel, model: keras.Model, inputs: Any = None) -> None:
    """Compare a model that was registered just now with itself, and warn where that cannot be done, too.

    Warns:
        DifferenceWarning: the outputs differ. UncheckedWarning: one of the two does not run on random numbers.
    """
    try:
        await checked(served, model, inputs)
    except Warning:  # where warnings are errors
        raise
    except Exception as error:  # it is registered, whatever its code says of random numbers
        why = " ".join(BOLD.sub("", f"{type(error).__name__}: {error}").split())[:300]
        text = f"{served.name} is registered, but was not compared with {model.name} itself. {ADVICE}: {why}"
        warnings.warn(text, UncheckedWarning, stacklevel=2)


def _differences(served: list[tuple[str, Array]], own: list[Array], name: str) -> Iterator[tuple[str, float]]:
    for (address, ours), theirs in zip(served, own, strict=True):
        found = difference(np.asarray(ours), np.asarray(theirs))
        if not found <= TOLERANCES.get(theirs.dtype.name, 0):
            text = f"{address} of {name} differs from the model itself by {found:.2g} of its largest number"
            warnings.warn(
                f"{text}: the service reads something else than the code says", DifferenceWarning, stacklevel=5
            )
        yield address, found


def difference(ours: Array, theirs: Array) -> float:
    """Return the largest difference as a part of the largest number; infinite for another shape, or other NaN."""
    if ours.shape != theirs.shape:
        return float("inf")
    if theirs.dtype.kind in "iub":
        return float(np.mean(ours != theirs)) if theirs.size else 0.0
    wide, other = ours.astype("float64"), theirs.astype("float64")
    same = (wide == other) | (np.isnan(wide) & np.isnan(other))
    if same.all():
        return 0.0
    if not np.isfinite(wide[~same]).all() or not np.isfinite(other[~same]).all():
        return float("inf")
    largest = np.abs(other[np.isfinite(other)]).max()
    return float(np.abs(wide - other)[~same].max() / (largest or 1))


def random_batch(model: keras.Model, given: ModelInputs, seed: int = 0, only_ids: bool = False) -> Any:
    """Return random arrays for the inputs of a model: ids that all its tables have where they are integers, or
    `only_ids`; normal numbers elsewhere.
    """
    generator, ids = np.random.default_rng(seed), _ids(model)
    return keras.tree.map_structure(lambda spec: _random(spec, generator, ids, only_ids), given.structure)


def _random(spec: InputSpec, generator: np.random.Generator, ids: int, only_ids: bool) -> Array:
    shape = (ROWS, *(FREE if length is None else length for length in spec.shape))
    if spec.dtype == "bool":
        return generator.integers(0, 2, shape).astype(bool)
    if "int" in spec.dtype or only_ids:
        return generator.integers(0, ids, shape).astype(spec.dtype)
    return generator.normal(size=shape).astype(spec.dtype)


def _ids(model: keras.Model) -> int:
    """Return the number of ids that every table of a model has."""
    tables = [
        layer.input_dim for layer in model._flatten_layers() if isinstance(getattr(layer, "input_dim", None), int)
    ]
    return min(tables, default=2)

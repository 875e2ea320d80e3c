"""Whether a served model computes what the model itself does, on random input."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import keras
import numpy as np

from layerscope_client.keras.model_inputs import InputSpec, ModelInputs, inputs_of

Array = np.ndarray[Any, Any]
ROWS = 3
"""Rows of the random batch."""
FREE = 16
"""The length of free axes."""
TOLERANCES = {"float16": 1e-2, "bfloat16": 5e-2, "float32": 1e-5, "float64": 1e-12}
"""Largest difference that is none, as a part of the largest number: what Keras itself differs by, compiled or not."""


class DifferenceWarning(UserWarning):
    """A served model computes something else than the model itself."""


class Summary(Protocol):
    """What the service says of a model."""

    facts: Mapping[str, Any]
    """Its `inputs` and `outputs`, the latter as addresses."""


class ServedModel(Protocol):
    """A registered model, as the client has it."""

    def activations(self, inputs: Any, layers: Any = None, **options: Any) -> Mapping[str, Array]:
        """Run it, and return arrays by address."""

    def summary(self) -> Summary:
        """Return what the service says of it."""


def check(served: ServedModel, model: keras.Model, inputs: Any = None, seed: int = 0) -> dict[str, float]:
    """Compare a served model with the model itself on a random batch; warn of each output that differs.

    `inputs` are those given to `traced`, if any, or arrays to compare on. Returns by address of an output the largest
    difference, as a part of its largest number; of integers, the share of those that differ.

    Warns:
        DifferenceWarning: with the address and both numbers.
    """
    given = inputs_of(model, inputs)
    batch = random_batch(model, given, seed)
    if inputs is not None and all(isinstance(value, np.ndarray) for value in keras.tree.flatten(inputs)):
        batch = inputs
    facts = served.summary().facts
    arrays = keras.tree.flatten(batch)
    named = dict(zip(given.names, arrays, strict=True))
    sent = arrays[0] if len(arrays) == 1 else {name: named[name] for name in facts["inputs"]}  # those that are read
    run = served.activations(sent, layers=list(facts["outputs"]), stats=False)
    own = [keras.ops.convert_to_numpy(result) for result in keras.tree.flatten(model(batch, training=False))]
    return dict(_differences({address: run[address] for address in facts["outputs"]}, own, model.name))


def _differences(served: Mapping[str, Array], own: list[Array], name: str) -> Iterator[tuple[str, float]]:
    for (address, ours), theirs in zip(served.items(), own, strict=True):
        found = difference(np.asarray(ours), np.asarray(theirs))
        if not found <= TOLERANCES.get(theirs.dtype.name, 0):
            text = f"{address} of {name} differs from the model itself by {found:.2g} of its largest number"
            warnings.warn(
                f"{text}: the service reads something else than the code says", DifferenceWarning, stacklevel=4
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


def random_batch(model: keras.Model, given: ModelInputs, seed: int = 0) -> Any:
    """Return random arrays for the inputs of a model: normal numbers, and ids that all its tables have."""
    generator, ids = np.random.default_rng(seed), _ids(model)
    return keras.tree.map_structure(lambda spec: _random(spec, generator, ids), given.structure)


def _random(spec: InputSpec, generator: np.random.Generator, ids: int) -> Array:
    shape = (ROWS, *(FREE if length is None else length for length in spec.shape))
    if spec.dtype == "bool":
        return generator.integers(0, 2, shape).astype(bool)
    if "int" in spec.dtype:
        return generator.integers(0, ids, shape).astype(spec.dtype)
    return generator.normal(size=shape).astype(spec.dtype)


def _ids(model: keras.Model) -> int:
    """Return the number of ids that every table of a model has."""
    tables = [
        layer.input_dim for layer in model._flatten_layers() if isinstance(getattr(layer, "input_dim", None), int)
    ]
    return min(tables, default=2)

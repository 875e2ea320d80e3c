"""Keras' own tests of its layers as documents: every configuration that they try, computed here with the same bits.

Prints what differs, what fails and what is refused, and a line of counts; exit code 1 if an output has other bits or
shapes than that of Keras' layer, or if anything fails. With names of files, such as `attention_test`, those alone. The
tests are in Keras' wheel: they run in this process until they call `run_layer_test`, whose arguments are what is tried.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import keras
import numpy as np
import pytest
from keras.src.testing.test_case import TestCase

from models.engine.build import build
from models.engine.weights import network_weights
from models.errors import LayerscopeError
from models.networks.expansion import expand
from models.reading.parse import parse_document

TESTS = Path(keras.__file__).parent / "src" / "layers"
MAX_BYTES = 2**30
ABSENT = ("grain", "scipy", "scipy.signal")
"""Packages that files of tests import for other tests than these."""
BATCH = 2
"""Rows where the test does not say."""


@dataclass(frozen=True)
class Case:
    """A layer that a test tries: its class and arguments, and the shapes or arrays of its inputs."""

    cls: type[keras.Layer]
    arguments: dict[str, Any]
    call: dict[str, Any]
    shape: Any = None
    dtype: Any = None
    data: Any = None

    @property
    def name(self) -> str:
        """The class and its arguments."""
        return f"{self.cls.__name__}({', '.join(f'{key}={value!r}' for key, value in self.arguments.items())})"[:160]


class Recorder:
    """A plugin of pytest that keeps the arguments of `run_layer_test`, and skips tests that do not call it."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests that try a layer."""
        items[:] = [item for item in items if "run_layer_test" in inspect.getsource(item.function)]  # type: ignore[attr-defined]

    def record(self, cls: type[keras.Layer], init_kwargs: dict[str, Any], *given: Any, **named: Any) -> None:
        """Take the place of `run_layer_test`."""
        words = ("input_shape", "input_dtype", "input_sparse", "input_ragged", "input_data", "call_kwargs")
        arguments = dict(zip(words, given, strict=False)) | named
        if arguments.get("input_sparse") or arguments.get("input_ragged"):
            return
        data, call = arguments.get("input_data"), arguments.get("call_kwargs") or {}
        self.cases.append(
            Case(cls, init_kwargs, call, arguments.get("input_shape"), arguments.get("input_dtype") or "float32", data)
        )


def recorded(files: list[Path]) -> list[Case]:
    """Run Keras' tests, and return what they try."""
    recorder, original = Recorder(), TestCase.run_layer_test
    for name in ABSENT:
        sys.modules.setdefault(name, MagicMock())
    TestCase.run_layer_test = recorder.record
    try:
        pytest.main(
            [
                "-q",
                "--continue-on-collection-errors",
                "-p",
                "no:cacheprovider",
                "-W",
                "ignore",
                "--no-header",
                "-c",
                "/dev/null",
                *map(str, files),
            ],
            [recorder],
        )
    finally:
        TestCase.run_layer_test = original
    return recorder.cases


def arrays_of(case: Case) -> Any:
    """Return the inputs in the structure of the layer's argument."""
    if case.data is not None:
        return keras.tree.map_structure(lambda one: np.asarray(keras.ops.convert_to_numpy(one)), case.data)
    random = np.random.default_rng(0)

    def drawn(shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
        sizes = [BATCH if length is None else length for length in shape]
        if "int" in dtype:
            return random.integers(0, 2, sizes).astype(dtype)
        return random.uniform(0, 1, sizes).astype(dtype)

    if isinstance(case.shape, Mapping):
        dtypes = case.dtype if isinstance(case.dtype, Mapping) else dict.fromkeys(case.shape, case.dtype)
        return {key.removesuffix("_shape"): drawn(shape, dtypes[key]) for key, shape in case.shape.items()}
    if isinstance(case.shape[0], list | tuple):
        dtypes = case.dtype if isinstance(case.dtype, list | tuple) else [case.dtype] * len(case.shape)
        return [drawn(shape, dtype) for shape, dtype in zip(case.shape, dtypes, strict=True)]
    return drawn(tuple(case.shape), case.dtype)


def model_of(case: Case, inputs: Any) -> tuple[keras.Model, list[Any]]:
    """Return a model of the layer alone, and the arrays of its inputs in order."""
    layer, arrays = case.cls(**case.arguments), []

    def symbol(value: Any) -> Any:
        if not hasattr(value, "shape") or value.ndim == 0:
            return value
        arrays.append(np.asarray(keras.ops.convert_to_numpy(value)))
        batch = arrays[-1].shape if getattr(layer, "stateful", False) else (None, *arrays[-1].shape[1:])
        return keras.Input(batch_shape=batch, dtype=str(arrays[-1].dtype), name=f"i{len(arrays)}")

    given = keras.tree.map_structure(symbol, inputs)
    call = keras.tree.map_structure(symbol, case.call)
    named = isinstance(given, dict) and set(given) <= set(inspect.signature(layer.call).parameters)
    outputs = layer(**given, **call) if named else layer(given, **call)
    tensors = [tensor for tensor in keras.tree.flatten((given, call)) if isinstance(tensor, keras.KerasTensor)]
    return keras.Model(tensors, outputs), arrays


def expectations(model: keras.Model, arrays: list[Any]) -> list[list[np.ndarray[Any, Any]]]:
    """Return Keras' outputs, called and compiled: the two may differ in their last bits."""
    compiled = model.predict_on_batch(arrays if len(arrays) > 1 else arrays[0])
    return [[np.asarray(one) for one in keras.tree.flatten(each)] for each in (model(arrays, training=False), compiled)]


def difference(case: Case) -> str | None:
    """Return how the document's outputs differ from Keras'; None if they have the bits of a call or of a compiled one.

    Raises:
        LayerscopeError: the document is refused.
    """
    model, arrays = model_of(case, arrays_of(case))
    expected = expectations(model, arrays)
    document = parse_document(model.to_json())
    network = expand(document)
    made = build(network, MAX_BYTES)
    for variable, array in zip(network_weights(made.symbolic).values(), model.get_weights(), strict=True):
        variable.assign(array)
    found = [np.asarray(one) for one in made.compiled_selection(network.outputs, False, False).run(arrays)]
    planned = [made.concrete({name: array.shape for name, array in zip(network.inputs, arrays, strict=True)}).shape(o)
               for o in network.outputs]  # fmt: skip
    differences = [next(_differences(found, each, planned), None) for each in expected]
    return None if None in differences else differences[0]


def _differences(found: list[Any], expected: list[Any], planned: list[Any]) -> Iterator[str]:
    """Yield how outputs differ from those expected, or from the plan."""
    for one, other, shape in zip(found, expected, planned, strict=True):
        if shape != other.shape or one.shape != other.shape:
            yield f"the shape {one.shape}, planned as {shape}, is {other.shape} in Keras"
        elif one.dtype != other.dtype or one.tobytes() != other.tobytes():
            largest = np.abs(one.astype("float64") - other.astype("float64")).max(initial=0)
            yield f"{one.dtype} for {other.dtype}, {largest} apart"


def outcomes(cases: list[Case]) -> Iterator[tuple[str, Case, str]]:
    """Yield what becomes of each case: "same", "other", "refused", "failed", or "not called" in a graph by Keras."""
    for case in cases:
        try:
            model_of(case, arrays_of(case))
        except Exception as error:
            yield "not called", case, f"{type(error).__name__}: {str(error)[:120]}"
            continue
        try:
            differs = difference(case)
            yield ("same", case, "") if differs is None else ("other", case, differs)
        except LayerscopeError as error:
            yield "refused", case, " | ".join(f"{problem.pointer} {problem.message}" for problem in error.problems[:2])
        except Exception:
            yield "failed", case, traceback.format_exc(limit=-2)


def main(words: list[str]) -> int:
    """Try the configurations of all test files, or of those named."""
    files = [file for file in sorted(TESTS.rglob("*_test.py")) if not words or file.stem in words]
    counts: Counter[str] = Counter()
    for outcome, case, text in outcomes(recorded(files)):
        counts[outcome] += 1
        if outcome != "same":
            print(f"{outcome}: {case.name}: {text}", flush=True)
    print(", ".join(f"{number} {outcome}" for outcome, number in counts.most_common()))
    return int(counts["other"] + counts["failed"] > 0 or not counts["same"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

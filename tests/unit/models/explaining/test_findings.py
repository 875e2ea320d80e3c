"""The registry of findings, what each says, and the order of a diagnosis."""

from __future__ import annotations

import importlib
import json
import pkgutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from models.explaining import findings
from models.explaining.diagnosing.channels import channel_figures, rms, rows_by_channel
from models.explaining.diagnosing.diagnosis import by_severity, diagnose
from models.explaining.diagnosing.finding import SEVERITIES, Finding
from models.explaining.diagnosing.items import distinct_items
from models.explaining.diagnosing.layer_run import LayerRun
from models.explaining.diagnosing.singular_values import MAX_GRAM, stable_rank
from models.explaining.findings import FINDINGS
from models.layers import CATALOGUE
from models.layers.core import Dense

Array = np.ndarray[Any, Any]


def test_every_file_is_a_finding() -> None:
    """Each declares one, which is in the registry under the file's name."""
    files = sorted(path.stem for path in Path(findings.__path__[0]).glob("*.py") if path.stem != "__init__")
    assert list(FINDINGS) == files == [module.name for module in pkgutil.iter_modules(findings.__path__)]
    assert [finding.name() for finding in FINDINGS.values()] == files
    assert {type(finding) for finding in FINDINGS.values()} == set(Finding.__subclasses__())


def test_every_finding_of_the_contract() -> None:
    """The rules that a diagnosis promises."""
    assert set(FINDINGS) == {
        "batch_norm_drift", "batch_norm_variance", "constant_channels", "dead_units", "duplicate_filters",
        "first_non_finite", "float16_overflow", "input_range", "one_class", "saturated", "signal_scale", "weights",
        "zero_filters",
    }  # fmt: skip


@pytest.mark.parametrize("finding", FINDINGS.values(), ids=FINDINGS)
def test_a_finding_explains_itself(finding: Finding) -> None:
    """It has a severity, thresholds, and in its file what it looks for."""
    assert finding.severity in SEVERITIES
    assert all(isinstance(value, int | float) for value in finding.threshold.values())
    assert (type(finding).__doc__ or "").strip()
    assert (importlib.import_module(type(finding).__module__).__doc__ or "").strip()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "bool"])
@pytest.mark.parametrize("shape", [(2,), (2, 3), (2, 4, 4, 3)])
def test_no_layer_stops_a_finding(dtype: str, shape: tuple[int, ...]) -> None:
    """Whatever the type and the dtype of a layer, findings answer or leave it alone, in numbers that JSON has."""
    array = np.random.default_rng(0).integers(0, 2, shape).astype(np.dtype(getattr(ml_dtypes, dtype, dtype)))
    for name, cls in CATALOGUE.items():
        layer = cls.model_validate({"type": name, **cls.example.arguments})
        inputs = (array,) * len(cls.example.shapes)
        run = LayerRun("layer", layer, inputs, (array,), is_output=True, from_input=(True,) * len(inputs))
        for found in diagnose(run, FINDINGS.values()):
            assert found.outcome.status in ("found", "clear", "not_enough_items")
            json.dumps(asdict(found.outcome), allow_nan=False)


def test_the_most_severe_first() -> None:
    """Then what needs more items, then what is well; each in the order of computation."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(4, 8)).astype(np.float32)
    kernels = [rng.normal(size=(8, 6)), np.zeros((8, 6)), np.full((8, 6), np.nan)]
    found = []
    for number, kernel in enumerate(kernels):
        with np.errstate(invalid="ignore"):
            output = (inputs @ kernel).astype(np.float32)
        run = LayerRun(f"dense{number}", Dense(units=6), (inputs,), (output,), weights={"kernel": kernel.astype("f4")})
        found += diagnose(run, FINDINGS.values())
    ordered = [(each.outcome.status, each.outcome.severity, each.address) for each in by_severity(found)]
    assert ordered[:3] == [("found", "high", "dense1"), ("found", "high", "dense2"), ("found", "high", "dense2")]
    ranks = [("found", "not_enough_items", "clear").index(status) for status, _, _ in ordered]
    assert ranks == sorted(ranks)
    assert len(ordered) == len(found)


@pytest.mark.parametrize(("shape", "axis"), [((5,), -1), ((4, 3), -1), ((2, 3, 5, 7), 1), ((3, 300, 300, 2), -1)])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int16"])
def test_figures_of_channels(shape: tuple[int, ...], axis: int, dtype: str) -> None:
    """They are NumPy's over all other axes, in pieces too; a tensor of the batch alone has one channel."""
    array = np.random.default_rng(0).normal(3, 20, shape).astype(np.dtype(getattr(ml_dtypes, dtype, dtype)))
    figures = channel_figures(array, axis)
    exact = array.astype(np.float64)
    rows = exact[:, None] if exact.ndim < 2 else np.moveaxis(exact, axis, -1).reshape(-1, shape[axis])
    np.testing.assert_array_equal(np.concatenate(list(rows_by_channel(array, axis))), rows)
    assert figures.count == len(rows)
    np.testing.assert_array_equal([figures.low, figures.high], [rows.min(0), rows.max(0)])
    np.testing.assert_allclose([figures.mean, figures.std], [rows.mean(0), rows.std(0)], rtol=1e-10)
    assert rms(array) == pytest.approx(np.sqrt((exact**2).mean()))


def test_deviations_of_large_numbers() -> None:
    """A deviation of 1 around a million is found, over many pieces."""
    array = np.random.default_rng(0).normal(1e6, 1, (400, 1000)).astype(np.float64)
    np.testing.assert_allclose(channel_figures(array, -1).std, array.std(0), rtol=1e-9)


def test_distinct_items() -> None:
    """Copies count once; an item is distinct if one of its inputs is."""
    a = np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]], np.float32)
    assert distinct_items([a]) == 2
    assert distinct_items([a, np.arange(3)]) == 3
    assert distinct_items([np.zeros((4, 2, 2))]) == 1


@pytest.mark.parametrize("shape", [(3, 3), (40, 7), (7, 40), (MAX_GRAM + 6, MAX_GRAM + 1)])
def test_stable_ranks(shape: tuple[int, int]) -> None:
    """They are NumPy's; of large matrices closely."""
    matrix = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    matrix[:, 0] *= 30
    expected = (np.linalg.norm(matrix) / np.linalg.norm(matrix, 2)) ** 2
    assert stable_rank(matrix) == pytest.approx(expected, rel=1e-2 if min(shape) > MAX_GRAM else 1e-4)


def test_stable_ranks_of_extreme_matrices() -> None:
    """That of an identity is its size, of a product of vectors 1; sizes do not matter, and zeros have none."""
    identity, outer = np.eye(5, dtype=np.float32), np.outer(np.arange(1, 5), np.arange(1, 4)).astype(np.float32)
    assert stable_rank(identity) == pytest.approx(5)
    assert stable_rank(outer) == pytest.approx(1)
    assert stable_rank(outer * np.float32(1e-30)) == pytest.approx(1)
    assert stable_rank(outer * np.float32(1e30)) == pytest.approx(1)
    assert stable_rank(np.zeros((3, 2), np.float32)) is None

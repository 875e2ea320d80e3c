"""Top inputs, moments and histograms that are merged: the figures of NumPy on everything at once."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.extracting.moments import Moments
from service.extracting.running_histogram import BINS, RunningHistogram
from service.extracting.top_inputs import TopInputs, responses

Array = np.ndarray[Any, Any]
SEED = np.random.default_rng(7)
VALUES = SEED.normal(3.0, 100.0, (1000, 5))
SPLITS = [np.array_split(VALUES, cuts) for cuts in (1, 2, 7, 1000)]


@pytest.mark.parametrize("parts", SPLITS, ids=len)
def test_moments(parts: list[Array]) -> None:
    """However the values are split, they are NumPy's mean and variance to double precision, and its extremes."""
    merged = reduce(Moments.merge, [Moments.of(part) for part in parts])
    np.testing.assert_allclose(merged.mean, VALUES.mean(0), rtol=1e-12)
    np.testing.assert_allclose(merged.variance, VALUES.var(0), rtol=1e-12)
    np.testing.assert_array_equal(merged.minimum, VALUES.min(0))
    np.testing.assert_array_equal(merged.maximum, VALUES.max(0))
    np.testing.assert_array_equal(merged.count, [1000] * 5)


def test_moments_of_values_that_are_not_finite() -> None:
    """NaN and infinities are counted, and are in no other figure; a channel of them alone has no mean."""
    values = np.array([[1.0, np.nan, 5.0], [np.nan, np.nan, -np.inf], [3.0, np.inf, 7.0]])
    for merged in (Moments.of(values), Moments.of(values[:1]).merge(Moments.of(values[1:]))):
        np.testing.assert_array_equal(merged.count, [2, 0, 2])
        np.testing.assert_array_equal(merged.nan, [1, 2, 0])
        np.testing.assert_array_equal(merged.infinite, [0, 1, 1])
        np.testing.assert_array_equal(merged.mean[[0, 2]], [2.0, 6.0])
        np.testing.assert_array_equal(merged.variance, [1.0, np.nan, 1.0])
        np.testing.assert_array_equal(merged.minimum, [1.0, np.nan, 5.0])


def test_moments_far_from_zero() -> None:
    """A small variance around a large mean is not lost."""
    values = 1e9 + SEED.normal(0, 1, (400, 1))
    merged = reduce(Moments.merge, [Moments.of(part) for part in np.array_split(values, 9)])
    np.testing.assert_allclose(merged.variance, values.var(0), rtol=1e-6)


def check_histogram(histogram: RunningHistogram, values: Array) -> None:
    """Compare with NumPy's counts in the same bins; their last edge is moved so that no value is on it."""
    for channel in range(values.shape[1]):
        width = np.ldexp(1.0, histogram.exponents[channel])
        edges = (histogram.starts[channel] + np.arange(BINS + 1)) * width
        finite = values[np.isfinite(values[:, channel]), channel]
        assert edges[0] <= finite.min()
        assert finite.max() < edges[-1]
        np.testing.assert_array_equal(histogram.counts[channel], np.histogram(finite, edges)[0])


@pytest.mark.parametrize("parts", SPLITS, ids=len)
def test_histograms(parts: list[Array]) -> None:
    """However the values are split, the bins and counts are the same, and NumPy's."""
    merged = reduce(RunningHistogram.merge, [RunningHistogram.of(part) for part in parts])
    check_histogram(merged, VALUES)
    whole = RunningHistogram.of(VALUES)
    np.testing.assert_array_equal(merged.exponents, whole.exponents)
    np.testing.assert_array_equal(merged.starts, whole.starts)
    np.testing.assert_array_equal(merged.counts, whole.counts)


NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=True)


@given(st.lists(NUMBERS, min_size=2, max_size=30), st.integers(1, 29))
def test_histograms_of_any_numbers(numbers: list[float], cut: int) -> None:
    """Also of zeros, of one number, of the smallest and the largest; in any order."""
    values = np.array(numbers)[:, np.newaxis]
    first, second = values[: min(cut, len(values) - 1)], values[min(cut, len(values) - 1) :]
    whole = RunningHistogram.of(values)
    for one, other in ((first, second), (second, first)):
        merged = RunningHistogram.of(one).merge(RunningHistogram.of(other))
        np.testing.assert_array_equal(merged.counts, whole.counts)
        np.testing.assert_array_equal(merged.starts, whole.starts)
    assert whole.counts.sum() == len(numbers)


def test_a_histogram_leaves_out_what_is_not_finite() -> None:
    """NaN and infinities beside numbers change neither bins nor counts."""
    values = np.array([[1.0], [np.inf], [-np.inf], [np.nan], [-3.5]])
    found, expected = RunningHistogram.of(values), RunningHistogram.of(values[[0, 4]])
    np.testing.assert_array_equal(found.counts, expected.counts)
    assert (found.exponents[0], found.starts[0]) == (expected.exponents[0], expected.starts[0])


def test_a_histogram_of_nothing_finite() -> None:
    """Has no counts, and adds nothing to another."""
    nothing = RunningHistogram.of(np.full((3, 2), np.nan))
    assert nothing.counts.sum() == 0
    other = RunningHistogram.of(VALUES[:, :2])
    for merged in (nothing.merge(other), other.merge(nothing)):
        np.testing.assert_array_equal(merged.counts, other.counts)
        np.testing.assert_array_equal(merged.starts, other.starts)
    assert nothing.merge(nothing).counts.sum() == 0


def test_top_inputs() -> None:
    """However the inputs are split, they are those of a stable sort of all: the first of equal values is first."""
    values = SEED.integers(0, 9, (50, 4)).astype(np.float32)
    values[3, 0] = np.nan
    order = np.argsort(-values, axis=0, kind="stable")[:6]
    for cuts in (1, 3, 50):
        numbers = np.array_split(np.arange(50), cuts)
        top = reduce(TopInputs.merge, [TopInputs.of(6, values[part], part) for part in numbers])
        np.testing.assert_array_equal(top.indices, order)
        np.testing.assert_array_equal(top.values, np.take_along_axis(values, order, 0))


def test_nan_is_last_of_the_top_inputs() -> None:
    """Where fewer inputs than asked for have a number, the others follow."""
    top = TopInputs.of(3, np.array([[np.nan], [2.0], [np.nan]]), np.arange(3))
    np.testing.assert_array_equal(top.indices[:, 0], [1, 0, 2])


@pytest.mark.parametrize(("shape", "axes"), [((4,), None), ((4, 3), ()), ((4, 2, 3), (1,)), ((4, 5, 2, 3), (1, 2))])
def test_responses(shape: tuple[int, ...], axes: tuple[int, ...] | None) -> None:
    """Are the largest values of each unit of the last axis over all positions."""
    rows = SEED.normal(size=shape)
    expected = rows[:, np.newaxis] if axes is None else rows.max(axis=axes) if axes else rows
    np.testing.assert_array_equal(responses(rows), expected)

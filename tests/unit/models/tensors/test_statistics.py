"""Statistics of tensors, compared with NumPy's."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.tensors.statistics import CHUNK, LARGE, statistics

Array = np.ndarray[Any, Any]
FLOATS = ["float16", "float32", "float64", "bfloat16"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype of this name, bfloat16 included."""
    return np.dtype(getattr(ml_dtypes, name, name))


def expected(array: Array) -> dict[str, Any]:
    """Compute the statistics of a finite tensor in double precision."""
    exact = array.astype(np.float64)
    return {
        "min": exact.min(), "max": exact.max(), "mean": exact.mean(), "std": exact.std(),
        "zeros": float((exact == 0).mean()), "nan": 0, "inf": 0,
    }  # fmt: skip


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "bool"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3, 5), (1, 300, 300, 1)])
def test_statistics_match_numpy(name: str, shape: tuple[int, ...]) -> None:
    """For every dtype, with sums in double precision."""
    array = (np.random.default_rng(0).normal(0, 20, shape) * (np.random.default_rng(1).random(shape) > 0.3)).astype(
        dtype(name)
    )
    assert statistics(array) == pytest.approx(expected(array), rel=1e-12, abs=1e-12)


def test_the_members_are_always_the_same() -> None:
    """In the order of replies, as plain Python numbers that JSON can represent."""
    for array in (np.zeros(3, np.float16), np.zeros(3, np.int64), np.full(3, np.nan, np.float32), np.ones(3, bool)):
        found = statistics(array)
        assert list(found) == ["min", "max", "mean", "std", "zeros", "nan", "inf"]
        assert {type(value) for value in found.values()} <= {int, float, type(None)}


@pytest.mark.parametrize("name", FLOATS)
def test_nonfinite_values_are_counted_and_excluded(name: str) -> None:
    """The other figures are those of the finite values; zeros are a fraction of all."""
    array = np.array([np.nan, 1, np.inf, 3, -np.inf, 0, np.nan, -2], dtype(name))
    assert statistics(array) == {
        "min": -2, "max": 3, "mean": 0.5, "std": pytest.approx(np.std([1, 3, 0, -2])), "zeros": 1 / 8,
        "nan": 2, "inf": 2,
    }  # fmt: skip


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize(
    ("values", "nan", "inf"), [([np.nan], 1, 0), ([np.inf, -np.inf], 0, 2), ([np.nan, np.inf, np.nan], 2, 1)]
)
def test_without_finite_values_figures_are_none(name: str, values: list[float], nan: int, inf: int) -> None:
    """Not NaN or zero."""
    assert statistics(np.array(values, dtype(name))) == {
        "min": None, "max": None, "mean": None, "std": None, "zeros": 0.0, "nan": nan, "inf": inf,
    }  # fmt: skip


@pytest.mark.parametrize("name", FLOATS)
def test_negative_zero_is_a_zero(name: str) -> None:
    """Both zeros count."""
    assert statistics(np.array([-0.0, 0.0, 1.0, -1.0], dtype(name)))["zeros"] == 0.5


@pytest.mark.parametrize("name", FLOATS)
def test_denormal_numbers_are_not_zeros(name: str) -> None:
    """Not even the smallest of the dtype."""
    tiny = np.array([ml_dtypes.finfo(dtype(name)).smallest_subnormal, 0], dtype(name))
    found = statistics(tiny)
    assert found["zeros"] == 0.5
    assert found["max"] == float(tiny[0]) > 0


def test_large_integers_have_exact_bounds() -> None:
    """Minimum and maximum are integers beyond double precision."""
    found = statistics(np.array([2**63 - 1, -(2**63), 2**53 + 1], np.int64))
    assert (found["min"], found["max"]) == (-(2**63), 2**63 - 1)
    assert statistics(np.array([2**64 - 1, 0], np.uint64))["max"] == 2**64 - 1


def test_booleans_are_zeros_and_ones() -> None:
    """The mean is the fraction of true values."""
    assert statistics(np.array([True, False, True, True])) == {
        "min": 0, "max": 1, "mean": 0.75, "std": pytest.approx(math.sqrt(0.1875)), "zeros": 0.25, "nan": 0, "inf": 0,
    }  # fmt: skip


def test_the_deviation_is_free_of_cancellation() -> None:
    """For a small spread around a large mean, where a single pass over the squares fails."""
    array = np.tile(np.array([1e9 - 1, 1e9 + 1]), 10_000)
    assert statistics(array)["std"] == pytest.approx(1.0, rel=1e-12)


def test_sums_of_half_precision_do_not_overflow() -> None:
    """Although they exceed float16's maximum of 65,504."""
    array = np.full(3 * CHUNK, 60000, np.float16)
    assert statistics(array) == pytest.approx(expected(array))


@pytest.mark.parametrize(
    "values", [[1e308, 1e308, -1e308], [1.7e308, 1.7e308], [1e200, -1e200], [LARGE, LARGE * 2], [-1e308, 0]]
)
def test_squares_of_large_numbers_do_not_overflow(values: list[float]) -> None:
    """Finite values have a finite mean and deviation."""
    array = np.array(values)
    scaled = expected(array / 1e300)
    found = statistics(array)
    assert (found["mean"] / 1e300, found["std"] / 1e300) == pytest.approx((scaled["mean"], scaled["std"]))


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_chunks_cover_every_element_once(size: int) -> None:
    """For sizes around a multiple of the chunk."""
    array = np.arange(size, dtype=np.float32)
    assert statistics(array) == pytest.approx(expected(array), rel=1e-12)


def test_strided_views_are_supported() -> None:
    """Transposed ones too."""
    array = np.arange(24, dtype=np.float32).reshape(4, 6).T[::2]
    assert statistics(array) == pytest.approx(expected(array))


def test_the_tensor_is_not_modified() -> None:
    """It may be read-only, like memory shared with an engine."""
    array = np.array([1.0, np.nan, 3.0])
    array.flags.writeable = False
    statistics(array)
    np.testing.assert_array_equal(array, [1.0, np.nan, 3.0])


@settings(max_examples=200)
@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int16]),
        arrays.array_shapes(max_dims=4, max_side=6),
        elements=st.integers(-1000, 1000),
    )
)
def test_statistics_of_random_tensors_match_numpy(array: Array) -> None:
    """For finite values."""
    assert statistics(array) == pytest.approx(expected(array), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("zeros", range(7))
def test_the_fraction_of_zeros_is_rounded_once(zeros: int) -> None:
    """It is the result of a single division."""
    array = np.array([0] * zeros + [1] * (6 - zeros), np.float32)
    assert statistics(array)["zeros"] == zeros / 6

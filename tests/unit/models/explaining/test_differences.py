"""Differences of tensors, compared with plain NumPy written out, in exact fractions where double precision rounds."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from math import inf, log10, nan, sqrt
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.explaining.comparing.difference import PIECE, Difference, Place, difference
from models.explaining.comparing.tolerance import Tolerance

Array = np.ndarray[Any, Any]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
DTYPES = [*FLOATS, *INTEGERS, "bool"]


def dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype of this name, bfloat16 included."""
    return np.dtype(getattr(ml_dtypes, name, name))


def drawn(name: str, shape: tuple[int, ...], seed: int) -> Array:
    """Draw values that every dtype holds."""
    return np.random.default_rng(seed).integers(0, 2 if name == "bool" else 100, shape).astype(dtype(name))


def compared(a: Any, b: Any, tolerance: Tolerance | None = None) -> Difference:
    """Compare two tensors of one shape."""
    found = difference(np.asarray(a), np.asarray(b), tolerance)
    assert found is not None
    return found


def exact(array: Array) -> list[Fraction]:
    """Return the numbers of a tensor as fractions."""
    return [Fraction(value if isinstance(value, int) else float(value)) for value in array.reshape(-1).tolist()]


def reference(a: Array, b: Array) -> dict[str, Any]:
    """Compute the figures of finite tensors in exact fractions."""
    x, y = exact(a), exact(b)
    apart = [abs(p - q) for p, q in zip(x, y, strict=True)]
    norms = [sqrt(sum(value * value for value in values)) for values in (x, y, apart)]
    product = float(sum(p * q for p, q in zip(x, y, strict=True)))
    return {
        "max_abs": float(max(apart)),
        "mean_abs": float(sum(apart) / len(apart)),
        "rel_l2": norms[2] / norms[0],
        "cosine": product / (norms[0] * norms[1]),
        "snr_db": 20 * log10(norms[0] / norms[2]),
    }


@pytest.mark.parametrize("a_name", DTYPES)
@pytest.mark.parametrize("b_name", DTYPES)
def test_every_pair_of_dtypes(a_name: str, b_name: str) -> None:
    """The figures are those of exact arithmetic, whatever the two dtypes are."""
    a, b = drawn(a_name, (3, 4, 5), 0), drawn(b_name, (3, 4, 5), 1)
    found = compared(a, b)
    expected = reference(a, b)
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, rel=1e-12)
    apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
    place = np.unravel_index(apart.argmax(), apart.shape)
    assert found.at == Place(tuple(map(int, place)), a[place].item(), b[place].item())
    assert {type(found.at.a), type(found.at.b)} <= {int, float, bool}
    rows = (a.astype(np.float64).argmax(-1) == b.astype(np.float64).argmax(-1)).mean()
    assert (found.status, found.argmax_agrees, found.not_finite) == ("differs", pytest.approx(rows), 0)


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3), (1, 300, 300, 2)])
def test_a_tensor_with_itself(name: str, shape: tuple[int, ...]) -> None:
    """It is equal: no difference, the same direction, no noise."""
    a = drawn(name, shape, 3) if name != "bool" else np.ones(shape, bool)
    found = compared(a, a.copy())
    ulps = 0 if name in FLOATS else None
    agrees = 1.0 if len(shape) > 1 else None
    assert found == Difference("equal", found.tolerance, 0, None, 0.0, 0.0, 0.0, pytest.approx(1), inf, ulps, agrees)


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS])
def test_every_bit_counts(name: str) -> None:
    """One number of another bit makes tensors unequal, in whichever piece it is."""
    a = np.ones(3 * PIECE + 5, dtype(name))
    for place in (0, PIECE, len(a) - 1):
        b = a.copy()
        b[place:].view(f"u{a.dtype.itemsize}")[0] ^= 1
        found = compared(a, b)
        assert found.status != "equal"
        assert found.at == Place((place,), a[place].item(), b[place].item())


def test_the_two_zeros() -> None:
    """They differ in a bit and in no figure."""
    found = compared(np.zeros((2, 2), np.float32), -np.zeros((2, 2), np.float32), Tolerance(0, 0))
    assert (found.status, found.max_abs, found.max_ulp, found.at) == ("close", 0.0, 0, None)


def test_another_dtype_is_never_equal() -> None:
    """The same numbers in two dtypes are close."""
    found = compared(np.ones((2, 2), np.float32), np.ones((2, 2), np.float16))
    assert (found.status, found.max_abs, found.max_ulp) == ("close", 0.0, 0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (np.uint64(0), np.uint64(2**64 - 1), 2.0**64),
        (np.uint64(3), np.uint64(5), 2.0),
        (np.uint64(2**64 - 1), np.uint64(2**64 - 2), 1.0),
        (np.int64(2**63 - 1), np.int64(-(2**63)), 2.0**64),
        (np.int64(2**53 + 1), np.uint64(2**53), 1.0),
        (np.int64(-1), np.uint64(2**64 - 1), 2.0**64),
        (np.int64(2**53 + 1), np.float64(2**53), 1.0),
        (np.float64(0.5), np.int64(1), 0.5),
        (np.uint64(2**64 - 1), np.float32(2.0**64), 1.0),
        (np.uint8(0), np.uint8(255), 255.0),
        (np.int8(-128), np.int8(127), 255.0),
        (np.bool_(False), np.bool_(True), 1.0),
        (np.bool_(True), np.int8(-1), 2.0),
    ],
)  # fmt: skip
def test_integers_do_not_wrap_around(a: Any, b: Any, expected: float) -> None:
    """Differences beyond a dtype, and of integers that double precision does not hold, are right."""
    assert compared([a], [b]).max_abs == expected
    assert compared([b], [a]).max_abs == expected


def test_large_integers_are_told_exactly() -> None:
    """Where they differ most, both are integers."""
    found = compared(np.array([[1, 2**64 - 1]], np.uint64), np.array([[1, 2**64 - 3]], np.uint64))
    assert found.at == Place((0, 1), 2**64 - 1, 2**64 - 3)
    assert isinstance(found.at.a, int)


@pytest.mark.parametrize("name", FLOATS)
def test_the_same_values_that_are_not_finite(name: str) -> None:
    """NaN and infinities at the same places are no difference, and left out of the figures."""
    a = np.array([[nan, inf, -inf, 2.0]], dtype(name))
    b = np.array([[nan, inf, -inf, 3.0]], dtype(name))
    assert compared(a, a).status == "equal"
    found = compared(a, b)
    assert (found.status, found.not_finite, found.max_abs, found.mean_abs) == ("differs", 3, 1.0, 1.0)
    assert found.at == Place((0, 3), 2.0, 3.0)


def test_nan_of_other_bits() -> None:
    """NaN is NaN, whatever its payload: close, without figures if nothing is finite."""
    a = np.full((1, 2), nan, np.float32)
    b = a.copy()
    b.view(np.uint32)[0, 0] |= 1
    assert compared(a, b) == Difference("close", compared(a, b).tolerance, 2, None)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize(("value", "other"), [(nan, 1.0), (1.0, nan), (inf, 1.0), (inf, -inf), (nan, inf), (1.0, -inf)])
def test_values_that_are_not_finite_on_one_side(name: str, value: float, other: float) -> None:
    """They are named, and the figures are those of the others."""
    a, b = (np.array([[1.0, 2.0, each]], dtype(name)) for each in (value, other))
    found = compared(a, b)
    assert (found.status, found.not_finite, found.max_abs) == ("not_finite", 1, 0.0)
    assert found.at is not None
    assert found.at.index == (0, 2)
    np.testing.assert_array_equal([found.at.a, found.at.b], [value, other])


def test_nothing_to_compare() -> None:
    """Without one position where both are finite, and without any elements, there are no figures."""
    a, b = np.array([nan, 1.0]), np.array([1.0, inf])
    found = compared(a, b)
    assert found == Difference("not_finite", found.tolerance, 2, found.at)
    empty = np.zeros((0, 3), np.float32)
    assert compared(empty, empty) == Difference("equal", compared(empty, empty).tolerance, 0, None)


def test_all_zeros() -> None:
    """A zero tensor has no direction, and no signal to compare noise with."""
    zeros, ones = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)
    both, only_b, only_a = compared(zeros, zeros), compared(zeros, ones), compared(ones, zeros)
    assert (both.rel_l2, both.cosine, both.snr_db, both.status) == (0.0, None, inf, "equal")
    assert (only_b.rel_l2, only_b.cosine, only_b.snr_db) == (inf, None, -inf)
    assert (only_a.rel_l2, only_a.cosine, only_a.snr_db) == (1.0, None, 0.0)


@pytest.mark.parametrize("size", [1e-320, 5e-324, 1e-200, 1e200, 1.7e308])
def test_squares_do_not_leave_double_precision(size: float) -> None:
    """Norms and angles of numbers whose squares overflow or vanish are those of the same numbers near 1."""
    a, b = np.array([[size, 0.0, size]]), np.array([[size, size, 0.0]])
    found = compared(a, b, Tolerance(0, 0))
    assert found.rel_l2 == pytest.approx(1.0, rel=1e-12)
    assert found.cosine == pytest.approx(0.5, rel=1e-12)
    assert found.snr_db == pytest.approx(0.0, abs=1e-9)
    assert found.max_abs == size
    assert found.mean_abs == pytest.approx(size * (2 / 3), rel=1e-3, abs=5e-324)


def test_a_difference_beyond_double_precision() -> None:
    """Its size is infinite, its ratio to the tensor is not."""
    found = compared(np.array([[1.5e308, 1.0]]), np.array([[-1.5e308, 1.0]]))
    assert (found.max_abs, found.rel_l2, found.cosine) == (inf, 2.0, -1.0)


def test_a_difference_much_smaller_than_the_tensor() -> None:
    """Its square vanishes, and it is measured all the same."""
    found = compared(np.array([[1.0, 2e-170]]), np.array([[1.0, 1e-170]]), Tolerance(0, 0))
    assert found.rel_l2 == pytest.approx(1e-170)
    assert found.snr_db == pytest.approx(3400)
    assert found.status == "differs"


@pytest.mark.parametrize(
    ("name", "value", "other", "steps"),
    [
        ("float32", 1.0, 1.0 + 2**-23, 1),
        ("float32", 1.0, 1.0 - 2**-24, 1),
        ("float32", 1e-45, -1e-45, 2),
        ("float32", 2.0, 4.0, 2**23),
        ("float64", 1.0, 1.0 + 2**-50, 4),
        ("float64", -1.7976931348623157e308, 1.7976931348623157e308, 2 * 0x7FEFFFFFFFFFFFFF),
        ("float16", 1.0, 1.0 + 2**-10, 1),
        ("float16", -65504.0, 65504.0, 2 * 0x7BFF),
        ("bfloat16", 1.0, 1.0 + 2**-7, 1),
        ("bfloat16", 1.0, 2.0, 2**7),
    ],
)
def test_steps_between_numbers(name: str, value: float, other: float, steps: int) -> None:
    """The units in the last place are counted across powers of two and across zero."""
    assert compared(np.array([value], dtype(name)), np.array([other], dtype(name))).max_ulp == steps
    assert compared(np.array([other], dtype(name)), np.array([value], dtype(name))).max_ulp == steps


@settings(deadline=None)
@given(arrays.arrays(np.float32, 8, elements=st.floats(-(2.0**100), 2.0**100, width=32)), st.integers(1, 5))
def test_steps_as_numpy_takes_them(a: Array, steps: int) -> None:
    """As many as numpy.nextafter takes."""
    b = a
    for _ in range(steps):
        b = np.nextafter(b, np.float32(np.inf))
    assert compared(a, b).max_ulp == steps


def test_steps_between_two_dtypes() -> None:
    """They are those of the dtype with fewer digits: a rounded number is no step away, an overflow one past the end."""
    a = np.array([1.0009765, 2.0, 1e6], np.float32)
    assert compared(a[:2], a[:2].astype(np.float16)).max_ulp == 0
    assert compared(a[:1], np.array([1.0], np.float16)).max_ulp == 1
    assert compared(a[2:], np.array([65504.0], np.float16)).max_ulp == 1
    assert compared(np.array([1.0], np.float16), np.array([1.0078125], dtype("bfloat16"))).max_ulp == 1
    assert compared(np.array([1.0], np.float16), np.array([1], np.int32)).max_ulp is None


@pytest.mark.parametrize("columns", [2, 5, PIECE, PIECE + 3])
def test_the_largest_unit(columns: int) -> None:
    """It agrees at the share of positions that NumPy finds, in long rows too; NaN ranks below everything."""
    a, b = (np.random.default_rng(seed).integers(0, 3, (4, 3, columns)).astype(np.float32) for seed in (0, 1))
    assert compared(a, b).argmax_agrees == pytest.approx((a.argmax(-1) == b.argmax(-1)).mean())
    a[..., -1], b[..., -1] = 7, 7
    b[0, 0, 0] = nan
    assert compared(a, b).argmax_agrees == 1.0
    b[0, 1, -1] = nan
    assert compared(a, b).argmax_agrees == pytest.approx(11 / 12)


@pytest.mark.parametrize("shape", [(3,), (), (4, 1), (2, 3, 1)])
def test_no_units_to_choose_from(shape: tuple[int, ...]) -> None:
    """Where the last axis is the batch or has one unit, nothing can agree."""
    assert compared(np.zeros(shape), np.ones(shape)).argmax_agrees is None


def test_shapes_that_differ() -> None:
    """They have no difference, also where one could be broadcast."""
    assert difference(np.zeros((2, 3)), np.zeros((1, 3))) is None
    assert difference(np.zeros(()), np.zeros(1)) is None


@pytest.mark.parametrize(
    ("rtol", "atol", "status"),
    [(0.0, 0.1, "close"), (0.0, 0.099, "differs"), (0.05, 0.0, "close"), (0.049, 0, "differs")],
)
def test_tolerances(rtol: float, atol: float, status: str) -> None:
    """A difference of 0.1 from 2.0, whose reference is the first tensor."""
    found = compared(np.array([2.0, 5.0]), np.array([2.0 - 0.1 * (1 - 1e-12), 5.0]), Tolerance(rtol, atol))
    assert (found.status, found.tolerance) == (status, Tolerance(rtol, atol))


def test_default_tolerances() -> None:
    """They follow from the dtypes, of two the wider, as torch.testing.assert_close has them."""
    one, two = np.ones(1, np.float32), np.ones(1, np.float16)
    assert compared(one, one).tolerance == (1.3e-6, 1e-5)
    assert compared(one, two).tolerance == (1e-3, 1e-5)
    assert compared(np.ones(1, np.int8), np.ones(1, np.int8)).tolerance == (0, 0)
    assert compared(np.ones(1, np.int32), np.full(1, 2, np.int32)).status == "differs"


@settings(deadline=None)
@given(
    arrays.arrays(np.float64, (2, 3, 4), elements=st.floats(-1e6, 1e6)),
    arrays.arrays(np.float64, (2, 3, 4), elements=st.floats(-1e6, 1e6)),
    st.floats(0, 0.1),
    st.floats(0, 10),
)
def test_closeness_as_numpy_defines_it(a: Array, b: Array, rtol: float, atol: float) -> None:
    """As numpy.isclose with the reference second."""
    close = bool(np.isclose(b, a, rtol, atol).all())
    assert (compared(a, b, Tolerance(rtol, atol)).status in ("equal", "close")) == close


def test_memory_of_large_tensors() -> None:
    """Tensors of 64 MB are compared within a few megabytes."""
    a = np.zeros((4, 1000, 4000), np.float32)
    b = a.copy()
    b[3, 999, 3999] = 1
    tracemalloc.start()
    found = compared(a, b)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.at == Place((3, 999, 3999), 0.0, 1.0)
    assert peak < 16 * 2**20

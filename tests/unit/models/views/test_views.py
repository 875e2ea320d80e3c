"""Views of tensors, compared with NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import InvalidOption
from models.views.casting import NAMES, parse_cast
from models.views.histogram import parse_histogram
from models.views.reduction import parse_reduction
from models.views.slicing import parse_slice
from models.views.tensor_type import AXES
from models.views.top import parse_top
from models.views.view import View

Array = np.ndarray[Any, Any]
DTYPES = ["float16", "bfloat16", "float32", "float64", "int8", "int32", "int64", "uint8", "uint16", "bool"]
SHAPES = [(), (3,), (2, 5), (2, 3, 4), (2, 3, 4, 5), (1, 2, 3, 2, 4)]


def random_array(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    """Draw random numbers, some of them equal."""
    values = np.random.default_rng(seed).integers(-20, 20, shape) / 4
    unsigned = dtype.startswith("uint") or dtype == "bool"
    return np.asarray(abs(values) if unsigned else values).astype(getattr(ml_dtypes, dtype, dtype))


def result(array: Array, **options: Any) -> dict[str, Array]:
    """Apply a view and check that its members have the announced type."""
    parsers: Any = {"slice": parse_slice, "reduce": parse_reduction, "top": parse_top, "histogram": parse_histogram,
                    "dtype": parse_cast}  # fmt: skip
    view = View(**{name: parsers[name](value, f"/{name}") for name, value in options.items()})
    view.check()
    types = view.result_types(array.shape, array.dtype.name, "layer")
    members = view.apply(array, "layer").members
    assert list(types) == list(members)
    for suffix, tensor in types.items():
        member = members[suffix]
        assert (tensor.shape, tensor.dtype, tensor.nbytes) == (member.shape, member.dtype.name, member.nbytes), suffix
    return members


@pytest.mark.parametrize(
    ("steps", "codes"),
    [([0, 714], [0, 255]), ([0, 100, 510, 714], [0, 50, 255, 255]), ([-357, 0, 357], [0, 178, 255])],
)
def test_codes_are_clamped_if_the_scale_is_denormal(steps: list[int], codes: list[int]) -> None:
    """A step of 714 / 255 = 2.8 of the smallest number is rounded to 2, so codes over 255 are clamped."""
    smallest = np.nextafter(0, 1)
    members = result(np.array(steps) * smallest, dtype="uint8")
    assert (members[""].tolist(), float(members[":scale"])) == (codes, 2 * smallest)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("0, :, :, 3:5", np.s_[0, :, :, 3:5]),
        ("...", np.s_[...]),
        ("-1", np.s_[-1]),
        ("..., -1", np.s_[..., -1]),
        ("1, ..., 2", np.s_[1, ..., 2]),
        (":, ::2", np.s_[:, ::2]),
        (":,::-1", np.s_[:, ::-1]),
        (": , 2:0:-1", np.s_[:, 2:0:-1]),
        ("...,-3:", np.s_[..., -3:]),
        ("0,1,2,3", np.s_[0, 1, 2, 3]),
        ("0,1,2,3,...", np.s_[0, 1, 2, 3]),
        (":,:,0:4:100", np.s_[:, :, 0:4:100]),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "bool"])
def test_slices_match_numpy(text: str, index: Any, dtype: str) -> None:
    """Without a copy unless the result is a scalar."""
    array = random_array((2, 3, 4, 5), dtype)
    found = result(array, slice=text)[""]
    np.testing.assert_array_equal(found, array[index])
    assert found.ndim == 0 or np.shares_memory(found, array)


PART = st.one_of(
    st.integers(-7, 7),
    st.builds(slice, *[st.none() | st.integers(-7, 7)] * 2, st.none() | st.sampled_from([-3, -2, -1, 1, 2, 9])),
)


@settings(max_examples=300)
@given(st.lists(PART, max_size=5), st.sampled_from(SHAPES))
def test_random_slices_match_numpy_or_are_rejected(parts: list[Any], shape: tuple[int, ...]) -> None:
    """Where NumPy would clamp or return nothing, an error with a pointer is raised."""
    words = [str(part) if isinstance(part, int) else _written(part) for part in parts] or ["..."]
    array = random_array(shape, "float32")
    if _is_wrong(parts, shape):
        with pytest.raises(InvalidOption) as caught:
            result(array, slice=",".join(words))
        assert caught.value.problems[0].pointer == "/slice"
    else:
        np.testing.assert_array_equal(result(array, slice=",".join(words))[""], array[tuple(parts)])


def _written(part: slice) -> str:
    return ":".join("" if bound is None else str(bound) for bound in (part.start, part.stop, part.step))


def _is_wrong(parts: list[Any], shape: tuple[int, ...]) -> bool:
    """Whether NumPy raises, clamps or returns nothing."""
    if len(parts) > len(shape):
        return True
    for part, length in zip(parts, shape, strict=False):
        if isinstance(part, int):
            if part not in range(-length, length):
                return True
            continue
        top = length if (part.step or 1) > 0 else length - 1
        if any(bound is not None and bound not in range(-length, top + 1) for bound in (part.start, part.stop)):
            return True
        if not np.arange(length)[part].size:
            return True
    return False


REDUCTIONS = {
    "mean": np.mean, "max": np.max, "min": np.min, "sum": np.sum, "std": np.std,
    "l2": lambda array, axis: np.sqrt((array**2).sum(axis)),
}  # fmt: skip
RESULTS = {"float16": "float32", "bfloat16": "float32", "float32": "float32"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_reductions_match_numpy_in_double_precision(dtype: str) -> None:
    """Over the first, the last and all axes, with the documented dtype."""
    for function, shape in itertools.product(REDUCTIONS, SHAPES[1:]):
        array, names = random_array(shape, dtype), AXES[len(shape)]
        for axes in (names[0], names[-1], names[::-1]):
            over = tuple(names.index(axis) for axis in axes)
            found = result(array, reduce=f"{function}@{','.join(axes)}")[""]
            expected = REDUCTIONS[function](array.astype(np.float64), axis=over)
            np.testing.assert_allclose(found.astype(np.float64), expected, rtol=1e-6 if found.itemsize < 8 else 1e-12)
            kind = {"max": dtype, "min": dtype}.get(function, RESULTS.get(dtype, "float64"))
            if function == "sum" and "float" not in dtype:
                kind = "uint64" if dtype.startswith("uint") else "int64"
            assert found.dtype.name == kind


@pytest.mark.parametrize("function", ["sum", "l2"])
def test_overflow_of_a_reduction_is_infinite(function: str) -> None:
    """The result fits into double precision, but not into the result's dtype."""
    array = np.full((1, 2), np.finfo(np.float32).max, np.float32)
    np.testing.assert_array_equal(result(array, reduce=f"{function}@c")[""], np.array([np.inf], np.float32))


def exact_sums(array: Array, axis: int) -> list[int]:
    """Compute sums as Python integers, over one of two axes."""
    rows = array.tolist() if axis else array.T.tolist()
    return [sum(row) for row in rows]


EDGES = [-(2**63), -(2**63) + 1, -(2**62), -(2**32), -1, 0, 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


@given(data=st.data())
@settings(max_examples=300, deadline=None)
@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_sums_of_integers_are_exact_or_rejected(dtype: str, data: st.DataObject) -> None:
    """Compared with arbitrary precision; NumPy's sums wrap around."""
    bounds = np.iinfo(dtype)
    fitting = [edge for edge in EDGES if bounds.min <= edge <= bounds.max]
    numbers = st.sampled_from(fitting) | st.integers(int(bounds.min), int(bounds.max))
    rows = data.draw(st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=1, max_size=4))
    array, axis = np.array(rows, dtype), data.draw(st.sampled_from([0, 1]))
    sums = exact_sums(array, axis)
    if all(bounds.min <= one <= bounds.max for one in sums):
        assert result(array, reduce=f"sum@{'nc'[axis]}")[""].tolist() == sums
    else:
        with pytest.raises(InvalidOption, match="a sum of integers does not fit 64 bits"):
            result(array, reduce=f"sum@{'nc'[axis]}")


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_the_largest_sums_are_accepted(dtype: str) -> None:
    """One more is rejected."""
    bounds = np.iinfo(dtype)
    half = int(bounds.max) // 2
    assert result(np.array([[half, half + 1]], dtype), reduce="sum@c")[""].tolist() == [bounds.max]
    assert result(np.array([[bounds.max, 0], [0, bounds.max]], dtype), reduce="sum@c")[""].tolist() == [bounds.max] * 2
    with pytest.raises(InvalidOption):
        result(np.array([[half + 1, half + 1]], dtype), reduce="sum@c")
    if bounds.min:
        assert result(np.array([[-half - 1, -half - 1]], dtype), reduce="sum@c")[""].tolist() == [bounds.min]


def test_sums_of_half_precision_do_not_overflow() -> None:
    """The mean of 60,000 values of 60,000 is 60,000, although their sum exceeds float16's 65,504."""
    array = np.full((1, 60_000), 60_000, np.float16)
    assert result(array, reduce="mean@c")[""] == [60_000]
    assert result(array, reduce="sum@c")[""] == [3.6e9]


@pytest.mark.parametrize("dtype", DTYPES)
def test_argmax_matches_numpy(dtype: str) -> None:
    """The first of equal values, as int64."""
    array = random_array((4, 3, 6, 5), dtype)
    for position, axis in enumerate("nhwc"):
        found = result(array, reduce=f"argmax@{axis}")[""]
        np.testing.assert_array_equal(found, array.astype(np.float64).argmax(position))
        assert found.dtype == np.int64


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_nan_is_ranked_last(dtype: str) -> None:
    """In argmax and top, even after -inf; other reductions propagate it."""
    nan, inf = np.nan, np.inf
    array = np.array([[nan, 1, 2, nan], [nan, -inf, nan, -inf], [nan] * 4, [inf, nan, inf, 3]]).astype(
        getattr(ml_dtypes, dtype, dtype)
    )
    np.testing.assert_array_equal(result(array, reduce="argmax@c")[""], [2, 1, 0, 0])
    top = result(array, top=4)
    np.testing.assert_array_equal(top[":indices"], [[2, 1, 0, 3], [1, 3, 0, 2], [0, 1, 2, 3], [0, 2, 3, 1]])
    np.testing.assert_array_equal(top[":values"].astype(float)[1], [-inf, -inf, nan, nan])
    for function in ("max", "min", "mean", "sum", "std", "l2"):
        assert np.isnan(result(array, reduce=f"{function}@c")[""].astype(float)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_top_matches_a_full_sort(dtype: str) -> None:
    """Largest first, lowest index first among equal values, for every k."""
    for shape in SHAPES[1:]:
        array = random_array(shape, dtype)
        rows = array.astype(np.float64).reshape(-1, shape[-1])
        order = np.array([sorted(range(shape[-1]), key=lambda unit, row=row: (-row[unit], unit)) for row in rows])
        for k in range(1, shape[-1] + 1):
            found = result(array, top=k)
            np.testing.assert_array_equal(found[":indices"].reshape(-1, k), order[:, :k])
            np.testing.assert_array_equal(
                found[":values"].astype(np.float64).reshape(-1, k), np.take_along_axis(rows, order[:, :k], 1)
            )


def test_extreme_integers_are_ranked() -> None:
    """Where negation would overflow."""
    top = result(np.array([[-128, 127, 0, -127]], np.int8), top=4)
    np.testing.assert_array_equal(top[":indices"], [[1, 2, 3, 0]])
    top = result(np.array([[2**64 - 1, 0, 2**63]], np.uint64), top=3)
    np.testing.assert_array_equal(top[":indices"], [[0, 2, 1]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_histograms_match_numpy(dtype: str) -> None:
    """Counts and edges; values outside the range are counted separately."""
    for shape, text in itertools.product(SHAPES, ["1", "7", "64", "5,-2,2", "3,0,0.5", 16]):
        array = random_array(shape, dtype)
        bins, *bounds = (float(word) for word in str(text).split(","))
        counts, edges = np.histogram(array.astype(np.float64), int(bins), tuple(bounds) or None)  # type: ignore[arg-type]
        found = result(array, histogram=text)
        np.testing.assert_array_equal(found[":counts"], counts)
        np.testing.assert_allclose(found[":edges"], edges, rtol=1e-15)
        assert found[":counts"].sum() + found[":outside"].sum() == array.size


def test_values_outside_a_histogram_are_counted() -> None:
    """Below, above and NaN separately; the range includes both ends."""
    array = np.array([-np.inf, -3, -2, 0, 2, 2.1, 9, np.inf, np.nan, np.nan, np.nan], np.float32)
    found = result(array, histogram="2,-2,2")
    np.testing.assert_array_equal(found[":counts"], [1, 2])
    np.testing.assert_array_equal(found[":outside"], [2, 3, 3])


@pytest.mark.parametrize("value", [0.0, -7.5, 1e30, 1e300, -1.7e308, 5e-324])
def test_a_constant_has_a_histogram(value: float) -> None:
    """With all values in one bin of a range around it."""
    found = result(np.full((2, 3), value), histogram=64)
    assert found[":counts"].max() == 6
    assert (np.diff(found[":edges"]) > 0).all()
    assert found[":edges"][0] < value < found[":edges"][-1]


def test_a_histogram_without_finite_values_is_empty() -> None:
    """From 0 to 1, with all values counted outside."""
    found = result(np.array([np.nan, np.inf]), histogram=4)
    np.testing.assert_array_equal(found[":edges"], [0, 0.25, 0.5, 0.75, 1])
    assert (found[":counts"].sum(), found[":outside"].tolist()) == (0, [0, 1, 1])


def test_the_widest_range_has_a_histogram() -> None:
    """Its width exceeds the largest double, those of the bins do not."""
    found = result(np.array([-1.7e308, 0, 1.7e308]), histogram=2)
    np.testing.assert_array_equal(found[":counts"], [1, 2])
    np.testing.assert_array_equal(found[":edges"], [-1.7e308, 0, 1.7e308])


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", NAMES[:4])
def test_casts_match_numpy(source: str, target: str) -> None:
    """Rounded to the nearest."""
    array = random_array((2, 3, 4), source)
    expected = array.astype(getattr(ml_dtypes, target, target))
    assert result(array, dtype=target)[""].tobytes() == expected.tobytes()


def test_overflow_of_casts_is_counted() -> None:
    """Without values that were infinite before."""
    array = np.array([1e5, -1e6, np.inf, np.nan, 65504], np.float32)
    viewed = View(dtype=parse_cast("float16", "")).apply(array, "layer")
    np.testing.assert_array_equal(viewed.members[""], np.array([np.inf, -np.inf, np.inf, np.nan, 65504], np.float16))
    assert viewed.facts == {"overflow": 2}


@pytest.mark.parametrize("dtype", DTYPES)
def test_quantized_values_are_within_half_a_scale(dtype: str) -> None:
    """offset + scale × code; the minimum and maximum are exact."""
    for shape in SHAPES:
        array = random_array(shape, dtype).astype(np.float64) * 1.37
        found = result(array, dtype="uint8")
        values = found[":offset"] + found[":scale"] * found[""]
        assert (abs(values - array) <= found[":scale"] / 2 + 1e-12).all()
        if array.max() > array.min():
            assert (found[""].min(), found[""].max()) == (0, 255)


@pytest.mark.parametrize("value", [0.0, 3.25, -1e300])
def test_quantization_of_a_constant_is_exact(value: float) -> None:
    """Without a division by zero."""
    found = result(np.full((2, 3), value), dtype="uint8")
    np.testing.assert_array_equal(found[":offset"] + found[":scale"] * found[""], np.full((2, 3), value))


def test_the_widest_range_can_be_quantized() -> None:
    """Its width exceeds the largest double, its scale does not."""
    found = result(np.array([-1.7e308, 0, 1.7e308]), dtype="uint8")
    np.testing.assert_array_equal(found[""], [0, 128, 255])


def test_views_are_applied_in_order() -> None:
    """Slice, reduction, top, dtype; the remaining axes keep their names."""
    array = random_array((4, 6, 6, 8), "float32")
    found = result(array, slice="1, 2:6", reduce="mean@h,w", top=3, dtype="float16")
    means = array[1, 2:6].astype(np.float64).mean((0, 1)).astype(np.float32)
    order = np.argsort(-means, kind="stable")[:3]
    np.testing.assert_array_equal(found[":indices"], order)
    np.testing.assert_array_equal(found[":values"], means[order].astype(np.float16))
    counts = result(array, slice="..., 0", reduce="max@n", histogram="4,-5,5")[":counts"]
    np.testing.assert_array_equal(counts, np.histogram(array[..., 0].max(0), 4, (-5, 5))[0])


def test_free_dimensions_stay_free() -> None:
    """The announced type is None where it depends on them."""
    view = View(slice=parse_slice(":, 1:3", ""), reduce=parse_reduction("mean@w", ""))
    tensor = view.result_types((None, 4, None, 8), "float32", "layer")[""]
    assert (tensor.shape, tensor.dtype, tensor.axes, tensor.nbytes) == ((None, 2, 8), "float32", "nhc", None)
    assert View(slice=parse_slice("0", "")).result_types((None, 4), "float16", "layer")[""].nbytes == 8
    assert View(slice=parse_slice("1:3", "")).result_types((None, 4), "float16", "layer")[""].nbytes is None
    assert View(top=parse_top(9, "")).result_types((None, None), "float16", "layer")[":indices"].shape == (None, 9)


def test_the_array_is_not_modified() -> None:
    """It is TensorFlow's memory."""
    array = random_array((2, 3, 4, 5), "float32")
    array[0, 0, 0, 0] = np.nan
    before = array.tobytes()
    array.flags.writeable = False
    for options in ({"reduce": "argmax@c"}, {"top": 2}, {"histogram": 4}, {"dtype": "float16"}, {"slice": "1"}):
        result(array, **options)
    assert array.tobytes() == before

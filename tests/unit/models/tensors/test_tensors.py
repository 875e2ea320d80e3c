import base64

import ml_dtypes
import numpy as np
import pytest

from models.documents.inputs import InputSpec
from models.errors import InvalidTensor
from models.tensors import DTYPES, converted, fit, is_tensor_form, parse_tensor

PATTERNS = {name: np.array([0, 1, 1], dtype) for name, dtype in DTYPES.items()}


def problem_of(call, *args):
    """Return the only problem that the call raises."""
    with pytest.raises(InvalidTensor) as caught:
        call(*args)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("raw", "dtype", "shape"),
    [
        (3, "int64", ()),
        (2.5, "float64", ()),
        ([[1, 2], [3, 4]], "int64", (2, 2)),
        ([[1, 2.5]], "float64", (1, 2)),
        ([2**64 - 1, 0], "uint64", (2,)),
        ([-(2**63)], "int64", (1,)),
        ([[], []], "float64", (2, 0)),
    ],
)
def test_nested_arrays_have_the_inferred_dtype(raw, dtype, shape):
    """Integers and floats are distinguished; the values equal NumPy's."""
    array = parse_tensor(raw, "/inputs")
    assert (array.dtype.name, array.shape) == (dtype, shape)
    assert array.tolist() == raw


@pytest.mark.parametrize(
    ("raw", "dtype", "pointer"),
    [
        ([[1, 2, 3, True]], None, "/x/0/3"),
        ([[1, 2, 3, True]], "int32", "/x/0/3"),
        ([[True, False]], "float32", "/x/0/0"),
        ([[0.5], [False]], "float32", "/x/1/0"),
        (True, None, "/x"),
        ({"dtype": "int64", "data": [3, True]}, "bool", "/x/data/1"),
        ({"shape": [2], "data": [3, True]}, "float32", "/x/data/1"),
    ],
)
def test_booleans_are_not_numbers(raw, dtype, pointer):
    """Their meaning among numbers would be ambiguous."""
    assert problem_of(parse_tensor, raw, "/x", dtype).pointer == pointer


@pytest.mark.parametrize("raw", [[True, False], [1, False], {"data": [True, 0]}, {"dtype": "bool", "data": [1, 0]}])
def test_boolean_inputs_accept_booleans(raw):
    """Also mixed with 1 and 0."""
    array = parse_tensor(raw, "/x", "bool")
    assert (array.dtype.name, array.tolist()) == ("bool", [True, False])


def test_strings_represent_nonfinite_numbers():
    """These are "NaN", "Infinity" and "-Infinity"."""
    array = parse_tensor([["NaN", 1], ["Infinity", "-Infinity"]], "/inputs")
    np.testing.assert_array_equal(array, [[np.nan, 1], [np.inf, -np.inf]])


def test_tensors_have_at_most_eight_axes():
    """TensorFlow is unsafe beyond that."""
    raw = 5
    for _ in range(8):
        raw = [raw]
    assert parse_tensor(raw, "").shape == (1,) * 8
    assert problem_of(parse_tensor, [raw], "/inputs").expected == "at most 8 nested arrays"


@pytest.mark.parametrize(
    ("raw", "pointer", "expected", "received"),
    [
        ([[1, 2], [3]], "/inputs/1", "an array of length 2, as /inputs/0", "length 1"),
        ([[[1], [2]], [[3], 4]], "/inputs/1/1", "an array of length 1, as /inputs/0/0", "4"),
        ([1, [2]], "/inputs/1", 'a number, "NaN", "Infinity" or "-Infinity"', "[2]"),
        ([[0, 1], [2, None]], "/inputs/1/1", 'a number, "NaN", "Infinity" or "-Infinity"', "null"),
        ([[], [1]], "/inputs/1", "an array of length 0, as /inputs/0", "length 1"),
        ([0, 2**64], "/inputs/1", "integers of one 64-bit dtype", str(2**64)),
        ([2**63, -1], "/inputs/0", "integers of one 64-bit dtype", str(2**63)),
        ([0.5, 10**400], "/inputs/1", "a number below 1.8e308", "an integer of over 24 digits"),
    ],
)
def test_invalid_tensors_are_reported_with_a_pointer(raw, pointer, expected, received):
    """To the row or number at fault."""
    problem = problem_of(parse_tensor, raw, "/inputs")
    assert (problem.pointer, problem.expected, problem.received) == (pointer, expected, received)


def test_a_misspelled_string_gets_a_suggestion():
    """`nan` is not interpreted."""
    assert problem_of(parse_tensor, ["nan"], "/inputs").suggestion == 'write "NaN"'


def test_integers_are_not_rounded_for_an_integer_dtype():
    """2**53 + 1 among floats would become 2**53."""
    assert parse_tensor([2**53, 1.0], "", "int64").tolist() == [2**53, 1]
    assert parse_tensor([2**53 + 1, 1], "", "int64").tolist() == [2**53 + 1, 1]
    assert problem_of(parse_tensor, [1.0, 2**53 + 1], "/i", "int64").pointer == "/i/1"
    assert parse_tensor([1.0, 2**53 + 1], "", "float64").tolist() == [1.0, 2.0**53]


def test_large_integers_are_accepted_for_floats():
    """JavaScript writes 1e20 without an exponent."""
    assert parse_tensor([10**20, 1], "", "float32").tolist() == [float(np.float32(1e20)), 1.0]


@pytest.mark.parametrize("name", DTYPES)
def test_base64_is_decoded_for_every_dtype(name):
    """Little-endian, in C order, with a shape."""
    sent = PATTERNS[name].reshape(3, 1)
    raw = {"shape": [3, 1], "dtype": name, "base64": base64.b64encode(sent.tobytes()).decode()}
    array = parse_tensor(raw, "/inputs")
    assert (array.dtype, array.shape, array.tobytes()) == (DTYPES[name], (3, 1), sent.tobytes())


@pytest.mark.parametrize("data", [[0, 1, 2, 3, 4, 5], [[0, 1, 2], [3, 4, 5]]])
def test_data_may_be_flat_or_nested(data):
    """In row-major order and the named dtype, independent of the input's dtype."""
    array = parse_tensor({"shape": [2, 3], "dtype": "uint8", "data": data}, "/inputs", "float32")
    assert array.dtype.name == "uint8"
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("raw", "pointer", "expected"),
    [
        ({"shape": [2, 3], "data": [1, 2]}, "/x/data", "6 numbers for the shape [2, 3]"),
        ({"shape": [2, 2], "data": [[1, 2, 3, 4]]}, "/x/data", "4 numbers for the shape [2, 2]"),
        ({"shape": [2, -1], "data": [1]}, "/x/shape", "an array of at most 8 integers, each 0 or more"),
        ({"shape": [True], "data": [1]}, "/x/shape", "an array of at most 8 integers, each 0 or more"),
        ({"shape": [0, 2**50], "data": []}, "/x/shape", "an array of at most 8 integers, each 0 or more"),
        ({"dtype": "int8", "base64": "AA=="}, "/x/shape", "an array of at most 8 integers, each 0 or more"),
        ({"shape": [2], "dtype": "int16", "base64": "AAA="}, "/x/base64", "4 bytes: 2 values of 2 bytes"),
        ({"shape": [1], "dtype": "bool", "base64": "Ag=="}, "/x/base64", "bytes of 0 or 1"),
        ({"shape": [1], "data": [1], "base64": "AA=="}, "/x", "a tensor has either data or base64"),
        ({"shape": [1]}, "/x", "a tensor has either data or base64"),
        ("AA==", "/x", "this is not a tensor"),
        (None, "/x", "this is not a tensor"),
    ],
)
def test_malformed_tensors_are_reported_with_a_pointer(raw, pointer, expected):
    """To the key at fault."""
    problem = problem_of(parse_tensor, raw, "/x")
    assert problem.pointer == pointer
    assert expected in (problem.expected, problem.message)


def test_base64_is_strict():
    """Junk, line breaks, missing padding and the URL alphabet are rejected."""
    for text in ("AA\n==", "AA", "A-==", "AAé=", 5, "\ud800AA="):
        assert problem_of(parse_tensor, {"shape": [1], "dtype": "int8", "base64": text}, "").pointer == "/base64"


@pytest.mark.parametrize(
    ("raw", "near"), [("float", 'float32" or "float64'), ("Float32", "float32"), ("bfloat", "bfloat16")]
)
def test_an_unknown_dtype_gets_a_suggestion(raw, near):
    """Names are NumPy's; "float" is ambiguous."""
    problem = problem_of(parse_tensor, {"shape": [1], "dtype": raw, "base64": ""}, "/x")
    assert (problem.pointer, problem.suggestion) == ("/x/dtype", f'write "{near}"')


@pytest.mark.parametrize(
    ("raw", "is_tensor"),
    [
        ([1], True),
        ({"shape": [1], "data": [1]}, True),
        ({"base64": ""}, True),
        ({"image": "abc"}, True),
        ({"image": [[1]]}, False),
        ({"left": [1], "right": [2]}, False),
        ({"data": [1], "left": [2]}, False),
        ({"shape": [1]}, False),
        ({}, False),
    ],
)
def test_a_tensor_is_distinguished_from_named_inputs(raw, is_tensor):
    """By its keys."""
    assert is_tensor_form(raw) is is_tensor


@pytest.mark.parametrize("target", DTYPES)
@pytest.mark.parametrize("source", DTYPES)
def test_zero_and_one_can_be_converted_between_all_dtypes(source, target):
    """All 169 pairs equal NumPy's cast."""
    array = converted(PATTERNS[source], target, "")
    assert array.dtype == DTYPES[target]
    assert array.tobytes() == PATTERNS[target].tobytes()


@pytest.mark.parametrize(
    ("values", "target"),
    [
        (np.float64([1.5]), "int32"),
        (np.float64([np.nan]), "int32"),
        (np.float32([np.inf]), "uint8"),
        (np.float32([2**63]), "int64"),
        (np.float64([-1]), "uint64"),
        (np.array([256], ml_dtypes.bfloat16), "uint8"),
        (np.int64([128]), "int8"),
        (np.int64([-1]), "uint64"),
        (np.uint64([2**63]), "int64"),
        (np.float64([1e300]), "float32"),
        (np.float64([3.4028235677973366e38]), "float32"),
        (np.float32([65520]), "float16"),
        (np.int32([70000]), "float16"),
        (np.float32([3.4e38]), "bfloat16"),
        (np.float32([0.5]), "bool"),
        (np.int8([2]), "bool"),
    ],
)
def test_lossy_conversions_are_rejected(values, target):
    """Overflow, fractions and NaN; the error contains the value and its index."""
    problem = problem_of(converted, np.array([[0, 1], [1, values[0]]], values.dtype), target, "/x")
    assert problem.expected == f"values that {target} holds"
    assert problem.received.endswith(f"at index [1, 1] ({values.dtype.name})")


def test_float_rounding_and_infinities_are_accepted():
    """float64 to float32 rounds as in NumPy."""
    sent = np.array([0.1, np.inf, -np.inf, np.nan, -0.0, 1e-46, 65519.0])
    assert converted(sent, "float32", "").tobytes() == sent.astype(np.float32).tobytes()
    assert converted(sent, "float16", "").tobytes() == sent.astype(np.float16).tobytes()
    assert converted(np.float64([-(2.0**63), 2.0**62]), "int64", "").tolist() == [-(2**63), 2**62]


@pytest.mark.parametrize("dtype", ["c8", "U1", "O", "f4,f4", "M8[s]", "V4", "longdouble"])
def test_other_dtypes_are_rejected(dtype):
    """Complex, text, objects, structures, dates, opaque bytes and longdouble."""
    assert "are not accepted" in problem_of(converted, np.zeros(1, dtype), "float32", "/x").message


def test_a_missing_batch_axis_is_added():
    """A tensor of the declared rank is one example, one of a higher rank a batch."""
    spec = InputSpec(shape=[2, None])
    assert fit(np.ones((2, 5)), spec, "input", "").shape == (1, 2, 5)
    assert fit(np.ones((4, 2, 5)), spec, "input", "").shape == (4, 2, 5)
    assert fit(np.float32(3).reshape(()), InputSpec(shape=[]), "input", "").shape == (1,)


def test_fitted_tensors_are_c_contiguous_little_endian():
    """And of the declared dtype, whatever the source's layout."""
    sent = np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3))
    fitted = fit(sent, InputSpec(shape=[3], dtype="float32"), "input", "")
    assert fitted.flags.c_contiguous
    assert fitted.tobytes() == np.arange(6, dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("shape", "declared", "expected", "received", "suggestion"),
    [
        ((28, 28), [28, 28, 1], "(batch, 28, 28, 1)", "(28, 28)", "add a last axis: reshape to (28, 28, 1)"),
        ((5, 8, 8), [8, 8, 1], "(batch, 8, 8, 1)", "(5, 8, 8)", "add a last axis: reshape to (5, 8, 8, 1)"),
        ((3, 8, 8), [8, 8, 3], "(batch, 8, 8, 3)", "(3, 8, 8)", "move the channels last"),
        ((2, 3, 8, 8), [None, None, 3], "(batch, any, any, 3)", "(2, 3, 8, 8)", "move the channels last"),
        ((784,), [28, 28, 1], "(batch, 28, 28, 1)", "(784,)", "reshape to (1, 28, 28, 1)"),
        ((7, 784), [28, 28], "(batch, 28, 28)", "(7, 784)", "reshape to (7, 28, 28)"),
        ((5,), [4], "(batch, 4)", "(5,)", None),
        ((1, 2, 3, 4), [5], "(batch, 5)", "(1, 2, 3, 4)", None),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_explained(shape, declared, expected, received, suggestion):
    """With a suggestion where there is an obvious one."""
    problem = problem_of(fit, np.zeros(shape), InputSpec(shape=declared), "left", "/inputs/left")
    assert problem.message == "the shape of left does not fit"
    assert (problem.pointer, problem.expected, problem.received, problem.suggestion) == (
        "/inputs/left", expected, received, suggestion and f"{suggestion} before sending",
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(0, 4, 2), (3, 0, 2)])
def test_empty_tensors_are_rejected(shape):
    """For a batch or free dimension of zero, TensorFlow returns uninitialized memory."""
    problem = problem_of(fit, np.zeros(shape), InputSpec(shape=[None, 2]), "input", "/inputs")
    assert problem.expected == "1 or more along every axis"


@pytest.mark.parametrize(
    ("sent", "declared", "kept"),
    [("uint8", "float32", True), ("bool", "float16", True), ("float16", "float32", True), ("int16", "int32", True),
     ("int32", "float32", False), ("float64", "float32", False), ("int8", "uint8", False), ("float32", "bool", False)],
)  # fmt: skip
def test_narrower_dtypes_may_be_kept(sent: str, declared: str, kept: bool) -> None:
    """If the declared dtype can represent all of their values."""
    array, spec = np.ones((1, 3), sent), InputSpec(shape=[3], dtype=declared)
    assert fit(array, spec, "input", "", widen=False).dtype == (sent if kept else declared)
    assert fit(array, spec, "input", "").dtype == declared

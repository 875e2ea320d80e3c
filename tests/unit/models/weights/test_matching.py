"""Matching of weights by name: every mismatch is listed, and nothing is guessed or stored partially."""

import h5py
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from models.errors import InvalidWeights, TooLarge
from models.weights.canonical import convert, write_canonical
from models.weights.hdf5_paths import match_paths
from models.weights.names import match_names
from models.weights.source import Declared, FileLimits
from models.weights.specs import WeightSpec

LIMITS = FileLimits(2**20)


def spec(name, shape=(2,), dtype="float32", hdf5=""):
    """Build an expected tensor."""
    return WeightSpec(name, shape, dtype, hdf5)


SPECS = [spec("conv2d/kernel", (3, 3, 1, 2)), spec("conv2d/bias"), spec("block/conv2d/kernel", (3, 3, 2, 2))]
GOOD = {one.name: np.arange(np.prod(one.shape), dtype=np.float32).reshape(one.shape) for one in SPECS}


def problems_of(arrays, folder, specs=SPECS):
    """Return the problems of a file of these arrays, and check that no files remain."""
    save_file(arrays, folder / "upload")
    with pytest.raises(InvalidWeights) as caught:
        convert(folder / "upload", specs, folder / "target", LIMITS, "/weights")
    assert [path.name for path in folder.iterdir()] == ["upload"]
    return [(p.pointer, p.message, p.expected, p.received, p.suggestion) for p in caught.value.problems]


def test_a_missing_tensor_is_listed(tmp_path):
    """With its expected dtype and shape."""
    assert problems_of({name: GOOD[name] for name in list(GOOD)[:2]}, tmp_path) == [
        ("/weights/block~1conv2d~1kernel", "block/conv2d/kernel is missing", "float32 of shape (3, 3, 2, 2)", "nothing",
         None)
    ]  # fmt: skip


def test_an_unknown_tensor_is_listed(tmp_path):
    """With a suggestion."""
    assert problems_of(GOOD | {"dense/kernel": np.zeros(2, np.float32)}, tmp_path) == [
        ("/weights/dense~1kernel", "the network has no such weight", "no further tensor", '"dense/kernel"',
         "leave it out")
    ]  # fmt: skip


def test_a_misspelled_name_gets_a_suggestion(tmp_path):
    """Both names are listed."""
    arrays = {name.replace("bias", "bais"): array for name, array in GOOD.items()}
    assert problems_of(arrays, tmp_path) == [
        ("/weights/conv2d~1bais", "the network has no such weight", "one of conv2d/bias", '"conv2d/bais"',
         'write "conv2d/bias"'),
        ("/weights/conv2d~1bias", "conv2d/bias is missing", "float32 of shape (2,)", "nothing", None),
    ]  # fmt: skip


def test_wrong_shapes_dtypes_and_values_are_listed(tmp_path):
    """Values are checked once everything else fits."""
    wrong = GOOD | {"conv2d/bias": np.zeros(3, np.float32), "conv2d/kernel": GOOD["conv2d/kernel"].astype(np.float64)}
    assert problems_of(wrong, tmp_path) == [
        ("/weights/conv2d~1kernel", "conv2d/kernel is of another dtype", "float32", "float64",
         'convert it before saving: array.astype("float32")'),
        ("/weights/conv2d~1bias", "conv2d/bias is of another shape", "(2,)", "(3,)", None),
    ]  # fmt: skip
    wrong = GOOD | {"conv2d/bias": np.float32([np.nan, 1]), "conv2d/kernel": np.full((3, 3, 1, 2), np.inf, np.float32)}
    assert problems_of(wrong, tmp_path) == [
        ("/weights/conv2d~1kernel", "conv2d/kernel has NaN or infinite values", "finite numbers", "18 that are not",
         None),
        ("/weights/conv2d~1bias", "conv2d/bias has NaN or infinite values", "finite numbers", "1 that are not", None),
    ]  # fmt: skip


def test_at_most_twenty_problems_are_listed(tmp_path):
    """The detail contains the total."""
    arrays = {f"other{n}/kernel": np.zeros(2, np.float32) for n in range(30)}
    assert len(problems_of(arrays, tmp_path)) == 20
    with pytest.raises(InvalidWeights, match=r"lacks 3 of the network's weights and has 30"):
        convert(tmp_path / "upload", SPECS, tmp_path / "target", LIMITS)


@pytest.mark.parametrize(
    ("received", "found"),
    [
        (["weights/conv2d/kernel", "weights/conv2d/bias", "weights/block/conv2d/kernel"], [0, 1, 2]),
        (["my_model/conv2d/kernel", "my_model/conv2d/bias", "my_model/block/conv2d/kernel"], [0, 1, 2]),
        (["conv2d_4/kernel", "conv2d_4/bias", "block/conv2d/kernel"], [0, 1, 2]),
        (["arr_0", "arr_1", "arr_2"], [0, 1, 2]),
        (["arr_2", "arr_0", "arr_1"], [1, 2, 0]),
        (["arr_2"], [None, None, 0]),
        (["one/conv2d/kernel", "other/conv2d/kernel"], [None, None, None]),
        (["conv2d_1/kernel", "conv2d_2/kernel"], [None, None, None]),
        (["CONV2D/KERNEL"], [None, None, None]),
        ([], [None, None, None]),
    ],
)
def test_unambiguous_names_are_matched(received, found):
    """Native names, Keras' with a model's name or other numbers, or positions; ambiguous ones are not."""
    matched = match_names(SPECS, received)
    assert [received.index(matched[one.name]) if one.name in matched else None for one in SPECS] == found


@pytest.mark.parametrize(
    ("own", "received", "found"),
    [
        # a network whose numbers begin later: the same count, shifted
        (["dense", "dense_1"], ["dense_1", "dense_2"], ["dense_1", "dense_2"]),
        (["dense", "dense_1"], ["dense_2", "dense_1"], ["dense_1", "dense_2"]),
        (["dense", "dense_1", "conv2d"], ["dense_9", "dense_10", "conv2d"], ["dense_9", "dense_10", "conv2d"]),
        (["block/dense", "block/dense_1"], ["block/dense_4", "block/dense_5"], ["block/dense_4", "block/dense_5"]),
        # the remainder is not matched if only some names are equal
        (["dense", "dense_1"], ["dense_1", "dense_3"], [None, "dense_1"]),
        (["dense", "dense_1"], ["dense_1", "dense_10"], [None, "dense_1"]),
        (["a/dense", "b/dense"], ["b/dense", "c/dense"], [None, "b/dense"]),
        (["conv_1", "conv_2"], ["conv_2", "conv_3"], [None, "conv_2"]),
        (["dense", "dense_1"], ["dense_1", "dense_2", "dense_3"], [None, "dense_1"]),
    ],
)
def test_layers_of_one_class_are_not_mixed_up(own, received, found):
    """For all shapes: a name that could belong to another layer is not matched."""
    matched = match_names([spec(f"{name}/kernel") for name in own], [f"{name}/kernel" for name in received])
    assert [matched.get(f"{name}/kernel", "None/kernel").removesuffix("/kernel") for name in own] == [
        str(name) for name in found
    ]


LIKE = Declared("float32", (2,))


def expected(*layers):
    """Build expected Dense layers of one shape from (path, position)."""
    return [
        WeightSpec(f"{path}/kernel", (2,), "float32", f"{place}/vars/0", tuple(path.split("/")))
        for path, place in layers
    ]


DENSE = ("layers/dense", "layers/dense_1")
PAIR = expected(("a", DENSE[0]), ("b", DENSE[1]))
BLOCKS = expected(("a/dense", "layers/*0/layers/dense"), ("b/dense", "layers/*1/layers/dense"))
KNOWN = expected(("a/dense", "layers/*0:sequential/layers/dense"), ("b/dense", "layers/*1:functional/layers/dense"))
FUNCTIONALS = ("layers/functional", "layers/functional_1")
MIXED = ("layers/functional", "layers/sequential")


@pytest.mark.parametrize(
    ("specs", "groups", "names", "found"),
    [
        (PAIR, DENSE, (), "12"),
        (PAIR, DENSE, ("a", "b"), "12"),
        (PAIR, DENSE, ("dense_4", "dense_5"), "12"),
        (PAIR, ("layers/dense_4", "layers/dense_5"), ("a", "b"), "12"),
        (PAIR, ("layers/conv", "layers/conv_1"), ("a", "b"), "--"),
        (PAIR, DENSE, ("b", "a"), "?"),
        (PAIR, DENSE, ("a", "a"), "12"),
        (BLOCKS, FUNCTIONALS, (), "12"),
        (BLOCKS, FUNCTIONALS[::-1], (), "21"),
        (BLOCKS, FUNCTIONALS, ("b", "a"), "?"),
        (BLOCKS, MIXED, (), "?"),
        (BLOCKS, MIXED, ("b", "a"), "21"),
        (KNOWN, MIXED, (), "21"),
        (KNOWN, MIXED, ("b", "a"), "21"),
        (KNOWN, MIXED, ("a", "b"), "?"),
        (KNOWN, FUNCTIONALS, (), "12"),
    ],
)
def test_layers_are_matched_by_number_and_name(specs, groups, names, found):
    """Neither is used if they disagree, or if nested models are ambiguous."""
    inside = "" if specs is PAIR else "/layers/dense"
    received = {f"{group}{inside}/vars/0": LIKE for group in groups}
    result = match_paths(specs, received, dict(zip(groups, names, strict=False)))
    if found == "?":
        assert result.paths == {}
        assert {frozenset((doubt.one, doubt.other)) for doubt in result.ambiguities} == {frozenset(groups)}
    else:
        paths = [result.paths.get(spec.name) for spec in specs]
        assert paths == [None if one == "-" else list(received)[int(one) - 1] for one in found]
        assert result.ambiguities == []


def test_unused_entries_of_keras_files_are_ignored(tmp_path):
    """Metrics, and layers that are never called, nested ones included; extra layers are not."""
    specs = expected(("a", "layers/dense"), ("b/dense", "layers/*0/layers/dense"))

    def converted(*more):
        with h5py.File(tmp_path / "upload", "w") as file:
            for place in ("layers/dense/vars/0", "layers/functional/layers/dense/vars/0", *more):
                file[place] = np.zeros(2, np.float32)
        return convert(tmp_path / "upload", specs, tmp_path / "target", LIMITS)

    digest = converted()
    assert converted("metrics/mean/vars/0", "extra/vars/0", "layers/functional/metrics/mean/vars/0") == digest
    for more in ("layers/dense/metrics/vars/0", "layers/dense_1/vars/0", "layers/functional/layers/mean/vars/0"):
        with pytest.raises(InvalidWeights, match="has 1 that are not"):
            converted(more)


def test_a_variable_written_twice_must_be_consistent(tmp_path):
    """A copy with other values is rejected; a file without it is accepted."""
    place = "layers/spectral_normalization"
    specs = [WeightSpec("s/kernel", (2,), "float32", f"{place}/layer/vars/0", ("s",), (f"{place}/vars/0",))]
    for copy, good in (([1, 2], True), (None, True), ([1, 3], False)):
        with h5py.File(tmp_path / "upload", "w") as file:
            file[f"{place}/layer/vars/0"] = np.float32([1, 2])
            if copy is not None:
                file[f"{place}/vars/0"] = np.float32(copy)
        if good:
            convert(tmp_path / "upload", specs, tmp_path / "target", LIMITS)
            assert load_file(tmp_path / "target")["s/kernel"].tolist() == [1, 2]
        else:
            with pytest.raises(InvalidWeights, match=f"{place}/vars/0 should be the same as {place}/layer/vars/0"):
                convert(tmp_path / "upload", specs, tmp_path / "target", LIMITS, "/weights")


DTYPES = ["float16", "bfloat16", "float32", "float64", "int8", "int32", "uint8", "bool"]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=4)), min_size=1, max_size=6),
    st.integers(0, 2**32),
)
def test_the_canonical_file_round_trips_for_every_dtype(tmp_path_factory, kinds, seed):
    """Bit for bit, and converting it again gives the same bytes."""
    folder = tmp_path_factory.mktemp("canonical")
    chance = np.random.default_rng(seed)
    specs = [spec(f"layer_{n}/kernel", tuple(shape), dtype) for n, (dtype, shape) in enumerate(kinds)]
    arrays = [chance.integers(0, 2, one.shape).astype(getattr(ml_dtypes, one.dtype, one.dtype)) for one in specs]
    digest = write_canonical(specs, arrays, folder / "a")
    if not any(one.dtype == "bfloat16" for one in specs):
        stored = load_file(folder / "a")
        for one, array in zip(specs, arrays, strict=True):
            np.testing.assert_array_equal(stored[one.name], array, strict=True)
    assert convert(folder / "a", specs, folder / "b", LIMITS) == digest
    assert (folder / "b").read_bytes() == (folder / "a").read_bytes()


def test_unreadable_canonical_files_are_not_written(tmp_path):
    """With too long names, or too many weights."""
    long = [spec(f"{number:04}{'x' * 600}", (), "int8") for number in range(2000)]
    many = [spec(str(number), (), "int8") for number in range(4097)]
    for specs, message in ((long, "names of the weights are too long"), (many, "too many weights")):
        with pytest.raises(TooLarge, match=message):
            write_canonical(specs, (np.zeros((), np.int8) for _ in specs), tmp_path / "target")
    assert list(tmp_path.iterdir()) == []

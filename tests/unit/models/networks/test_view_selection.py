"""Invalid views, and the assignment of views to layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.errors import Invalid, InvalidOption, Problem, UnknownAddress
from models.networks.expansion import expand
from models.networks.network import Network
from models.networks.selectors import matches
from models.networks.view_selection import views_of
from models.reading.parse import parse_document
from models.views.casting import parse_cast
from models.views.histogram import parse_histogram
from models.views.reduction import parse_reduction
from models.views.slicing import parse_slice
from models.views.top import parse_top
from models.views.view import View

PARSERS: Any = {"slice": parse_slice, "reduce": parse_reduction, "top": parse_top, "histogram": parse_histogram,
                "dtype": parse_cast}  # fmt: skip


def problem(error: Invalid) -> Problem:
    """Return the only problem of an error."""
    (found,) = error.problems
    return found


NONSENSE: dict[str, list[Any]] = {
    "slice": ["", " ", "0,,1", "None", "newaxis", "1.5", "[0]", "0;1", ":::", "::0", "...,...", "a", "0x1", "1e3",
              "1_0", "٣", "9" * 13, ":," * 200 + ":", 5, True, [0], {}, ",".join("0" * 40), "__import__('os')",
              "0:1:2:3", "-"],
    "reduce": ["", "mean", "mean@", "mean@h,h", "mean@x", "mean@h;w", "mean@hw", "avg@h", "@h", "argmax@h,w", "mean@@h",
               "mean@,", "mean@h,", 3, None, ["mean@h"], "m" * 300],
    "top": [0, -1, 1.5, True, "", "x", "1.5", "-1", "٣", None, [], 2**31, "9" * 11],
    "histogram": ["", "0", "-1", "x", "64,1", "64,1,2,3", "64,2,2", "64,3,2", "64,nan,2", "64,0,inf", "64,-inf,0",
                  "4097", "9" * 30, 10**30, True, 1.5, None, "٣", "6_4", "64,1_0,2", "64,1,1.0000000000000002",
                  "64,0,5e-324", "²"],
    "dtype": ["", "float", "int8", "complex64", "object", "f4", "<f4", None, 4, "float16 x"],
}  # fmt: skip


@pytest.mark.parametrize(("option", "value"), [(name, value) for name, values in NONSENSE.items() for value in values])
def test_invalid_options_are_rejected(option: str, value: Any) -> None:
    """With the option's pointer, the expected and the received value; no other exception is raised."""
    with pytest.raises(InvalidOption) as caught:
        PARSERS[option](value, f"/{option}")
    found = problem(caught.value)
    assert found.pointer == f"/{option}"
    assert found.expected
    assert found.received
    assert len(found.received) < 80


@pytest.mark.parametrize(
    ("options", "shape", "message", "expected"),
    [
        ({"slice": "0,30"}, (1, 28), "conv, axis 1: index 30 is out of range", "-28 to 27"),
        ({"slice": "-2"}, (1, 28), "conv, axis 0: index -2 is out of range", "-1 to 0"),
        ({"slice": ":,3:29"}, (1, 28), "conv, axis 1: bound 29 is out of range", "-28 to 28, or nothing for the end"),
        ({"slice": ":,28::-1"}, (1, 28), "conv, axis 1: bound 28 is out of range", "-28 to 27, or nothing for the end"),
        ({"slice": ":,3:3"}, (1, 28), "conv, axis 1: nothing is left", "at least one of 28 elements"),
        ({"slice": ":,:,0"}, (1, 28), "conv: the slice has more parts than the tensor has axes", "at most 2 parts"),
        ({"reduce": "mean@h,w"}, (1, 28), "conv: there is no axis h in a tensor of 2 axes", "axes out of n, c"),
        ({"reduce": "mean@w", "slice": ":,:,0"}, (1, 4, 4, 3), "conv: there is no axis w in a tensor of 3 axes",
         "axes out of n, h, c"),
        ({"reduce": "mean@c"}, (1, 1, 1, 1, 1, 1), "conv: there is no axis c in a tensor of 6 axes",
         "a tensor whose axes have names: one to five of them"),
        ({"top": 29}, (1, 28), "conv: the last axis has fewer units", "1 to 28"),
        ({"top": 1, "slice": "0,0"}, (1, 28), "conv: there is no axis left to rank", "a tensor with an axis"),
    ],
)  # fmt: skip
def test_views_that_do_not_fit_the_shape_are_rejected(
    options: dict[str, Any], shape: tuple[int, ...], message: str, expected: str
) -> None:
    """Before the run, with what would fit."""
    view = View(**{name: PARSERS[name](value, f"/{name}") for name, value in options.items()})
    with pytest.raises(InvalidOption) as caught:
        view.result_types(shape, "float32", "conv")
    found = problem(caught.value)
    assert (found.message, found.expected) == (message, expected)
    assert found.pointer == f"/{next(iter(options))}"


def test_nonfinite_values_cannot_be_quantized() -> None:
    """The error contains their number."""
    with pytest.raises(InvalidOption) as caught:
        View(dtype=parse_cast("uint8", "/dtype")).apply(np.array([1, np.nan, np.inf], np.float32), "conv")
    assert problem(caught.value).received == "2 that are not"


@pytest.fixture(scope="module")
def network() -> Network:
    """A network of two convolutions, one of them in a block, and more layers."""
    return expand(
        parse_document(
            {"input": [8, 8, 1], "layers": [
                {"type": "Conv2D", "filters": 2, "kernel_size": 3, "activation": "relu"},
                {"type": "Block", "name": "block", "layers": [
                    {"type": "Conv2D", "filters": 2, "kernel_size": 3}, {"type": "ReLU"}]},
                {"type": "Flatten"}, {"type": "Dense", "units": 3}]}
        )
    )  # fmt: skip


ALL = ("conv2d", "block/conv2d", "block/re_lu", "flatten", "dense")


def tops(network: Network, value: Any, selected: tuple[str, ...] = ALL) -> dict[str, int]:
    """Return the k of each layer that has one."""
    views = views_of(network, selected, {"top": value})
    return {address: view.top.k for address, view in views.items() if view.top is not None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, dict.fromkeys(ALL, 2)),
        ("2", dict.fromkeys(ALL, 2)),
        ({"dense": 2}, {"dense": 2}),
        ('{"dense": 2}', {"dense": 2}),
        ({"**": 1, "*": 2, "type:Conv2D": 3, "conv2d": 4}, {"conv2d": 4, "block/conv2d": 3, "block/re_lu": 1,
                                                            "flatten": 2, "dense": 2}),
        ({"conv2d": 4, "type:Conv2D": 3, "*": 2, "**": 1}, {"conv2d": 4, "block/conv2d": 3, "block/re_lu": 1,
                                                            "flatten": 2, "dense": 2}),
        ({"*": 2, "dense": None}, {"conv2d": 2, "flatten": 2}),
        ({"block/*": 2, "type:Conv2D": 2}, {"conv2d": 2, "block/conv2d": 2, "block/re_lu": 2}),
        ({"block/*": 2, "type:Conv2D": 1, "block/conv2d": 5}, {"conv2d": 1, "block/conv2d": 5, "block/re_lu": 2}),
        (None, {}),
    ],
)  # fmt: skip
def test_the_most_specific_selector_applies(network: Network, value: Any, expected: dict[str, int]) -> None:
    """Addresses before types and globs, `*` before `**`, in any order."""
    assert tops(network, value) == expected


def test_pre_activation_tensors_have_separate_views(network: Network) -> None:
    """`conv2d:pre` is a separate address."""
    assert tops(network, {"conv2d:pre": 2, "conv2d": 1}, ("conv2d", "conv2d:pre")) == {"conv2d": 1, "conv2d:pre": 2}


def test_64_selectors_are_allowed(network: Network) -> None:
    """The limit is inclusive; all of these match every layer."""
    assert tops(network, {"**" + "*" * number: 2 for number in range(64)}) == dict.fromkeys(ALL, 2)


def test_a_repeated_selector_is_matched_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across all options."""
    looked_up: list[str] = []

    def counted(network: Network, selector: str, pointer: str) -> tuple[str, ...]:
        looked_up.append(selector)
        return matches(network, selector, pointer)

    monkeypatch.setattr("models.networks.view_selection.matches", counted)
    views = views_of(network, ALL, {"slice": {"**": "0", "dense": "1"}, "dtype": {"dense": "float16", "**": "float64"}})
    assert {address: (view.slice and view.slice.text, view.dtype and view.dtype.dtype)
            for address, view in views.items()} == dict.fromkeys(ALL, ("0", "float64")) | {
        "dense": ("1", "float16")
    }  # fmt: skip
    assert looked_up == ["**", "dense"]


@pytest.mark.parametrize(
    ("value", "error", "pointer"),
    [
        ({"block/*": 2, "type:Conv2D": 1}, InvalidOption, "/top/type:Conv2D"),
        ({"block/*": 2, "block/conv?d": None}, InvalidOption, "/top/block~1conv?d"),
        ({"conv9": 2}, UnknownAddress, "/top/conv9"),
        ({"input": 2}, InvalidOption, "/top/input"),
        ({"*": 2, "dense": 0}, InvalidOption, "/top/dense"),
        ({"*": 2, "conv2d": 1, "flatten": 1, "dense": 1, "type:Dense": "x"}, InvalidOption, "/top/type:Dense"),
        ({}, InvalidOption, "/top"),
        ('{"dense": ', InvalidOption, "/top"),
        ('{"dense": NaN}', InvalidOption, "/top"),
        ({"dense": {"dense": 1}}, InvalidOption, "/top/dense"),
        ({"*" * number: 1 for number in range(1, 66)}, InvalidOption, "/top"),
    ],
)  # fmt: skip
def test_invalid_selectors_are_rejected(network: Network, value: Any, error: type[Invalid], pointer: str) -> None:
    """With a pointer to the selector, also if another one is more specific."""
    with pytest.raises(error) as caught:
        tops(network, value)
    assert type(caught.value) is error
    assert problem(caught.value).pointer == pointer


def test_selectors_of_unselected_layers_are_rejected(network: Network) -> None:
    """They would have no effect."""
    with pytest.raises(InvalidOption) as caught:
        tops(network, {"conv2d": 1}, ("dense",))
    assert problem(caught.value).expected == "one of dense"


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"top": 1, "histogram": 4}, "/histogram"),
        ({"top": {"dense": 1}, "histogram": {"dense": 4}}, "/histogram/dense"),
        ({"dtype": "uint8", "histogram": 4}, "/dtype"),
    ],
)
def test_incompatible_views_are_rejected(network: Network, options: dict[str, Any], pointer: str) -> None:
    """For one layer; different layers may have different views."""
    with pytest.raises(InvalidOption) as caught:
        views_of(network, ALL, options)
    assert problem(caught.value).pointer == pointer
    views = views_of(network, ALL, {"top": {"dense": 1}, "histogram": {"conv2d": 4}, "dtype": {"dense": "float16"}})
    assert {address: view.written() for address, view in views.items()} == {
        "conv2d": {"histogram": "4"}, "dense": {"top": 1}
    }  # fmt: skip

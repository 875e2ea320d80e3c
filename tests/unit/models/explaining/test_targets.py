"""Targets: how a number is named, and what is explained by default."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import InvalidOption, LayerscopeError, UnknownAddress
from models.explaining.dependence import ancestors, check_dependence
from models.explaining.index_checks import term_indices
from models.explaining.targets import Target, TargetOptions, parse_target, score_address
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document

HEAD: list[dict[str, Any]] = [{"type": "Conv2D", "filters": 2, "kernel_size": 3}, {"type": "Flatten"}]


def network_of(*layers: dict[str, Any]) -> Network:
    """Return a network of pictures of 4 × 4."""
    return expand(parse_document({"input": [4, 4, 1], "layers": [*HEAD, *layers]}))


def target(of: Any, *layers: dict[str, Any], **options: Any) -> Target:
    """Return the target of a request."""
    return parse_target(network_of(*(layers or ({"type": "Dense", "units": 3},))), TargetOptions(of, **options))


@pytest.mark.parametrize(
    ("layers", "address"),
    [
        ([{"type": "Dense", "units": 2}], "dense"),
        ([{"type": "Dense", "units": 2, "activation": "softmax"}], "dense:pre"),
        ([{"type": "Dense", "units": 1, "activation": "sigmoid"}], "dense:pre"),
        ([{"type": "Dense", "units": 2}, {"type": "Softmax"}], "dense"),
        ([{"type": "Dense", "units": 2}, {"type": "Activation", "activation": "sigmoid"}], "dense"),
        ([{"type": "Dense", "units": 2}, {"type": "ops.softmax"}], "dense"),
        ([{"type": "Dense", "units": 2, "activation": "relu"}], "dense"),
        ([{"type": "Block", "name": "b", "input": ["x"], "layers": [
            {"type": "Dense", "units": 2, "activation": "softmax", "inputs": ["x"]}]}], "b/dense:pre"),
    ],
)  # fmt: skip
def test_the_score_before_a_probability_is_the_default(layers: list[dict[str, Any]], address: str) -> None:
    """Be it fused or a layer of its own, also at the end of a block."""
    assert score_address(network_of(*layers)) == address


@pytest.mark.parametrize(
    ("of", "address", "index", "is_argmax"),
    [
        ("dense[1]", "dense", "[1]", False),
        ("dense[argmax]", "dense", "[argmax]", True),
        ("dense", "dense", "", False),
        ("conv2d[0, 1, argmax]", "conv2d", "[0, 1, argmax]", True),
        ("conv2d[..., 1]", "conv2d", "[..., 1]", False),
        ("conv2d[0:2, :, -1]", "conv2d", "[0:2, :, -1]", False),
        ({"address": "dense", "index": [1]}, "dense", "[1]", False),
        ({"address": "conv2d", "index": ["...", 0]}, "conv2d", "[..., 0]", False),
        ({"address": "dense", "index": "argmax"}, "dense", "[argmax]", True),
        ({"address": "dense"}, "dense", "", False),
    ],
)  # fmt: skip
def test_an_address_with_an_index_names_a_number(of: Any, address: str, index: str, is_argmax: bool) -> None:
    """As text, or as an object."""
    (term,) = target(of).terms
    assert (term.address, term.text, term.is_argmax) == (address, index, is_argmax)


def test_a_second_number_is_subtracted_and_the_sign_turns_both() -> None:
    """The other side of a difference."""
    assert [term.sign for term in target("dense[0]", minus="dense[1]").terms] == [1, -1]
    assert [term.sign for term in target("dense[0]", minus="dense[1]", sign=-1).terms] == [-1, 1]


@pytest.mark.parametrize(
    ("of", "error", "pointer"),
    [
        (3, InvalidOption, "/of"),
        ({"index": [1]}, InvalidOption, "/of"),
        ({"address": "dense", "at": 1}, InvalidOption, "/of"),
        ({"address": "dense", "index": [1.5]}, InvalidOption, "/of/index"),
        ({"address": "dense", "index": [True]}, InvalidOption, "/of/index"),
        ("dense[one]", InvalidOption, "/of"),
        ("dense[1, ..., ...]", InvalidOption, "/of"),
        ("conv*[1]", InvalidOption, "/of"),
        ("nothing[1]", UnknownAddress, "/of"),
        ({"address": "nothing"}, UnknownAddress, "/of/address"),
        ("dense:pre[1]", UnknownAddress, "/of"),
    ],
)
def test_what_names_no_number_is_refused(of: Any, error: type[LayerscopeError], pointer: str) -> None:
    """With a pointer to it."""
    with pytest.raises(error) as caught:
        target(of)
    assert caught.value.problems[0].pointer == pointer


def test_integers_are_counted_from_the_first() -> None:
    """The function is the same for every unit: they are its arguments."""
    one, other = target("conv2d[-1, 0, :]"), target("conv2d[1, 0, :]")
    assert term_indices(one.terms[0], (5, 2, 2, 2), "float32") == [1, 0]
    assert one.structure == other.structure
    assert one.structure != target("conv2d[1, :, 0]").structure


@pytest.mark.parametrize(
    ("of", "shape", "dtype", "message"),
    [
        ("dense[3]", (1, 3), "float32", "dense, axis 0: index 3 is out of range"),
        ("dense[0, 0]", (1, 3), "float32", "dense: the slice has more parts than the tensor has axes"),
        ("conv2d[argmax]", (1, 2, 2, 2), "float32", "conv2d has 2 axes before its units"),
        ("conv2d[0, argmax]", (1, 2, 2, 2), "float32", "conv2d has 2 axes before its units"),
        ("conv2d[0, :, argmax]", (1, 2, 2, 2), "float32", "conv2d has 2 axes before its units"),
        ("dense[0]", (1, 3), "int32", "dense returns int32"),
    ],
)
def test_an_index_fits_its_tensor(of: str, shape: tuple[int, ...], dtype: str, message: str) -> None:
    """Where two readings are possible neither is taken."""
    with pytest.raises(InvalidOption, match=message):
        term_indices(target(of).terms[0], shape, dtype)


def test_a_target_depends_on_what_it_is_computed_from() -> None:
    """Values before fused activations included, but not what comes after."""
    network = network_of({"type": "Dense", "units": 3, "activation": "relu"}, {"type": "Dense", "units": 2})
    known = ancestors(network, parse_target(network, TargetOptions("dense:pre[0]")))
    assert known == {"input", "conv2d", "flatten", "dense:pre"}
    with pytest.raises(UnknownAddress) as caught:
        check_dependence(network, parse_target(network, TargetOptions("dense:pre[0]")), ["conv2d", "dense_1"])
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.suggestion) == ("/to/1", 'write "flatten"')

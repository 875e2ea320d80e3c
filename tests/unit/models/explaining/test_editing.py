"""Edits: how they are written, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.errors import InvalidOption, LayerscopeError, UnknownAddress
from models.explaining.editing import Edit, operand_name, parse_edits, tensor_names
from models.explaining.edits import operations
from models.networks.expansion import expand
from models.reading.parse import parse_document
from models.tensors.dtypes import Array

NETWORK = expand(parse_document({
    "input": [4, 4, 2], "layers": [
        {"type": "Conv2D", "filters": 3, "kernel_size": 2, "activation": "relu", "name": "conv"},
        {"type": "Flatten", "name": "flat"}, {"type": "Dense", "units": 2, "name": "head"},
        {"type": "Dense", "units": 1, "name": "aside", "inputs": ["flat"]}]}))  # fmt: skip
TENSORS = {"direction": np.array([1.0, 0.0, 2.0], np.float32)}
ARGUMENTS: dict[str, Any] = {
    "zero": True, "mean": "positions", "set": 1, "scale": [1, 2, 3], "add": 0.5, "clamp": [0, 1],
    "noise": {"std": 1, "seed": 3}, "permute": {"seed": 1}, "patch": {"item": 0}, "project": {"off": [1, 0, 0]},
}  # fmt: skip


def parsed(*entries: Any, outputs: tuple[str, ...] = ("head",)) -> tuple[tuple[Edit, ...], dict[str, Array]]:
    """Parse entries."""
    return parse_edits(NETWORK, list(entries), outputs, TENSORS)


def test_every_operation_has_a_file_and_an_argument_here() -> None:
    """The registry is made of the folder's files, and complete."""
    assert set(operations()) == set(ARGUMENTS)


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_an_entry_names_tensors_and_one_operation(name: str) -> None:
    """By selector; its arrays come apart."""
    (edit,), arrays = parsed({"at": "conv", name: ARGUMENTS[name]})
    assert (edit.number, edit.addresses, edit.operation) == (0, ("conv",), name)
    assert set(arrays) == {operand_name(0, operand) for operand in edit.operands}
    (globbed, typed), _ = parsed({"at": "c*", name: ARGUMENTS[name]}, {"at": "type:Dense", "zero": True})
    assert (globbed.addresses, typed.addresses) == (("conv",), ("head", "aside"))


def test_tensors_of_a_posted_file_are_named() -> None:
    """In place of numbers."""
    raw = [{"at": "conv", "project": {"onto": {"tensor": "direction"}}}]
    assert tensor_names(raw) == {"direction"}
    _, arrays = parsed(*raw)
    np.testing.assert_allclose(arrays[operand_name(0, "direction")], TENSORS["direction"] / np.sqrt(5))


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        (3, "/edits/0"),
        ({"zero": True}, "/edits/0"),
        ({"at": "conv"}, "/edits/0"),
        ({"at": "conv", "zero": True, "add": 1}, "/edits/0"),
        ({"at": "conv", "nothing": 1}, "/edits/0"),
        ({"at": "conv", "channels": [0], "slice": "0", "zero": True}, "/edits/0"),
        ({"at": "conv", "channels": [], "zero": True}, "/edits/0/channels"),
        ({"at": "conv", "channels": [0, 0], "zero": True}, "/edits/0/channels"),
        ({"at": "conv", "channels": [True], "zero": True}, "/edits/0/channels"),
        ({"at": "conv", "slice": "a", "zero": True}, "/edits/0/slice"),
        ({"at": "conv", "slice": "0", "mean": "batch"}, "/edits/0/slice"),
        ({"at": "conv", "zero": 1}, "/edits/0/zero"),
        ({"at": "conv", "mean": "all"}, "/edits/0/mean"),
        ({"at": "conv", "set": "1"}, "/edits/0/set"),
        ({"at": "conv", "set": [[1], [1, 2]]}, "/edits/0/set"),
        ({"at": "conv", "set": float("nan")}, "/edits/0/set"),
        ({"at": "conv", "set": {"tensor": "other"}}, "/edits/0/set/tensor"),
        ({"at": "conv", "clamp": [1, 0]}, "/edits/0/clamp"),
        ({"at": "conv", "clamp": [0]}, "/edits/0/clamp"),
        ({"at": "conv", "noise": {"std": -1}}, "/edits/0/noise/std"),
        ({"at": "conv", "noise": {"std": 1, "seed": 0.5}}, "/edits/0/noise/seed"),
        ({"at": "conv", "noise": 1}, "/edits/0/noise"),
        ({"at": "conv", "permute": {"seed": -1}}, "/edits/0/permute/seed"),
        ({"at": "conv", "patch": {"item": -1}}, "/edits/0/patch/item"),
        ({"at": "conv", "project": {"onto": [0, 0, 0]}}, "/edits/0/project/onto"),
        ({"at": "conv", "project": {"along": [1]}}, "/edits/0/project"),
        ({"at": "aside", "zero": True}, "/edits/0/at"),
    ],
)  # fmt: skip
def test_what_is_no_edit_is_refused(entry: Any, pointer: str) -> None:
    """With a pointer to it."""
    with pytest.raises(InvalidOption) as caught:
        parsed(entry)
    assert caught.value.problems[0].pointer == pointer


@pytest.mark.parametrize(("raw", "error"), [([], InvalidOption), ({}, InvalidOption), ([{}] * 65, InvalidOption)])
def test_a_list_has_one_to_64_entries(raw: Any, error: type[LayerscopeError]) -> None:
    """No other value is a list of edits."""
    with pytest.raises(error):
        parse_edits(NETWORK, raw, ("head",), {})


def test_an_entry_that_matches_nothing_is_refused() -> None:
    """As any selector is."""
    with pytest.raises(UnknownAddress):
        parsed({"at": "nothing", "zero": True})

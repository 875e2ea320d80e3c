"""The outputs that labels name, and the tensors with the same units."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import InvalidDocument, Problem
from models.networks.expansion import expand
from models.networks.labels import Lengths, labels_by_output, labels_by_tensor
from models.reading.parse import parse_document

ABC = ["a", "b", "c"]
HEADS = {
    "input": [4],
    "layers": [
        {"type": "Dense", "units": 3, "name": "x"},
        {"type": "Dense", "units": 3, "name": "y", "inputs": ["input"], "activation": "softmax"},
        {"type": "Dense", "units": 2, "name": "z", "inputs": ["input"]},
    ],
}
NESTED = {
    "input": [4],
    "layers": [
        {"type": "Block", "name": "model", "layers": [
            {"type": "Dense", "units": 3, "name": "d", "activation": "relu"},
            {"type": "Softmax", "name": "s"}]}],
}  # fmt: skip


def bound(raw: dict[str, Any], lengths: Lengths | None, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """Return labels by output, and the addresses of the same units."""
    network = expand(parse_document({**raw, **fields}))
    return dict(labels_by_output(network, lengths)), list(labels_by_tensor(network, lengths))


def refused(raw: dict[str, Any], lengths: Lengths | None, **fields: Any) -> Problem:
    """Return the problem of labels that do not fit."""
    network = expand(parse_document({**raw, **fields}))
    with pytest.raises(InvalidDocument) as caught:
        labels_by_tensor(network, lengths)
    (problem,) = caught.value.problems
    return problem


def test_units_keep_their_names_through_blocks_and_activations() -> None:
    """The output, the layer that it is inside a block, what an activation reads, and before a fused activation."""
    named, addresses = bound(NESTED, {"model": 3}, labels=ABC)
    assert named == {"model": ABC}
    assert addresses == ["model", "model/s", "model/d", "model/d:pre"]


def test_a_list_names_the_one_output_that_it_fits() -> None:
    """By length; of two outputs with the same units, both."""
    three = {"x": 3, "y": 3, "z": 2}
    assert bound(HEADS, {"y": 3, "z": 2}, outputs=["y", "z"], labels=ABC) == ({"y": ABC}, ["y", "y:pre"])
    assert bound(HEADS, {"y": 3, "z": 2}, outputs=["y", "z"], labels=["p", "q"]) == ({"z": ["p", "q"]}, ["z"])
    problem = refused(HEADS, three, outputs=["x", "y", "z"], labels=ABC)
    assert (problem.pointer, problem.suggestion) == ("/labels", 'write "labels": {"x": […], "y": […]}')
    by_output = {"x": ABC, "y": ABC[::-1]}
    assert bound(HEADS, three, outputs=["x", "y", "z"], labels=by_output)[0] == by_output
    both = {**NESTED, "layers": NESTED["layers"][0]["layers"], "outputs": ["d", "s"]}  # type: ignore[index]
    assert bound(both, {"d": 3, "s": 3}, labels=ABC) == ({"s": ABC}, ["s", "d", "d:pre"])


@pytest.mark.parametrize(
    ("lengths", "labels", "pointer", "expected", "received"),
    [
        ({"y": 3}, ["a"], "/labels", "3, one for each unit of y", "1"),
        ({"y": 3}, [*ABC, "d"], "/labels", "3, one for each unit of y", "4"),
        ({"y": 3}, {"y": ["a"]}, "/labels/y", "3, one for each unit of y", "1"),
        ({"y": 3}, {"x": ABC}, "/labels/x", "one of y", '"x"'),
        ({"y": 3}, {"nothing": ABC}, "/labels/nothing", "one of y", '"nothing"'),
        ({"y": None}, ABC, "/labels", "an output whose last axis has a fixed length", "3"),
        ({"y": 3, "z": 2}, ["a"], "/labels", "as many labels as an output has units (y: 3, z: 2)", "1 labels"),
        ({"y": 3, "z": None}, ["a"], "/labels", "as many labels as an output has units (y: 3, z: no fixed number)",
         "1 labels"),
        (None, {"y": ABC, "q": ABC}, "/labels/q", "one of y", '"q"'),
    ],
)  # fmt: skip
def test_other_numbers_are_refused(lengths: Any, labels: Any, pointer: str, expected: str, received: str) -> None:
    """With both numbers."""
    problem = refused(HEADS, lengths, outputs=list(lengths or ["y"]), labels=labels)
    assert (problem.pointer, problem.expected, problem.received) == (pointer, expected, received)


def test_before_the_inputs_are_known_lengths_are_not_checked() -> None:
    """But of several outputs, labels say which they are of."""
    free = {"layers": HEADS["layers"]}
    assert bound(free, None, outputs=["z"], labels=ABC)[0] == {"z": ABC}
    assert bound(free, None, outputs=["y", "z"], labels={"y": ABC})[0] == {"y": ABC}
    assert refused(free, None, outputs=["y", "z"], labels=ABC).suggestion == 'write "labels": {"y": […], "z": […]}'


def test_the_same_units_have_one_name() -> None:
    """Two outputs of them cannot be named differently."""
    layers = [{"type": "Dense", "units": 3, "name": "d"}, {"type": "Softmax", "name": "s"}]
    raw = {"input": [4], "layers": layers, "outputs": ["d", "s"]}
    problem = refused(raw, {"d": 3, "s": 3}, labels={"d": ABC, "s": ABC[::-1]})
    assert problem.pointer == "/labels/s"


def test_labels_are_no_part_of_the_identity() -> None:
    """Nor of what an engine is sent; without them, the canonical document is what it was before there were any."""
    plain, labelled = (expand(parse_document({**NESTED, **labels})) for labels in ({}, {"labels": ABC}))
    assert plain.identity() == labelled.identity()
    assert plain.document_bytes == labelled.document_bytes
    assert b"labels" not in plain.document_bytes

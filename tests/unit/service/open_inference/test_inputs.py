"""Refusals of inputs and outputs of the Open Inference Protocol, without a service."""

from __future__ import annotations

from typing import Any

import pytest

from models.documents.inputs import InputSpec
from models.errors import InvalidOption, InvalidTensor, TooLarge
from models.errors.problem import MAX_PROBLEMS
from models.ipc.messages import TensorInfo
from models.views.view import View
from service.open_inference.inputs import decode_inputs, raw_input
from service.open_inference.outputs import RequestedTensor
from service.open_inference.reply import MAX_CLASSES, MAX_JSON_BYTES, Member, _check_sizes
from service.open_inference.repository import parameters_of
from service.open_inference.request import Input
from service.options.activation import ActivationOptions
from service.requests.body import MAX_FILES
from service.requests.decode_memory import DecodeMemory
from service.requests.decoder import InputDecoder
from service.settings import Settings

IMAGE = InputSpec.model_validate({"shape": [2, 2, 1]})


def decode(declared: dict[str, InputSpec], *inputs: dict[str, Any]) -> None:
    """Decode inputs of a request."""
    tensors = [Input.model_validate({"name": "x", "datatype": "FP32", **one}) for one in inputs]
    with DecodeMemory(1 << 30).share() as share:
        decode_inputs(tensors, memoryview(b""), declared, InputDecoder(ActivationOptions(), Settings(), share))


@pytest.mark.parametrize(
    ("tensor", "pointer", "message", "expected"),
    [
        ({"shape": [], "data": 3}, "/inputs/0/data", "data is an array", "an array of one number"),
        *(
            ({"datatype": "BYTES", "shape": shape, "data": ["a"]}, "/inputs/0/shape",
             "BYTES are images, one an element", "[batch] or [batch, 1]")
            for shape in ([], [0], [1, 2], [1, 1, 1])
        ),
        ({"datatype": "BYTES", "shape": [2], "data": ["a"]}, "/inputs/0/data",
         "the data does not fill the shape", "2 strings"),
        ({"datatype": "BYTES", "shape": [1], "data": "a"}, "/inputs/0/data",
         "the data does not fill the shape", "1 strings"),
        ({"datatype": "BYTES", "shape": [2, 1], "data": [["a"]]}, "/inputs/0/data",
         "the data does not fill the shape", "2 strings"),
    ],
)  # fmt: skip
def test_data_that_does_not_suit_its_shape_is_refused(
    tensor: dict[str, Any], pointer: str, message: str, expected: str
) -> None:
    """With a pointer to the member that is wrong."""
    with pytest.raises(InvalidTensor) as refused:
        decode({"x": IMAGE}, tensor)
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.message, problem.expected) == (pointer, message, expected)


def test_more_images_than_forms_have_are_refused() -> None:
    """Before any is decoded."""
    with pytest.raises(TooLarge) as refused:
        decode({"x": IMAGE}, {"datatype": "BYTES", "shape": [MAX_FILES + 1], "data": []})
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.expected) == ("/inputs/0/shape", f"at most {MAX_FILES} images")


def test_the_problems_of_many_inputs_are_bounded() -> None:
    """The first ones are reported."""
    with pytest.raises(InvalidTensor) as refused:
        decode({"x": IMAGE}, *({"name": f"y{number}", "shape": [1], "data": [1]} for number in range(MAX_PROBLEMS + 5)))
    assert [problem.pointer for problem in refused.value.problems] == [
        f"/inputs/{number}/name" for number in range(MAX_PROBLEMS)
    ]


@pytest.mark.parametrize("declared", [{}, {"x": IMAGE, "y": IMAGE}])
def test_a_body_of_bytes_alone_needs_one_declared_input(declared: dict[str, InputSpec]) -> None:
    """Nothing says what the bytes are otherwise."""
    with pytest.raises(InvalidTensor) as refused:
        raw_input(memoryview(bytes(16)), declared)
    (problem,) = refused.value.problems
    assert problem.message == "a body of bytes alone is for a model of one input that is declared"
    assert (problem.expected, problem.received) == ("JSON with inputs", f"{len(declared)} declared inputs")


def member(classes: int, label: str = "") -> Member:
    """A tensor of 16 rows of 4096 values, of which so many classes are asked for."""
    labels = (label,) * 4096 if label else None
    output = RequestedTensor("x", "x", View(), False, classes, "/outputs/0")
    return Member(TensorInfo("x", "float32", (16, 4096), 16 * 4096 * 4), output, labels)


def test_classes_are_bounded_by_number_and_by_their_labels() -> None:
    """Each is text in one piece."""
    _check_sizes([member(4096), member(0)])
    _check_sizes([member(64, "x" * 1000)])
    for asked, message, expected in (
        ([member(4096), member(1)], "there are too many classes", f"at most {MAX_CLASSES:,} in one reply"),
        ([member(4096, "x" * 100)], "the labels of the classes are too long",
         f"at most {MAX_JSON_BYTES:,} bytes of labels"),
    ):  # fmt: skip
        with pytest.raises(TooLarge) as refused:
            _check_sizes(asked)
        (problem,) = refused.value.problems
        assert (problem.pointer, problem.message, problem.expected) == ("/outputs", message, expected)


def test_parameters_of_the_repository_are_an_object() -> None:
    """Left out, they are empty."""
    assert parameters_of({}) == {}
    with pytest.raises(InvalidOption) as refused:
        parameters_of({"parameters": [1]})
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.expected, problem.received) == ("/parameters", "an object", "[1]")

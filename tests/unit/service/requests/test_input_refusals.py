"""Refusals of inputs in JSON and in forms, by their pointers and messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from starlette.requests import Request

from models.errors import InvalidOption, InvalidTensor, LayerscopeError, TooLarge
from models.errors.problem import MAX_PROBLEMS
from models.errors.suggestions import Words
from models.networks.architecture import Architecture
from models.reading.parse import parse_document
from service.options.activation import ActivationOptions, options_from
from service.requests.body import MAX_FILES, unsupported
from service.requests.decode_memory import DecodeMemory
from service.requests.inputs import fit_inputs, resolve
from service.requests.json_images import images_in
from service.requests.misplaced import misplaced_options
from service.requests.payload import DecodedInput, InputPayload
from service.settings import Settings

PAIR = {"input": {"a": [2], "b": [2]}, "layers": [{"type": "Add", "inputs": ["a", "b"]}]}


def architecture(document: dict[str, Any]) -> Architecture:
    """The architecture of a document."""
    return Architecture(parse_document(document))


def test_inputs_of_different_batches_are_refused() -> None:
    """With the batch of each."""
    raw = {
        name: DecodedInput(np.zeros((rows, 2), np.float32), f"/inputs/{name}") for name, rows in (("a", 1), ("b", 3))
    }
    with pytest.raises(InvalidTensor) as refused:
        fit_inputs(architecture(PAIR), raw, Settings())
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.message) == ("/inputs", "the inputs differ in batch")
    assert (problem.expected, problem.received) == ("the same batch for all", "a: 1, b: 3")


def test_the_problems_of_many_names_are_bounded() -> None:
    """The first ones are reported."""
    inputs = {f"x{number}": [[1, 2]] for number in range(MAX_PROBLEMS + 5)}
    with pytest.raises(InvalidTensor) as refused, DecodeMemory(1 << 30).share() as share:
        resolve(architecture(PAIR), InputPayload(inputs=inputs), ActivationOptions(), Settings(), share)
    assert [problem.pointer for problem in refused.value.problems] == [
        f"/inputs/x{number}" for number in range(MAX_PROBLEMS)
    ]


@pytest.mark.parametrize(
    ("raw", "error", "pointer", "message"),
    [
        ({"image": []}, InvalidTensor, "/inputs/image", "there is no picture"),
        ({"image": ["a"] * (MAX_FILES + 1)}, TooLarge, "/inputs", "there are too many images in one request"),
        ([{"image": "a"}] * (MAX_FILES + 1), TooLarge, "/inputs", "there are too many images in one request"),
        ([{"image": "a"}, 1], InvalidTensor, "/inputs/1", "this is not a picture"),
    ],
)
def test_batches_of_images_are_refused(raw: Any, error: type[LayerscopeError], pointer: str, message: str) -> None:
    """Empty ones, those over the limit of a form, and those with other values."""
    with pytest.raises(error) as refused:
        images_in(raw, "/inputs")
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.message) == (pointer, message)


def test_layers_of_a_document_among_the_options_are_refused() -> None:
    """As is a tensor under `data`."""
    problems = misplaced_options({"layers": [{"type": "Dense"}], "data": [1]})
    assert [(problem.pointer, problem.message) for problem in problems] == [
        ("/layers", "these are the layers of a document, not addresses"),
        ("/data", "data says how JSON carries arrays; this is a tensor"),
    ]
    assert problems[0].suggestion == 'put them under "model", as {"layers": […]}'
    assert misplaced_options({"layers": ["dense"], "data": "none"}) == []


def test_a_form_where_json_is_read_is_told_so() -> None:
    """Routes without files take no forms."""
    request = Request({"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=b")]})
    (problem,) = unsupported(request, "application/json", body=b"--b--").problems
    assert (problem.expected, problem.received) == ("one of application/json", "multipart/form-data")
    assert problem.suggestion == 'send its fields as one JSON object, {"model": …}'


@pytest.mark.parametrize(
    ("text", "selectors"),
    [("[a", ["[a"]), ("[a,b]", ["[a", "b]"]), ('["a,b"]', ["a,b"]), ("[1]", ["[1]"]), ("a, b", ["a", "b"])],
)
def test_selectors_may_begin_with_a_bracket(text: str, selectors: list[str]) -> None:
    """Text that is no JSON array of strings is split at its commas."""
    assert options_from(ActivationOptions, {"layers": text}, words=Words({"": ()})).layers == selectors


def test_an_option_is_not_given_by_query_and_body() -> None:
    """The one or the other."""
    with pytest.raises(InvalidOption) as refused:
        options_from(ActivationOptions, {"data": "none"}, {"data": "none"}, words=Words({"": ()}))
    assert [problem.pointer for problem in refused.value.problems] == ["/data"]

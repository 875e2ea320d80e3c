"""Nested arrays of numbers parsed at once equal those parsed row by row."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.errors import InvalidTensor, Unparsable
from models.tensors.forms import parse_tensor
from models.tensors.nested import parse_nested
from models.tensors.numbers import Numbers, numbers_in, shape_of
from service.requests.body import parse_json, parse_run

NUMBERS = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))


SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=8).filter(lambda shape: prod(shape) <= 64)


@given(SHAPES, st.data())
def test_regular_arrays_are_parsed(shape: list[int], data: st.DataObject) -> None:
    """For any shape and whitespace: the values and types of the JSON parser, in the same order."""
    size = prod(shape)
    leaves = data.draw(st.lists(NUMBERS, min_size=size, max_size=size))
    text = json.dumps(np.array(leaves, object).reshape(shape).tolist(), indent=data.draw(st.sampled_from([None, 1])))
    numbers = numbers_in(text.encode())
    assert numbers is not None
    assert (numbers.shape, numbers.leaves) == (tuple(shape), leaves)
    assert list(map(type, numbers.leaves)) == list(map(type, leaves))


@given(SHAPES, st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["", "[", "]", ",", "],[", "[]"])), max_size=2))
def test_shapes_are_read_across_chunks(shape: list[int], changes: list[tuple[int, str]]) -> None:
    """A regular array has its shape; one with a bracket or comma changed has none unless it is regular again."""
    skeleton = json.dumps(np.zeros(shape, np.int8).tolist()).replace("0", "").replace(" ", "")
    for place, other in changes:
        at = place % len(skeleton)
        skeleton = skeleton[:at] + other + skeleton[at + 1 :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.tensors.numbers.CHUNK_BYTES", 5)
        found = shape_of(skeleton.encode())
    built = "" if found is None else json.dumps(np.zeros(found, np.int8).tolist()).replace("0", "").replace(" ", "")
    assert found == tuple(shape) if not changes else found is None or (built == skeleton and len(found) <= 8)


@pytest.mark.parametrize(
    "text",
    [
        "5", "[]", "[[]]", "[[1],[]]", "[[],[1]]", "[[1,2],[3]]", "[1,[2]]", "[[1],2]", "[1,]", "[,1]", "[1,,2]",
        "[1 2]", "[1,2", "1,2]", "[[1,2]", "[1,2]]", "[1][2]", "[[1][2]]", '["1"]', "[true]", "[null]", "[NaN]",
        "[1.2.3]", "[-]", "[e]", "[--1]", "[01]", "[1.]", "[.5]", "[+1]", "[[1],[2]],[[3],[4]]", "", " ",
        "[" * 9 + "1" + "]" * 9, "][", "[[1,2],[3,4]", "{}", "[{}]", '[[1,2],"NaN"]', "[1e]", "[0x1]", "[1_000]",
        "[\u0661]",
    ],
)  # fmt: skip
def test_other_values_use_the_json_parser(text: str) -> None:
    """With its results and errors."""
    assert numbers_in(text.encode()) is None
    body = f'{{"inputs": {text}, "stats": false}}'.encode()
    assert outcome(parse_run, body) == outcome(parse_json, body)


def outcome(parse: Any, body: bytes) -> Any:
    """Return the parsed body or its problems."""
    try:
        return parse(body)
    except Unparsable as error:
        return error.problems


@given(st.text(alphabet="[],1-.e \n\u0663", max_size=20))
@example("1[]")
@example("[1[],1[]]")
@example("[[]1,[]1]")
@example("[1]]")
def test_arbitrary_text_gives_the_result_of_the_json_parser(text: str) -> None:
    """The value, or an error."""
    body = f'{{"inputs":{text}}}'.encode()
    run, expected = outcome(parse_run, body), outcome(parse_json, body)
    if isinstance(run, dict) and isinstance(run["inputs"], Numbers):
        run = {"inputs": np.array(run["inputs"].leaves, object).reshape(run["inputs"].shape).tolist()}
    assert run == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"inputs": [[1, 2.5]], "stats": false, "layers": ["a", "\xc3\xa9"]}',
        b'{"a\\u00e9": {"deep": [1, {"x": null}]}, "inputs": [1]}',
        b' {"inputs":[[-0.0,1e5],[1E-5,12345678901234567890]]}\n',
    ],
)
def test_other_members_are_unchanged(body: bytes) -> None:
    """In value and order."""
    expected, parsed = parse_json(body), parse_run(body)
    assert list(parsed) == list(expected)
    numbers = parsed.pop("inputs")
    array = expected.pop("inputs")
    assert parsed == expected
    np.testing.assert_array_equal(parse_tensor(numbers, ""), parse_nested(array, ""))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"5", b'{"inputs": [1]} x', b'{"inputs": [1],}', b'{"inputs": [1], "a": NaN}',
        b'\xef\xbb\xbf{"inputs": [1]}', b'{"inputs": [1], "a": "\xff"}', b'{"inputs": [1], "a": "\\ud800"}',
        b'{"inputs": [1], "a": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"inputs": [1], "a": 1e999}', b'{"inputs": [1], a: 1}', b"{'inputs': [1]}", b'{"inputs": [1], "a": 01}',
        b'{"inputs": [1], "inputs": [2]}', b'{"inputs": [1], "a": {"b": 1, "b": 2}}',
        b'{"a": 1, "inputs": [1], "a": 1}',
    ],
)  # fmt: skip
def test_invalid_json_has_the_errors_of_the_json_parser(body: bytes) -> None:
    """Whichever member is wrong."""
    assert outcome(parse_run, body) == outcome(parse_json, body)


def test_an_overflow_is_reported_with_its_index() -> None:
    """By the axes of the whole array."""
    numbers = numbers_in(b"[[1, 2], [3, 1180591620717411303424]]")
    with pytest.raises(InvalidTensor) as raised:
        parse_tensor(numbers, "/inputs", "int32")
    expected = outcome_of_rows()
    assert [problem.pointer for problem in raised.value.problems] == expected


def outcome_of_rows() -> list[str]:
    """Return the pointers for the same number, parsed row by row."""
    with pytest.raises(InvalidTensor) as raised:
        parse_tensor(orjson.loads(b"[[1, 2], [3, 1180591620717411303424]]"), "/inputs", "int32")
    return [problem.pointer for problem in raised.value.problems]

"""JSON that is parsed in pieces: what is refused has the pointer and the place that it has in the whole text."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from models.documents.raw_json import read_json
from models.errors import LayerscopeError, TooLarge, Unparsable
from models.json_text import keys as json_keys
from models.json_text.keys import check_keys
from models.json_text.large_numbers import large_numbers_in
from models.json_text.limits import MAX_ITEMS, MAX_KEYS, check_items, claim_nothing
from models.json_text.pieces import MAX_LEVELS, PIECE, PieceReader
from models.tensors.numbers import Numbers

LONG = json.dumps("x" * PIECE)
"""A string that is longer than a piece."""


def refusal(text: str, inputs: str | None = None) -> LayerscopeError:
    """Return why a text is refused."""
    with pytest.raises((TooLarge, Unparsable)) as refused:
        read_json(text.encode(), inputs)
    return refused.value


def members(count: int, value: str) -> str:
    """Build an object of this many keys."""
    return "{" + ", ".join(f'"k{number}": {value}' for number in range(count)) + "}"


@pytest.mark.parametrize(("template", "pointer"), [("%s", ""), ('{"model": 1, "inputs": %s}', "/inputs")])
def test_an_object_of_many_long_members_is_refused(template: str, pointer: str) -> None:
    """Its keys are counted before any member is parsed."""
    value = json.dumps("x" * (PIECE // MAX_KEYS))
    error = refusal(template % members(MAX_KEYS + 1, value), "inputs" if pointer else None)
    (problem,) = error.problems
    assert (problem.pointer, problem.message) == (pointer, "the object has too many keys")
    assert problem.expected == f"at most {MAX_KEYS:,} keys"


SPOILED = {
    "a number as a key": ("{1: %s}", "1:"),
    "an array as a key": ('{"a": 1, [2]: %s}', "[2]"),
    "no key": ("{: %s}", ":"),
    "no item": ('["a", , %s]', ", %s"),
    "no last item": ("[%s, ]", "]"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_syntax_errors_are_where_the_text_has_them(name: str) -> None:
    """In a key or an item of a text of several pieces, whose space before it may count to it."""
    text, spoiled = (part.replace("%s", LONG) for part in SPOILED[name])
    with pytest.raises(orjson.JSONDecodeError) as refused:
        PieceReader(text.encode(), claim_nothing).whole(None)
    assert text.index(spoiled) - refused.value.pos in (0, 1)


@pytest.mark.parametrize("kind", ["array", "object"])
def test_large_values_that_nest_deeply_are_refused(kind: str) -> None:
    """Each level is scanned again, so that their number is bounded; one less is read."""
    start, end = ('["a", ', "]") if kind == "array" else ('{"a": ', "}")
    (problem,) = refusal(start * (MAX_LEVELS + 2) + LONG + end * (MAX_LEVELS + 2)).problems
    assert problem.message == "large arrays nest too deeply"
    assert problem.pointer == ("/1" if kind == "array" else "/a") * MAX_LEVELS
    assert problem.expected == f"at most {MAX_LEVELS} levels of more than {PIECE:,} bytes"
    text = start * MAX_LEVELS + LONG + end * MAX_LEVELS
    assert read_json(text.encode()) == json.loads(text)


def test_a_duplicate_key_has_the_index_in_its_whole_array() -> None:
    """Though the array is parsed a run of items at a time."""
    items = [json.dumps({"a": "x" * 1000}) for _ in range(2 * PIECE // 1000)]
    items[-3] = '{"b": {"c": 1, "c": 2}}'
    (problem,) = refusal('{"list": [' + ", ".join(items) + "]}").problems
    assert (problem.pointer, problem.expected) == (f"/list/{len(items) - 3}/b/c", "each key once")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2, "b": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"a": 1, "a": 2, "b": "' + "x" * json_keys.DETAILED_BYTES + '"}',
    ],
    ids=["nests deeply", "is long"],
)
def test_duplicates_are_refused_where_they_cannot_be_located(text: str) -> None:
    """Without the pointer to the key: the text is too long to search, or nests deeper than Python's parser goes."""
    value: dict[str, Any] = {"a": 2, "b": ""}
    with pytest.raises(Unparsable) as refused:
        check_keys(text.encode(), value)
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.message) == ("", "an object has a key twice")
    assert problem.expected == "each key once in an object"


def test_commas_in_strings_are_no_items() -> None:
    """They are counted apart once there are more of them than items are allowed."""
    text = json.dumps(["," * (MAX_ITEMS + 1), 1, {"a": [2, 3], "b": 4}]).encode()
    assert check_items(text, 0, len(text)) <= MAX_ITEMS
    assert read_json(text) == json.loads(text)


def test_many_keys_in_text_that_is_no_json_are_refused() -> None:
    """An object that stands where a key should has no name in the pointer."""
    (problem,) = refusal('{"a": [{' + members(MAX_KEYS + 1, "1") + "}]}").problems
    assert (problem.pointer, problem.message) == ("/a/0/…", "the object has too many keys")


@pytest.mark.parametrize("text", ["[1, 2-3, 4]", "[1, 2.3.4]", "[00, 1]", "[1e, 2]"])
def test_digits_that_are_no_numbers_are_left_to_the_parser(text: str) -> None:
    """They have the brackets and commas of an array of numbers."""
    assert large_numbers_in(text.encode(), 0, len(text), claim_nothing, "") is None


def sides(inputs: str, model: str = "1") -> str:
    """Build a body of two sides with these inputs."""
    return f'{{"a": {{"model": {model}, "inputs": {inputs}}}, "b": {{"inputs": {inputs}, "training": true}}, "c": 2}}'


def test_inputs_of_sides_are_numbers() -> None:
    """They are read as those of a body, beyond the items that a document may have; the rest is as it stands."""
    numbers = list(range(2 * MAX_ITEMS))
    value = read_json(sides(json.dumps(numbers)).encode(), "inputs", bodies=("a", "b"))
    assert [list(value["a"]), list(value["b"]), value["c"]] == [["model", "inputs"], ["inputs", "training"], 2]
    for side in ("a", "b"):
        assert isinstance(value[side]["inputs"], Numbers)
        assert value[side]["inputs"].shape == (2 * MAX_ITEMS,)
    plain = read_json(sides("[1, 2]").encode(), "inputs", bodies=("a", "b"))
    assert plain == json.loads(sides("[1, 2]"))


def test_limits_of_sides() -> None:
    """A model in a side is bounded as that of a body, with its pointer; so are the numbers of no side."""
    numbers = json.dumps(list(range(2 * MAX_ITEMS)))
    with pytest.raises(TooLarge) as refused:
        read_json(sides("[1]", numbers).encode(), "inputs", bodies=("a", "b"))
    assert refused.value.problems[0].pointer == "/a/model"
    with pytest.raises(TooLarge) as refused:
        read_json(f'{{"a": {numbers}}}'.encode(), "inputs", bodies=("a", "b"))
    assert refused.value.problems[0].pointer == "/a"
    twice = f'{{"b": {{"inputs": {numbers}, "inputs": 1}}}}'
    with pytest.raises(Unparsable) as spoiled:
        read_json(twice.encode(), "inputs", bodies=("a", "b"))
    assert spoiled.value.problems[0].pointer == "/b/inputs"

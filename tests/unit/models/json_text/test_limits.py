"""JSON limits on keys, items and bytes are checked before parsing, and large values parse like small ones."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest

from models.documents.raw_json import read_json
from models.errors import LayerscopeError, TooLarge
from models.json_text import large_numbers
from models.json_text import limits as json_limits
from models.json_text import pieces as json_pieces
from models.json_text import structure as json_structure
from models.tensors.nested import parse_nested
from models.tensors.numbers import Numbers

LEAVES: tuple[Any, ...] = (1, -2.5, "a", "x:y", "\\", 'say "{["', "é€", True, None, 1e300, 2**40)
KEYS = ("a", "b:", 'c"', "d\\", "é")


def keys(number: int) -> str:
    """Build an object of this many keys."""
    return json.dumps({f"k{place}": 1 for place in range(number)})


def rejection(text: str, inputs: str | None = None) -> tuple[str, str]:
    """Return pointer and message of the rejection."""
    with pytest.raises(TooLarge) as error:
        read_json(text.encode(), inputs)
    return error.value.problems[0].pointer, error.value.problems[0].message


def test_exceeded_limits_are_reported_with_a_pointer() -> None:
    """Keys of objects anywhere, items outside of inputs, and long documents."""
    many, items = keys(json_limits.MAX_KEYS + 1), json.dumps([0] * (json_limits.MAX_ITEMS + 1))
    long = '"' + "x" * json_limits.MAX_DOCUMENT + '"'
    too_many_keys = "the object has too many keys"
    found = {
        "object": rejection(many),
        "inside": rejection('{"a~/": [1, {"b": {}}, {"c:": [], "d": ' + many + "}]}"),
        "inputs": rejection('{"model": [], "inputs": ' + many + "}", "inputs"),
        "behind much": rejection('{"inputs": {"a": [' + "0.25, " * 200_000 + '1], "b": ' + many + "}}", "inputs"),
        "items": rejection('{"model": ' + items + ', "inputs": [1]}', "inputs"),
        "a document": rejection(long),
        "beside inputs": rejection('{"model": ' + long + ', "inputs": [1]}', "inputs"),
    }
    assert found == {
        "object": ("", too_many_keys),
        "inside": ("/a~0~1/2/d", too_many_keys),
        "inputs": ("/inputs", too_many_keys),
        "behind much": ("/inputs/b", too_many_keys),
        "items": ("/model", "the document has too many items in arrays"),
        "a document": ("", "the document is over its limit"),
        "beside inputs": ("/model", "the document is over its limit"),
    }


def test_the_limits_are_inclusive() -> None:
    """Inputs may contain more numbers than documents have items."""
    full = {"model": [0] * json_limits.MAX_ITEMS, "inputs": {"a": [0.5] * 300_000}}
    value = read_json(json.dumps(full).encode(), "inputs")
    numbers = value["inputs"]["a"]
    assert value["model"] == full["model"]
    assert isinstance(numbers, Numbers)
    assert numbers.shape == (300_000,)
    assert (numbers.leaves == 0.5).all()
    assert len(read_json(keys(json_limits.MAX_KEYS).encode())) == json_limits.MAX_KEYS


def random_value(random: Random, depth: int = 0) -> Any:
    """Draw a JSON value."""
    kind = random.random()
    if depth > 4 or kind < 0.3:
        return random.choice(LEAVES)
    if kind < 0.65:
        return [random_value(random, depth + 1) for _ in range(random.randrange(5))]
    return {f"{random.choice(KEYS)}{place}": random_value(random, depth + 1) for place in range(random.randrange(5))}


def read(text: bytes) -> Any:
    """Return the value or a description of its error."""
    try:
        return json_pieces.PieceReader(text, json_limits.claim_nothing).whole(None)
    except orjson.JSONDecodeError:
        return "no JSON"
    except LayerscopeError as error:
        return [problem.pointer for problem in error.problems]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse in pieces of a few bytes, so that every token is split somewhere."""
    monkeypatch.setattr(json_structure, "CHUNK_BYTES", 23)
    monkeypatch.setattr(large_numbers, "CHUNK_BYTES", 23)
    monkeypatch.setattr(json_pieces, "PIECE", 46)


@pytest.mark.usefixtures("small_pieces")
def test_parsing_in_pieces_equals_parsing_at_once() -> None:
    """For random texts, valid and with a character changed."""
    random, differing = Random(3), []  # noqa: S311
    for _ in range(150):
        text = json.dumps(random_value(random), ensure_ascii=random.random() < 0.5).encode()
        if random.random() < 0.3:
            place = random.randrange(len(text))
            text = text[:place] + random.choice([b"", b",", b"]", b"}", b"[", b"1"]) + text[place + 1 :]
        try:
            expected = orjson.loads(text)
        except orjson.JSONDecodeError:
            expected = "no JSON"
        found = read(text)
        if found != expected and not isinstance(found, list):  # a duplicate key is reported by its pointer
            differing.append((text, expected, found))
    assert not differing


@pytest.mark.usefixtures("small_pieces")
def test_numbers_parsed_in_pieces_are_equal() -> None:
    """In dtype and bits, or with the same error, for every target dtype."""
    rows: list[list[Any]] = [
        [1] * 40, [1] * 40 + [0.5], [0.5] * 40 + [2**53 + 1], [2**53 + 1] * 40 + [0.5], [2**63] * 40,
        [0.1, 2, 1e300] * 20, [-1] * 40, [True] * 40, [1] * 39 + ["NaN"],
    ]  # fmt: skip
    differing = []
    for row in [*rows, [[value] for value in rows[6]], [rows[0], rows[0]], [rows[0], rows[1]]]:
        text = json.dumps(row).encode()
        for dtype in (None, np.dtype("int32"), np.dtype("float32"), np.dtype("bool")):
            found = tensor_or_problems(json_pieces.PieceReader(text, json_limits.claim_nothing).whole(""), dtype)
            if found != tensor_or_problems(json.loads(text), dtype):
                differing.append((text[:80], dtype, found))
    assert not differing


def tensor_or_problems(raw: Any, dtype: np.dtype[Any] | None) -> Any:
    """Return the tensor's dtype, shape and bytes, or its problems."""
    try:
        array = parse_nested(raw, "/inputs", dtype)
    except LayerscopeError as error:
        return [(problem.pointer, problem.message) for problem in error.problems]
    return array.dtype, array.shape, array.tobytes()

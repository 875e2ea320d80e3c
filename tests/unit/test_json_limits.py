"""Keys, items and bytes of JSON are counted before it is parsed, and what is large is read as what is small."""

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
    """An object of so many keys."""
    return json.dumps({f"k{place}": 1 for place in range(number)})


def refused(text: str, inputs: str | None = None) -> tuple[str, str]:
    """Where and why."""
    with pytest.raises(TooLarge) as error:
        read_json(text.encode(), inputs)
    return error.value.problems[0].pointer, error.value.problems[0].message


def test_what_is_more_than_may_be_is_refused_with_its_place() -> None:
    """Objects of too many keys wherever they stand, items of a document but not of inputs, and long documents."""
    many, items = keys(json_limits.MAX_KEYS + 1), json.dumps([0] * (json_limits.MAX_ITEMS + 1))
    long = '"' + "x" * json_limits.MAX_DOCUMENT + '"'
    too_many_keys = "the object has too many keys"
    found = {
        "object": refused(many),
        "inside": refused('{"a~/": [1, {"b": {}}, {"c:": [], "d": ' + many + "}]}"),
        "inputs": refused('{"model": [], "inputs": ' + many + "}", "inputs"),
        "behind much": refused('{"inputs": {"a": [' + "0.25, " * 200_000 + '1], "b": ' + many + "}}", "inputs"),
        "items": refused('{"model": ' + items + ', "inputs": [1]}', "inputs"),
        "a document": refused(long),
        "beside inputs": refused('{"model": ' + long + ', "inputs": [1]}', "inputs"),
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


def test_what_may_be_is_read() -> None:
    """As many keys and items as are allowed, and more numbers where inputs stand."""
    full = {"model": [0] * json_limits.MAX_ITEMS, "inputs": {"a": [0.5] * 300_000}}
    value = read_json(json.dumps(full).encode(), "inputs")
    numbers = value["inputs"]["a"]
    assert value["model"] == full["model"]
    assert isinstance(numbers, Numbers)
    assert numbers.shape == (300_000,)
    assert (numbers.leaves == 0.5).all()
    assert len(read_json(keys(json_limits.MAX_KEYS).encode())) == json_limits.MAX_KEYS


def drawn(random: Random, depth: int = 0) -> Any:
    """A JSON value."""
    kind = random.random()
    if depth > 4 or kind < 0.3:
        return random.choice(LEAVES)
    if kind < 0.65:
        return [drawn(random, depth + 1) for _ in range(random.randrange(5))]
    return {f"{random.choice(KEYS)}{place}": drawn(random, depth + 1) for place in range(random.randrange(5))}


def read(text: bytes) -> Any:
    """The value, or that there is none."""
    try:
        return json_pieces.PieceReader(text, json_limits.claim_nothing).whole(None)
    except orjson.JSONDecodeError:
        return "no JSON"
    except LayerscopeError as error:
        return [problem.pointer for problem in error.problems]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of some bytes, so that everything is cut somewhere."""
    monkeypatch.setattr(json_structure, "CHUNK_BYTES", 23)
    monkeypatch.setattr(large_numbers, "CHUNK_BYTES", 23)
    monkeypatch.setattr(json_pieces, "PIECE", 46)


@pytest.mark.usefixtures("small_pieces")
def test_pieces_make_the_same_value() -> None:
    """Of drawn texts, whole and with a character changed, what a parser makes of them at once."""
    random, differing = Random(3), []  # noqa: S311
    for _ in range(150):
        text = json.dumps(drawn(random), ensure_ascii=random.random() < 0.5).encode()
        if random.random() < 0.3:
            place = random.randrange(len(text))
            text = text[:place] + random.choice([b"", b",", b"]", b"}", b"[", b"1"]) + text[place + 1 :]
        try:
            expected = orjson.loads(text)
        except orjson.JSONDecodeError:
            expected = "no JSON"
        found = read(text)
        if found != expected and not isinstance(found, list):  # a key that stands twice is told by its pointer
            differing.append((text, expected, found))
    assert not differing


@pytest.mark.usefixtures("small_pieces")
def test_numbers_in_pieces_are_the_same_numbers() -> None:
    """Their dtype and bits, or the same refusal, whatever they are meant for."""
    rows: list[list[Any]] = [
        [1] * 40, [1] * 40 + [0.5], [0.5] * 40 + [2**53 + 1], [2**53 + 1] * 40 + [0.5], [2**63] * 40,
        [0.1, 2, 1e300] * 20, [-1] * 40, [True] * 40, [1] * 39 + ["NaN"],
    ]  # fmt: skip
    differing = []
    for row in [*rows, [[value] for value in rows[6]], [rows[0], rows[0]], [rows[0], rows[1]]]:
        text = json.dumps(row).encode()
        for dtype in (None, np.dtype("int32"), np.dtype("float32"), np.dtype("bool")):
            found = told(json_pieces.PieceReader(text, json_limits.claim_nothing).whole(""), dtype)
            if found != told(json.loads(text), dtype):
                differing.append((text[:80], dtype, found))
    assert not differing


def told(raw: Any, dtype: np.dtype[Any] | None) -> Any:
    """The tensor's dtype, shape and bytes, or where and why there is none."""
    try:
        array = parse_nested(raw, "/inputs", dtype)
    except LayerscopeError as error:
        return [(problem.pointer, problem.message) for problem in error.problems]
    return array.dtype, array.shape, array.tobytes()

"""Errors: their declaration, status codes, serialization, and short and safe messages."""

from __future__ import annotations

import enum
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from models import errors
from models.errors import (
    Internal,
    InvalidDocument,
    LayerscopeError,
    Problem,
    all_errors,
    did_you_mean,
    error_of,
    shown,
)
from service.errors.handlers import FRAMEWORK, STATUS, internal_error, raises, status_of

ERRORS = all_errors()
every_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
PROBLEM = Problem("/layers/0/units", "units should be an integer", "an integer", "true", "write 1")


@every_error
def test_every_error_has_a_status(error: type[LayerscopeError]) -> None:
    """One of those in the API contract."""
    assert status_of(error) in {
        400, 401, 403, 404, 406, 408, 409, 413, 414, 415, 421, 422, 429, 431, 499, 500, 501, 503, 504,
    }  # fmt: skip


@every_error
def test_every_error_has_a_code_and_a_title(error: type[LayerscopeError]) -> None:
    """The code is lower-case, and both are defined in the class itself."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert "code" in vars(error)
    assert "title" in vars(error)
    assert error.title
    assert not error.title.endswith(".")


def test_codes_and_titles_are_unique() -> None:
    """The framework's own errors share a code only with errors of the same status."""
    assert len({error.code for error in ERRORS}) == len({error.title for error in ERRORS}) == len(ERRORS)
    known = {error.code: status_of(error) for error in ERRORS}
    assert all(known.get(code, status) == status for status, (code, _) in FRAMEWORK.items())


@pytest.mark.parametrize(("path", "media_type"), [("/v1/x", "application/problem+json"), ("/v2/x", "application/json")])
def test_internal_errors_disclose_nothing(path: str, media_type: str) -> None:
    """Also under `/v2`, which adds `error`."""
    request = Request({"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""})
    reply = internal_error(request, RuntimeError("secret"))
    body = json.loads(reply.body)
    assert (reply.status_code, reply.media_type, body["code"]) == (500, media_type, "internal")
    assert b"secret" not in reply.body
    assert body.get("error") == (body["detail"] if path == "/v2/x" else None)


def test_statuses_are_declared_for_existing_errors() -> None:
    """Without entries that repeat a parent's status."""
    assert set(STATUS) <= set(ERRORS)
    parents = {error: error.__mro__[1] for error in STATUS}
    assert not [error for error, parent in parents.items() if parent in STATUS and STATUS[parent] == STATUS[error]]


def test_the_docstring_shows_the_class_hierarchy() -> None:
    """Every error is listed below its parent."""

    def tree(base: type[LayerscopeError], depth: int) -> list[tuple[int, str]]:
        rows = [(depth, base.__name__)]
        return rows + [row for child in base.__subclasses__() for row in tree(child, depth + 1)]

    drawn = [line for line in (errors.__doc__ or "").splitlines() if re.match(r"LayerscopeError|[│├└]", line)]
    lines = [(re.search(r"\w", line).start(), line) for line in drawn]  # type: ignore[union-attr]
    found = [(start // 4, name) for start, line in lines for name in re.split(r"  +", line[start:])[0].split(", ")]
    assert sorted(found) == sorted(tree(LayerscopeError, 0))
    assert found == tree(LayerscopeError, 0)


@every_error
def test_errors_survive_serialization(error: type[LayerscopeError]) -> None:
    """They are rebuilt from the code, with detail and problems."""
    rebuilt = error_of(error.code, "in words", [PROBLEM])
    assert (type(rebuilt), rebuilt.detail, rebuilt.problems) == (error, "in words", (PROBLEM,))


@pytest.mark.parametrize("code", ["", "nobody", "error", "InvalidDocument"])
def test_unknown_codes_are_internal(code: str) -> None:
    """An engine of another version is an internal error."""
    assert type(error_of(code, "", [])) is Internal


def test_the_default_detail_is_the_first_problem() -> None:
    """Or the title if there is none."""
    assert InvalidDocument("mine", [PROBLEM]).detail == "mine"
    assert InvalidDocument("", [PROBLEM]).detail == PROBLEM.message == str(InvalidDocument("", [PROBLEM]))
    assert InvalidDocument().detail == InvalidDocument.title


def test_under_prefixes_every_pointer() -> None:
    """The same error relative to an enclosing document."""
    moved = InvalidDocument("", [PROBLEM, Problem("", "other")]).under("/model")
    assert type(moved) is InvalidDocument
    assert [problem.pointer for problem in moved.problems] == ["/model/layers/0/units", "/model"]
    assert (moved.detail, moved.problems[0].suggestion) == (PROBLEM.message, "write 1")


def test_raises_describes_the_errors_of_a_route() -> None:
    """By status, with every code, and always with 500."""
    described = raises(errors.InvalidDocument, errors.InvalidTensor, errors.TooLarge)
    assert set(described) == {413, 422, 500}
    assert "`invalid_document`" in described[422]["description"]
    assert "`invalid_tensor`" in described[422]["description"]


class Colour(enum.Enum):
    """A value that JSON cannot represent."""

    RED = 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (-1.5, "-1.5"),
        (1.0, "1.0"),
        (float("nan"), "nan"),
        (10**23, "1" + "0" * 23),
        (10**24, "an integer of over 24 digits"),
        (pytest.param(-(10**5000), "an integer of over 24 digits", id="huge")),
        ("relu", '"relu"'),
        ("", '""'),
        ("x" * 60, f'"{"x" * 60}"'),
        ("x" * 61, "a string of 61 characters"),
        ("é\n\x00\ud800😀", r'"\xe9\n\x00\ud800\U0001f600"'),
        ([], "[]"),
        ((1, 2), "[1, 2]"),
        ([[1, 2], [3, "a"]], '[[1, 2], [3, "a"]]'),
        ([True, None], "[true, null]"),
        (list(range(9)), "an array of 9 items"),
        (["x" * 30] * 2, "[a string of 30 characters, a string of 30 characters]"),
        ([[[[[]]]]], "[an array of 1 items]"),
        ({}, "an object with 0 keys"),
        ({"a": 1}, "an object with 1 keys"),
        (b"bytes", "bytes"),
        (Colour.RED, "Colour"),
    ],
)
def test_shown_abbreviates_values(value: Any, words: str) -> None:
    """Numbers and short texts as they are, others by type and size."""
    assert shown(value) == words


def test_shown_is_fast_for_deep_and_wide_values() -> None:
    """It does not traverse them."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "[an array of 1 items]"
    assert shown([[0] * 10**6] * 10**6) == "an array of 1000000 items"
    assert shown(["x" * 10**6] * 3) == "an array of 3 items"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_shown_is_short_and_printable_ascii(value: Any) -> None:
    """For arbitrary JSON; safe for logs and terminals."""
    words = shown(value)
    assert len(words) <= 64
    assert words.isascii()
    assert words.isprintable()


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("Conv2d", ["Conv1D", "Conv2D", "Dense"], "Conv2D"),
        ("RELU", ["relu", "selu"], "relu"),
        ("dens", ["conv", "dense"], "dense"),
        ("dense", ["dense"], "dense"),
        ("zzz", ["conv", "dense"], None),
        ("", ["conv"], None),
        ("conv", [], None),
        ("ÜBER", ["über"], "über"),
    ],
)
def test_did_you_mean_returns_the_nearest_word(word: str, known: list[str], near: str | None) -> None:
    """In its original spelling, None if nothing is near."""
    assert did_you_mean(word, known) == near


def test_did_you_mean_is_fast_for_long_words() -> None:
    """Only a prefix is compared."""
    assert did_you_mean("a" * 2_000_000, [f"b{n}" for n in range(1000)]) is None

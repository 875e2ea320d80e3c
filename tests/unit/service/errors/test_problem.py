"""Problem documents with arbitrary contents."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from starlette.requests import Request

from models.errors import Problem
from service.errors.problem import problem_document

MAX_BYTES = 64 * 1024
WORST = ["\x00", "\ud800", "é", "😀", '"', "\\", "k", "k ", "/k", "/" + "k" * 100]
"""Texts that take the most bytes as JSON, or that complicate truncation."""


def document(path: str, detail: str, *problems: Problem) -> dict[str, Any]:
    """Build the document of an error."""
    request = Request({"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""})
    return problem_document(request, 422, "invalid", "a title", detail, problems)


@pytest.mark.parametrize("root", ["/v1/", "/v2/"])
def test_the_size_of_a_document_is_bounded(root: str) -> None:
    """With twenty problems whose texts have a megabyte; the first problem is always included."""
    for sign in WORST:
        text = sign * 1_000_000
        whole = document(root + text, text, *[Problem(text, text, text, text, text)] * 20)
        assert len(orjson.dumps(whole)) <= MAX_BYTES, sign
        assert whole["errors"], sign
        assert ("error" in whole) == (root == "/v2/")


def test_long_words_and_texts_are_truncated() -> None:
    """Words longer than 120 characters are names or values; texts have at most 1,024 characters."""
    (told,) = document("/", "", Problem("", f"{'k' * 121} is {'k' * 120}", "a " * 600))["errors"]
    assert told["message"] == f"{'k' * 119}… is {'k' * 120}"
    assert told["expected"] == "a " * 511 + "a…"


@pytest.mark.parametrize(
    ("pointer", "told"),
    [
        ("/layers/0/name", "/layers/0/name"),
        (f"/a/{'k' * 128}/b", f"/a/{'k' * 128}/b"),
        (f"/a/{'k' * 129}/b", "/a"),
        ("/k" * 512, "/k" * 512),
        ("/k" * 513, "/k" * 511),
        ("k" * 2000, ""),
    ],
)
def test_pointers_with_long_names_are_shortened(pointer: str, told: str) -> None:
    """To the value that contains the name."""
    assert document("/", "", Problem(pointer, "x"))["errors"][0]["pointer"] == told


def test_paths_are_truncated() -> None:
    """Each segment, and the whole."""
    assert document(f"/v1/models/{'k' * 121}/weights", "")["instance"] == f"/v1/models/{'k' * 119}…/weights"
    assert len(document("/k" * 10_000, "")["instance"]) == 1024

"""Problems of heads and addresses: digests, suggestions in URLs, and statuses of the framework."""

from __future__ import annotations

import pytest
from fastapi import Request

from models.errors import Problem, UnknownAddress, WrongDigest
from service.edge.content_digest import _digest
from service.errors.unrouted import describe_unrouted
from service.options.query import as_in_url


def request_with(query: str = "") -> Request:
    """Build a request with this query."""
    return Request(
        {"type": "http", "method": "GET", "path": "/v1/x", "query_string": query.encode(), "headers": [], "app": None}
    )


@pytest.mark.parametrize("value", ["", "x", "::x", ":a:", ":ab=:", ":=:", ":a===:", "abcd"])
def test_digests_that_are_no_base64_are_refused(value: str) -> None:
    """With the syntax of the RFC."""
    with pytest.raises(WrongDigest) as refused:
        _digest("sha-256", value)
    (problem,) = refused.value.problems
    assert (problem.message, problem.expected) == (
        "Content-Digest cannot be read", "Content-Digest: sha-256=:<base64>: (RFC 9530)"
    )  # fmt: skip


@pytest.mark.parametrize("value", ["::", ":YWI=:", ":YWI=:;q=1"])
def test_digests_are_base64_between_colons(value: str) -> None:
    """With parameters, which are ignored."""
    assert _digest("sha-256", value) == (b"" if value == "::" else b"ab")


def test_only_suggestions_are_written_for_a_url() -> None:
    """Those of a selector in the query; what has none is left as it is."""
    problems = [
        Problem("/layers/0", "unknown", "a", "b"),
        Problem("/layers/1", "unknown", "a", "b", 'write "a#1"'),
        Problem("/slice/0", "unknown", "a", "b", 'write "a#1"'),
    ]
    found = as_in_url(request_with("layers=b"), UnknownAddress("", problems))
    assert [problem.suggestion for problem in found.problems] == [
        None, 'write "a%231"; in a URL # is written %23', 'write "a#1"'
    ]  # fmt: skip


@pytest.mark.parametrize("status", [400, 413, 500])
def test_other_statuses_of_the_framework_are_kept(status: int) -> None:
    """Only unknown paths and methods have suggestions."""
    assert describe_unrouted(request_with(), status) == (status, ())

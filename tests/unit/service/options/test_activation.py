"""Parsed query options are cached."""

from __future__ import annotations

import pytest
from fastapi import Request

from models.errors import InvalidOption
from service.options.activation import MAX_CACHED_BYTES, OPTION_BYTES, ActivationOptions, QueryOptions


def request_with(query: str) -> Request:
    """Build a request with this query."""
    return Request({"type": "http", "method": "POST", "query_string": query.encode(), "headers": []})


def test_equal_queries_are_parsed_once() -> None:
    """Another order of names is another query with equal options."""
    queries = QueryOptions(ActivationOptions)
    first = queries.read(request_with("layers=a,b&stats=false&layers=c%2Fd"))
    assert first == ActivationOptions(layers=["a", "b", "c/d"], stats=False)
    assert queries.read(request_with("layers=a,b&stats=false&layers=c%2Fd")) is first
    assert queries.read(request_with("stats=false&layers=a,b,c/d")) == first
    assert queries.read(request_with("")) == ActivationOptions()


@pytest.mark.parametrize("query", ["nobody=1", "stats=maybe", "data=none&data=none", "upscale=0"])
def test_errors_are_not_cached(query: str) -> None:
    """An invalid query is rejected every time."""
    queries = QueryOptions(ActivationOptions)
    queries.read(request_with("stats=true"))
    for _ in range(2):
        with pytest.raises(InvalidOption):
            queries.read(request_with(query))


def test_the_cache_is_bounded() -> None:
    """By count, and by the bytes of the queries."""
    queries = QueryOptions(ActivationOptions)
    first = queries.read(request_with("channel=0"))
    for number in range(1, 300):
        queries.read(request_with(f"channel={number}"))
    assert queries.read(request_with("channel=0")) is not first
    long = "layers=" + ",".join(["a" * 1000] * (MAX_CACHED_BYTES // OPTION_BYTES // 1000 + 1))
    assert queries.read(request_with(long)) is not queries.read(request_with(long))


def test_the_cache_key_excludes_the_format() -> None:
    """It includes all other options."""
    options = ActivationOptions(layers=["a"], format="npz")
    assert options.cache_key == ActivationOptions(layers=["a"]).cache_key
    assert options.cache_key != ActivationOptions(layers=["b"]).cache_key

"""The options of a query are read once, however often it is asked."""

from __future__ import annotations

import pytest
from fastapi import Request

from models.errors import InvalidOption
from service.options.activation import KEPT_BYTES, OPTION_BYTES, ActivationOptions, QueryOptions


def asked(query: str) -> Request:
    """A request with this query."""
    return Request({"type": "http", "method": "POST", "query_string": query.encode(), "headers": []})


def test_the_same_query_is_read_once() -> None:
    """And means what it says; the order of its names makes another."""
    queries = QueryOptions()
    first = queries.read(asked("layers=a,b&stats=false&layers=c%2Fd"))
    assert first == ActivationOptions(layers=["a", "b", "c/d"], stats=False)
    assert queries.read(asked("layers=a,b&stats=false&layers=c%2Fd")) is first
    assert queries.read(asked("stats=false&layers=a,b,c/d")) == first
    assert queries.read(asked("")) == ActivationOptions()


@pytest.mark.parametrize("query", ["nobody=1", "stats=maybe", "data=none&data=none", "upscale=0"])
def test_what_is_wrong_is_told_each_time(query: str) -> None:
    """Also after something else was right."""
    queries = QueryOptions()
    queries.read(asked("stats=true"))
    for _ in range(2):
        with pytest.raises(InvalidOption):
            queries.read(asked(query))


def test_what_is_kept_is_bounded() -> None:
    """By number, and by the bytes of the queries."""
    queries = QueryOptions()
    first = queries.read(asked("channel=0"))
    for number in range(1, 300):
        queries.read(asked(f"channel={number}"))
    assert queries.read(asked("channel=0")) is not first
    long = "layers=" + ",".join(["a" * 1000] * (KEPT_BYTES // OPTION_BYTES // 1000 + 1))
    assert queries.read(asked(long)) is not queries.read(asked(long))


def test_the_format_does_not_tell_options_apart() -> None:
    """Everything else does."""
    options = ActivationOptions(layers=["a"], format="npz")
    assert options.cache_key == ActivationOptions(layers=["a"]).cache_key
    assert options.cache_key != ActivationOptions(layers=["b"]).cache_key

"""Least recently used cache, bounded by count and bytes."""

from __future__ import annotations

import pytest

from models.lru_cache import LruCache


def test_the_least_recently_used_is_evicted_first() -> None:
    """Reading counts as much as adding."""
    cache: LruCache[str, int] = LruCache(2)
    cache.add("a", 1)
    cache.add("b", 2)
    assert cache.get("a") == 1
    cache.add("c", 3)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]
    assert (len(cache), cache.values()) == (2, [1, 3])


def test_bytes_are_bounded() -> None:
    """A value that alone exceeds the bound is not cached, and evicts nothing; a removed one makes room."""
    cache: LruCache[bytes, int] = LruCache(100, 10)
    cache.add(b"a", 1, 6)
    cache.add(b"b", 2, 11)
    assert cache.get(b"a") == 1
    cache.add(b"c", 3, 5)
    assert cache.get(b"a") is None
    cache.add(b"c", 4, 5)
    cache.add(b"d", 5, 5)
    assert (cache.get(b"c"), cache.get(b"d")) == (3, 5)
    cache.remove(b"c")
    cache.remove(b"none")
    cache.add(b"e", 6, 5)
    assert [cache.get(key) for key in (b"c", b"d", b"e")] == [None, 5, 6]


def test_a_value_is_made_once() -> None:
    """Also one that is falsy; it is made again after its eviction."""
    cache: LruCache[str, list[int]] = LruCache(2)
    first, second = cache.get_or_make("a", list), cache.get_or_make("b", list)
    assert cache.get_or_make("a", list) is first
    cache.get_or_make("c", list)
    assert cache.get_or_make("a", list) is first
    assert cache.get_or_make("b", list) is not second


def test_a_failure_is_not_cached() -> None:
    """The error propagates, and nothing is evicted."""
    cache: LruCache[str, int] = LruCache(1)
    assert cache.get_or_make("a", lambda: 0) == 0
    with pytest.raises(ZeroDivisionError):
        cache.get_or_make("b", lambda: 1 // 0)
    assert cache.get_or_make("a", lambda: 1 // 0) == 0


def test_clear_removes_every_value() -> None:
    """They are made again, within the same bounds."""
    cache: LruCache[str, int] = LruCache(2, 10)
    cache.get_or_make("a", lambda: 1, 10)
    cache.clear()
    assert len(cache) == 0
    assert cache.get_or_make("a", lambda: 2, 10) == 2
    assert cache.get("a") == 2

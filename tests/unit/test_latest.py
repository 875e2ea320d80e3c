"""Values that are made once while they are asked for."""

import pytest

from models.engine.latest import LruCache


def test_a_value_is_made_once_and_what_was_asked_for_longest_ago_goes_first() -> None:
    """Also one that is false."""
    latest: LruCache[str, list[int]] = LruCache(2)
    first, second = latest.get("a", list), latest.get("b", list)
    assert latest.get("a", list) is first
    latest.get("c", list)
    assert len(latest) == 2
    assert latest.get("a", list) is first
    assert latest.get("b", list) is not second


def test_what_cannot_be_made_is_not_kept() -> None:
    """The error is the caller's, and takes nothing else's place."""
    latest: LruCache[str, int] = LruCache(1)
    assert latest.get("a", lambda: 0) == 0
    with pytest.raises(ZeroDivisionError):
        latest.get("b", lambda: 1 // 0)
    assert latest.get("a", lambda: 1 // 0) == 0


def test_everything_can_be_forgotten() -> None:
    """What is asked for then is made anew."""
    latest: LruCache[str, int] = LruCache(2)
    latest.get("a", lambda: 1)
    latest.clear()
    assert len(latest) == 0
    assert latest.get("a", lambda: 2) == 2

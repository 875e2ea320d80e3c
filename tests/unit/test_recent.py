"""What was worked out of late: bounded, and the last to be asked for are the last to go."""

from __future__ import annotations

from service.caches.lru import Recent


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    """Asking counts as much as adding."""
    recent: Recent[int] = Recent(2, 100)
    recent.add(b"a", 1, 1)
    recent.add(b"b", 2, 1)
    assert recent.get(b"a") == 1
    recent.add(b"c", 3, 1)
    assert [recent.get(key) for key in (b"a", b"b", b"c")] == [1, None, 3]


def test_bytes_are_bounded() -> None:
    """What alone is too large is not kept, and costs the others nothing."""
    recent: Recent[int] = Recent(100, 10)
    recent.add(b"a", 1, 6)
    recent.add(b"b", 2, 11)
    assert recent.get(b"a") == 1
    recent.add(b"c", 3, 5)
    assert recent.get(b"a") is None
    recent.add(b"c", 4, 5)
    recent.add(b"d", 5, 5)
    assert (recent.get(b"c"), recent.get(b"d")) == (3, 5)

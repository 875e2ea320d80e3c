"""What was worked out of late: bounded, and the last to be asked for are the last to go."""

from __future__ import annotations

from service.recent import Recent


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    """Asking counts as much as adding."""
    recent: Recent[int] = Recent(2, 100)
    recent.add(b"a", 1)
    recent.add(b"b", 2)
    assert recent.get(b"a") == 1
    recent.add(b"c", 3)
    assert [recent.get(key) for key in (b"a", b"b", b"c")] == [1, None, 3]


def test_bytes_are_bounded() -> None:
    """Those of the keys; what alone is too large is not kept, and costs the others nothing."""
    recent: Recent[int] = Recent(100, 10)
    recent.add(b"a" * 6, 1)
    recent.add(b"b" * 11, 2)
    assert recent.get(b"a" * 6) == 1
    recent.add(b"c" * 5, 3)
    assert recent.get(b"a" * 6) is None
    recent.add(b"c" * 5, 4)
    recent.add(b"d" * 5, 5)
    assert (recent.get(b"c" * 5), recent.get(b"d" * 5)) == (3, 5)

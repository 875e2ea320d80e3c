"""Inspection of JSON values before parsing."""

from __future__ import annotations

from typing import Any

import pytest

from models.documents.raw_json import LARGE, is_large


@pytest.mark.parametrize(
    ("value", "large"),
    [
        ({"layers": [{"type": "Dense", "units": 1}] * 100}, False),
        ([0] * LARGE, False),
        ([0] * (LARGE + 1), True),
        ({"a": [{"b": [0] * LARGE}]}, True),
        ({str(number): 0 for number in range(LARGE + 1)}, True),
        ("x" * LARGE, False),
        ("x" * (LARGE + 1), True),
        (3, False),
        (None, False),
    ],
)
def test_large_values_are_detected_at_any_depth(value: Any, large: bool) -> None:
    """By the total size of their contents."""
    assert is_large(value) is large

"""Addresses with slashes, as Keras 2 names layers."""

from __future__ import annotations

import pytest

from models.networks.aliases import address_of_alias


@pytest.mark.parametrize(
    ("alias", "known", "found"),
    [
        ("a/b", ["a_b", "c"], "a_b"),
        ("m/a/b", ["m/a_b"], "m/a_b"),
        ("a/b", ["a_b", "a_b_1"], None),
        ("a/b/c", ["a_b/c", "a/b_c"], None),
        ("ab", ["a_b"], None),
    ],
)
def test_an_alias_is_one_address_or_none(alias: str, known: list[str], found: str | None) -> None:
    """A name that had to be numbered is not told from the one that it collided with."""
    assert address_of_alias(alias, known) == found

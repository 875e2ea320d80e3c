"""Addresses as Keras 2 writes them: names of layers with slashes, `conv1/bn` for `conv1_bn`."""

from __future__ import annotations

from collections.abc import Collection


def address_of_alias(alias: str, known: Collection[str]) -> str | None:
    """Return the known address of which this is the name with slashes in place of underscores; None if there is none,
    or several, or one that had to be numbered.
    """
    if "/" not in alias:
        return None
    plain = alias.replace("/", "_")
    found = {address for address in known if address.replace("/", "_") == plain}
    return found.pop() if len(found) == 1 and f"{plain}_1" not in known else None

"""Entries of registered models: what each name points to."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

import orjson

from models.errors import NotFound, Superseded, shown
from models.networks.network import NO_WEIGHTS

FORMS = {"name": ".+", "id": "sha256:[0-9a-f]+", "object": "[0-9a-f]+", "created": ".+", "weights": "[0-9a-f]*"}
"""The pattern of each member of a name's file; digests are parts of paths."""
REMOVED = "removed"
"""The member of a file whose name was removed, for as long as other instances may not know."""


@dataclass(frozen=True)
class Entry:
    """A name and what it points to. `created` is when the name was last written, in UTC; `weights` is the digest of
    its weights file, or NO_WEIGHTS when they follow from the seed.
    """

    name: str
    id: str
    object: str
    created: str
    weights: str = NO_WEIGHTS


def entry_bytes(entry: Entry) -> bytes:
    """Serialise the file of a name."""
    return orjson.dumps(asdict(entry))


def removed_bytes(name: str) -> bytes:
    """Serialise the file of a name that was removed from a shared store."""
    return orjson.dumps({"name": name, REMOVED: now()})


def read_entry(name: str, data: bytes) -> Entry | None:
    """Parse the file of a name; None if the name was removed.

    Raises:
        ValueError: describing what is wrong with the file.
    """
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ValueError("it is not JSON" if data.strip() else "it is empty") from None
    if not isinstance(raw, dict):
        raise ValueError("it is not an object")
    if raw.keys() == {"name", REMOVED}:
        return None
    members = {field.name for field in fields(Entry)}
    if unknown := sorted(raw.keys() - members):
        raise ValueError(f"it has {shown(unknown[0])}, which a newer version may have written")
    for member, form in FORMS.items():
        value = raw.get(member, NO_WEIGHTS if member == "weights" else None)
        if not (isinstance(value, str) and re.fullmatch(form, value)):
            raise ValueError(f"its {member} is {shown(value)}" if member in raw else f"it has no {member}")
    if raw["name"] != name:
        raise ValueError(f"it is that of the name {shown(raw['name'])}")
    return Entry(**raw)


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def check_expected(name: str, current: Entry | None, expected: Entry | None) -> None:
    """Check that a name still points to what it did when its change began; None expects nothing.

    Raises:
        NotFound, Superseded: it does not.
    """
    if expected is None or current == expected:
        return
    if current is None:
        raise NotFound(f"The model {name} has been removed meanwhile.")
    raise Superseded(f"The model {name} has been replaced meanwhile.")


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return the entry as it appears in a list of models."""
    weights = f"sha256:{entry.weights}" if entry.weights else None
    return {"name": entry.name, "id": entry.id, "created": entry.created, "weights": weights}

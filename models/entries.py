"""Names of registered models: what each points to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.errors import NotFound, Superseded
from models.network import NO_WEIGHTS


@dataclass(frozen=True)
class Entry:
    """A name and what it points to. `created` is when the name was last written, in UTC; `weights` is the digest of
    its file of weights, or NO_WEIGHTS when they follow from the seed.
    """

    name: str
    id: str
    object: str
    created: str
    weights: str = NO_WEIGHTS


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def check_expected(name: str, found: Entry | None, expected: Entry | None) -> None:
    """Whether a name still points to what a change of it began with; None expects nothing.

    Raises:
        NotFound, Superseded: it does not.
    """
    if expected is None or found == expected:
        return
    if found is None:
        raise NotFound(f"The model {name} has been removed meanwhile.")
    raise Superseded(f"The model {name} has been replaced meanwhile.")


def entry_json(entry: Entry) -> dict[str, Any]:
    """What a list of models says of one."""
    weights = f"sha256:{entry.weights}" if entry.weights else None
    return {"name": entry.name, "id": entry.id, "created": entry.created, "weights": weights}

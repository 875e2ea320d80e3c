"""The manifest of an extraction: what determines its results, by which another one at the same place is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from models.errors import shown
from service.extracting.failure import ExtractionFailed
from service.extracting.folder import Folder

MANIFEST = "_extract/manifest.json"
SHARDS = "shards"
"""The member that is there when all are done."""
MAX_DIFFERENCES = 8
Facts = dict[str, Any]


def begin(folder: Folder, facts: Facts) -> bool:
    """Write a manifest, or check the one that is there; returns whether everything is done already.

    Raises:
        ExtractionFailed: it is another's, with what differs.
    """
    data = folder.read(MANIFEST)
    if data is None:
        folder.write(MANIFEST, _text(facts))
        return False
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = {}
    is_done = found.pop(SHARDS, None) is not None
    if lines := list(differences(found, orjson.loads(_text(facts)))):
        shown_lines = "\n".join(f"  {line}" for line in lines[:MAX_DIFFERENCES])
        raise ExtractionFailed(
            f"{folder.location} has another extraction, which differs in\n{shown_lines}\n"
            "Write to another folder, or remove this one."
        )
    return is_done


def finish(folder: Folder, facts: Facts, records: list[Facts]) -> None:
    """Write the manifest with the records of all shards."""
    folder.write(MANIFEST, _text({**facts, SHARDS: records}))


def records_in(folder: Folder) -> list[Facts]:
    """Return the records of all shards, which are done."""
    records: list[Facts] = orjson.loads(folder.read(MANIFEST) or b"{}")[SHARDS]
    return records


def differences(there: Any, here: Any, name: str = "") -> Iterator[str]:
    """Yield the members that differ, a line each."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in dict.fromkeys((*there, *here)):
            yield from differences(there.get(key), here.get(key), f"{name}.{key}" if name else str(key))
    elif there != here:
        yield f"{name}: {shown(there)} there, {shown(here)} now"


def _text(facts: Facts) -> bytes:
    return orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"

"""Operations of edits: one file each, which the registry finds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from models.explaining.edits.operation import Operation


@cache
def operations() -> Mapping[str, Operation]:
    """Return every operation by name: those that the files of this folder define."""
    for info in iter_modules(__path__):
        import_module(f"{__name__}.{info.name}")
    return {kind.name: kind() for kind in sorted(Operation.__subclasses__(), key=lambda kind: kind.name)}

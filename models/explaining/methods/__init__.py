"""Methods of explanation: one file each, which the registry finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from models.explaining.methods.method import Method


@cache
def methods() -> Mapping[str, Method]:
    """Return every method by name: those that the files of this folder define."""
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    return {kind.name: kind() for module in modules for kind in _classes(module)}


def _classes(module: ModuleType) -> Iterator[type[Method]]:
    """Yield the methods that a module defines."""
    for value in vars(module).values():
        is_own = isinstance(value, type) and value.__module__ == module.__name__
        if is_own and issubclass(value, Method) and hasattr(value, "name"):
            yield value

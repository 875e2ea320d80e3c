"""The findings of diagnoses, one a file: another file is another finding."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from models.explaining.diagnosing.finding import Finding


def _declared_in(module: str) -> Finding:
    """Return the one finding that a file declares."""
    [finding] = [
        cls
        for cls in vars(import_module(module)).values()
        if isinstance(cls, type) and issubclass(cls, Finding) and cls.__module__ == module
    ]
    return finding()


FINDINGS: Mapping[str, Finding] = {
    module.name: _declared_in(f"{__name__}.{module.name}") for module in iter_modules(__path__)
}
"""Every finding by name, in alphabetical order."""

"""What the protocol keeps of models while the service runs: which are unloaded, and statistics."""

from __future__ import annotations

from collections.abc import Mapping

from models.errors import InvalidOption, NotFound, shown
from models.store.store import ModelStore
from service.registry.statistics import Statistics

VERSION = "1"
"""The one version of every model: another network is another model."""


class LoadedModels:
    """By name. Models are loaded when they are registered; one that was unloaded is so until it is loaded again, or
    its name points to another model.
    """

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._unloaded: dict[str, str] = {}
        """The ids that names had when they were unloaded."""
        self._statistics: dict[str, Statistics] = {}

    def names(self) -> list[str]:
        """Every registered name, sorted."""
        return [entry.name for entry in self._store.entries()]

    def damaged(self) -> Mapping[str, str]:
        """What is wrong with names whose files cannot be read."""
        return self._store.damaged

    def is_loaded(self, name: str) -> bool:
        """Whether inferences run on it."""
        return name not in self._unloaded or self._ids().get(name) != self._unloaded[name]

    def _ids(self) -> dict[str, str]:
        return {entry.name: entry.id for entry in self._store.entries()}

    def require_loaded(self, name: str) -> None:
        """Raises InvalidOption: it was unloaded."""
        if not self.is_loaded(name):
            message = f"the model {name} is not ready: it was unloaded"
            advice = f"POST /v2/repository/models/{name}/load"
            raise InvalidOption.at(
                "", message, expected="a model that is loaded", received="one that is not", suggestion=advice
            )

    def load(self, name: str) -> None:
        """Takes it up again."""
        self._unloaded.pop(name, None)

    def unload(self, name: str) -> None:
        """Sets it aside. Names that are no longer registered are forgotten."""
        ids = self._ids()
        kept = {one: id for one, id in self._unloaded.items() if ids.get(one) == id}
        self._unloaded = kept | ({name: ids[name]} if name in ids else {})

    def statistics(self, name: str) -> Statistics:
        """Of a model since the service started, or since its name was last forgotten."""
        if name not in self._statistics:
            registered = {*self.names(), name}
            self._statistics = {known: kept for known, kept in self._statistics.items() if known in registered}
            self._statistics[name] = Statistics()
        return self._statistics[name]


def require_version(version: str | None) -> None:
    """Raises NotFound: there is one version."""
    if version not in (None, VERSION):
        raise NotFound.at("", "the model has no such version", expected=f'"{VERSION}"', received=shown(version))

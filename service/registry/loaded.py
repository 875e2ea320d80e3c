"""Run-time state of models in the Open Inference Protocol: load state and statistics, not persisted."""

from __future__ import annotations

from collections.abc import Mapping

from models.errors import InvalidOption, NotFound, shown
from models.store.store import ModelStore
from service.registry.statistics import VERSION, Statistics


class LoadedModels:
    """Load state and statistics by name. Registration loads a model; an unloaded one stays unloaded until it is loaded
    again, or its name points to another model.
    """

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._unloaded: dict[str, str] = {}
        """By name: its id at the time of unloading."""
        self._statistics: dict[str, Statistics] = {}

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        return [entry.name for entry in self._store.entries()]

    def damaged(self) -> Mapping[str, str]:
        """Return the problem of each name whose file cannot be read."""
        return self._store.damaged

    def is_loaded(self, name: str) -> bool:
        """Whether the model accepts inferences."""
        return name not in self._unloaded or self._ids().get(name) != self._unloaded[name]

    def _ids(self) -> dict[str, str]:
        return {entry.name: entry.id for entry in self._store.entries()}

    def require_loaded(self, name: str) -> None:
        """Raise InvalidOption if the model was unloaded."""
        if not self.is_loaded(name):
            message = f"the model {name} is not ready: it was unloaded"
            advice = f"POST /v2/repository/models/{name}/load"
            raise InvalidOption.at(
                "", message, expected="a model that is loaded", received="one that is not", suggestion=advice
            )

    def load(self, name: str) -> None:
        """Load a model again."""
        self._unloaded.pop(name, None)

    def unload(self, name: str) -> None:
        """Unload a model. Names that are no longer registered are dropped."""
        ids = self._ids()
        current = {other: id for other, id in self._unloaded.items() if ids.get(other) == id}
        self._unloaded = current | ({name: ids[name]} if name in ids else {})

    def statistics(self, name: str) -> Statistics:
        """Return the statistics of a model since the service started, or since its name was last dropped."""
        if name not in self._statistics:
            registered = {*self.names(), name}
            self._statistics = {other: counts for other, counts in self._statistics.items() if other in registered}
            self._statistics[name] = Statistics()
        return self._statistics[name]


def require_version(version: str | None) -> None:
    """Raise NotFound for any other version; None stands for the only one."""
    if version not in (None, VERSION):
        raise NotFound.at("", "the model has no such version", expected=f'"{VERSION}"', received=shown(version))

"""A store with fixed models beside those that are registered: in all spaces, and never changed. A fixed model hides a
registered one of its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from models.errors import FixedModel, ModelDamaged, shown
from models.networks.architecture import Architecture
from models.networks.network import Network
from models.store.entries import Entry
from models.store.fixed import ModelFolder
from models.store.refresher import Look
from models.store.sharing import Sharing
from models.store.store import ModelStore
from models.weights.specs import WeightsFile, WeightsToStore


class StoreWithFixed(ModelStore):
    """A `ModelStore` whose fixed models are in a store of their own on this machine, for as long as this process."""

    def __init__(self, url: str, sharing: Sharing | None, folder: ModelFolder) -> None:
        super().__init__(url, sharing)
        self.folder = folder
        self._problems = {model.name: "it has not been read yet" for model in folder.found}
        self._unread = set(self._problems)

    def open(self) -> None:
        """As `ModelStore.open`."""
        super().open()
        self.fixed = ModelStore(str(Path(self.scratch.path) / "fixed"))
        self.fixed.open()

    def close(self) -> None:
        """As `ModelStore.close`."""
        self.fixed.close()
        super().close()

    @property
    def is_read(self) -> bool:
        """Whether every fixed model was read, or has a problem."""
        return not self._unread

    def settle(self, name: str, problem: str) -> None:
        """Note that a fixed model was read, or what is wrong with it; empty: nothing."""
        self._unread.discard(name)
        if problem:
            self._problems[name] = problem
        else:
            del self._problems[name]

    def _is_fixed(self, name: str) -> bool:
        return name in self._problems or self.fixed.knows(name)

    def require_changeable(self, reference: str) -> None:
        """As `ModelStore.require_changeable`."""
        is_registered_id = reference.startswith("sha256:") and super().knows(reference)
        if self._is_fixed(reference) and not is_registered_id:
            message = f"the model {shown(reference)} is fixed: it is a file that whoever runs the service has given it"
            advice = "register a model under another name"
            raise FixedModel.at("", message, "a name that is not fixed", shown(reference), advice)

    def knows(self, reference: str) -> bool:
        """As `ModelStore.knows`."""
        return self._is_fixed(reference) or super().knows(reference)

    def look_for(self, reference: str) -> Look | None:
        """As `ModelStore.look_for`."""
        return None if self._is_fixed(reference) else super().look_for(reference)

    def entries(self) -> list[Entry]:
        """As `ModelStore.entries`."""
        fixed = self.fixed.entries()
        registered = (entry for entry in super().entries() if not self._is_fixed(entry.name))
        return sorted([*fixed, *registered], key=lambda entry: entry.name)

    def model_count(self) -> int:
        """As `ModelStore.model_count`."""
        return super().model_count() + self.fixed.model_count()

    @property
    def damaged(self) -> Mapping[str, str]:
        """As `ModelStore.damaged`."""
        registered = {name: text for name, text in super().damaged.items() if not self._is_fixed(name)}
        return dict(sorted({**registered, **self._problems}.items()))

    def find(self, reference: str) -> Entry:
        """As `ModelStore.find`."""
        if reference in self._problems:
            message = f"the model {shown(reference)} cannot be used: {self._problems[reference]}"
            advice = "correct its file, and start the service again"
            raise ModelDamaged.at("", message, "a file that can be read", "one that cannot", advice)
        is_fixed = self.fixed.knows(reference) or not super().entries()  # whose names an error then lists
        return self.fixed.find(reference) if is_fixed else super().find(reference)

    @contextmanager
    def using(self, reference: str) -> Iterator[Entry]:
        """As `ModelStore.using`."""
        self.find(reference)
        using = self.fixed.using if self.fixed.knows(reference) else super().using
        with using(reference) as entry:
            yield entry

    def architecture(self, entry: Entry) -> Architecture:
        """As `ModelStore.architecture`."""
        return self.fixed.architecture(entry) if self.fixed.has(entry) else super().architecture(entry)

    def cached(self, entry: Entry) -> tuple[Architecture, WeightsFile | None] | None:
        """As `ModelStore.cached`."""
        return self.fixed.cached(entry) if self.fixed.has(entry) else super().cached(entry)

    def local_weights(self, entry: Entry) -> WeightsFile | None:
        """As `ModelStore.local_weights`."""
        return self.fixed.local_weights(entry) if self.fixed.has(entry) else super().local_weights(entry)

    def put(self, name: str, network: Network, weights: WeightsToStore | None = None,
            expected: Entry | None = None) -> tuple[Entry, bool]:  # fmt: skip
        """As `ModelStore.put`.

        Raises:
            FixedModel: the name is that of a fixed model.
        """
        self.require_changeable(name)
        return super().put(name, network, weights, expected)

    def delete(self, reference: str) -> None:
        """As `ModelStore.delete`.

        Raises:
            FixedModel: the name is that of a fixed model, or the id that of one alone.
        """
        self.require_changeable(reference)
        super().delete(reference)

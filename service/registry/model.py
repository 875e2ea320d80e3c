"""Models to run: registered, or sent with the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from models.documents.document import Document
from models.documents.notes import Note
from models.errors import InvalidDocument, LayerscopeError
from models.networks.architecture import Architecture
from models.store.store import ModelStore
from models.weights.specs import WeightsFile
from service.registry.resolver import ResolvedModel
from service.requests.misplaced import RUN_NAMED, refuse_name


@dataclass(frozen=True)
class Model:
    """An architecture to run, with its name and id if it is registered."""

    architecture: Architecture
    name: str | None
    id: str | None = None
    pointer: str = ""
    """The JSON pointer to the document in the request."""
    weights: WeightsFile | None = None
    """None if they are drawn from the seed."""
    weights_to_fetch: str | None = None
    """The name of its weights file, if that is yet to be fetched."""

    @property
    def document(self) -> Document:
        """Its document."""
        return self.architecture.document

    @property
    def registered_name(self) -> str | None:
        """The name under which it is registered; None for a model of the request."""
        return None if self.id is None else self.name

    @property
    def notes(self) -> list[Note]:
        """What in the document of a request was read as something else than it says, with pointers into the request."""
        return [] if self.id is not None else [note.under(self.pointer) for note in self.document.source_map.notes]

    def remap(self, error: InvalidDocument) -> LayerscopeError:
        """Return an error of the document with pointers into the request."""
        return self.document.source_map.remap(error).under(self.pointer)


async def inline_model(
    store: ModelStore,
    raw: Any,
    read: Callable[[Any], Awaitable[ResolvedModel]],
    advice: str = RUN_NAMED,
    pointer: str = "/model",
) -> Model:
    """Resolve the request's key `model`, at `pointer`, with `read`, a method of `ModelResolver`; `advice` is for
    requests that have the name of a registered model there.
    """
    if raw is None:
        raise InvalidDocument.at(
            pointer,
            "there is no model",
            expected="a model document",
            received="nothing",
            suggestion="see GET /v1/layers for what it may hold",
        )
    refuse_name(store, raw, advice)
    try:
        resolved = await read(raw)
    except LayerscopeError as error:
        raise error.under(pointer) from None
    architecture = resolved.architecture
    return Model(
        architecture, architecture.document.name, pointer=pointer,
        weights=resolved.weights, weights_to_fetch=resolved.weights_to_fetch,
    )  # fmt: skip

"""A model to run: registered, or come with the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from models.documents.document import Document
from models.errors import InvalidDocument, LayerscopeError, Problem
from models.store.store import ModelStore
from models.weights.specs import WeightsFile
from service.registry.resolver import ResolvedModel
from service.requests.misplaced import RUN_NAMED, refuse_name


@dataclass(frozen=True)
class Model:
    """A document to run, with the name and id it is known by, if it is registered."""

    document: Document
    name: str | None
    id: str | None = None
    pointer: str = ""
    """Where the document stands in the request."""
    weights: WeightsFile | None = None
    """None for those that follow from the seed."""
    missing: str | None = None
    """The file that has its weights, where that is still to be fetched."""

    def remap(self, error: InvalidDocument) -> LayerscopeError:
        """An error of the document, with pointers into what was sent."""
        return self.document.source_map.remap(error).under(self.pointer)


async def inline_model(
    store: ModelStore, raw: Any, read: Callable[[Any], Awaitable[ResolvedModel]], advice: str = RUN_NAMED
) -> Model:
    """The model that came with the request, under its key `model`, as `read` of `Applications` has it; `advice` is for
    the name of a registered one in its place.
    """
    if raw is None:
        problem = Problem(
            "/model", "there is no model", "a model document", "nothing", "see GET /v1/layers for what it may hold"
        )
        raise InvalidDocument("", [problem])
    refuse_name(store, raw, advice)
    try:
        described = await read(raw)
    except LayerscopeError as error:
        raise error.under("/model") from None
    document = described.document
    return Model(document, document.name, pointer="/model", weights=described.weights, missing=described.missing)

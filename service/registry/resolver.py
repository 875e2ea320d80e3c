"""Documents as clients send them, networks of keras.applications among them: each is constructed once, by an engine."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool

from models.documents.document import KEPT_INPUTS, Document
from models.documents.raw_json import is_large
from models.documents.source_map import SourceMap
from models.errors import InvalidDocument
from models.networks.expansion import expand
from models.reading.applications import Application, graph_arguments, parse_model
from models.reading.parse import parse_document
from models.weights.specs import WeightsFile
from service.caches.lru import Recent
from service.caches.single_flight import SingleFlight
from service.engines.client import Engines
from service.engines.requests import construct_request
from service.registry.pretrained import Pretrained

KEPT = 32
"""Constructed networks kept in memory."""
KEPT_DOCUMENTS = 512
KEPT_BYTES = 64 * 1024 * 1024
"""Of documents that came of late, which are not read again, and of the networks that are kept with them."""


NODE_BYTES = 2000
"""Of one call of a layer: measured at 800 in the network, and as much in the document."""
SENT = ("/input", "/weights")
"""What of a network that is named may be at fault by itself."""


class OfApplication(SourceMap):
    """For a document that a name stands for: most of it follows from the name."""

    def of(self, pointer: str) -> str:
        """What was sent, or the document as a whole."""
        return next((field for field in SENT if f"{pointer}/".startswith(f"{field}/")), "")


@dataclass(frozen=True)
class ResolvedModel:
    """What a client described: a document and, where a network comes with some, its weights."""

    document: Document
    weights: WeightsFile | None = None
    missing: str | None = None
    """The file that has its weights, where that is still to be fetched."""


def document_bytes(model: Document | Application) -> int:
    """What a document takes in memory with the networks that are kept with it, about; an application is small.

    Raises:
        InvalidDocument: as `expand`.
    """
    return NODE_BYTES * (1 + KEPT_INPUTS) * len(expand(model).nodes) if isinstance(model, Document) else NODE_BYTES


class Applications:
    """Networks of keras.applications. Whoever asks for one that is being made waits for the same one."""

    def __init__(self, engines: Engines, pretrained: Pretrained) -> None:
        self._engines, self._pretrained = engines, pretrained
        self._graphs: SingleFlight[bytes, ResolvedModel] = SingleFlight(KEPT)
        self._fetches: SingleFlight[bytes, WeightsFile] = SingleFlight(0)
        self._read: Recent[Document | Application] = Recent(KEPT_DOCUMENTS, KEPT_BYTES)
        self._named: Recent[Document] = Recent(KEPT, KEPT_BYTES)

    async def close(self) -> None:
        """Ends what is being made."""
        await self._graphs.close()
        await self._fetches.close()

    async def read(self, raw: Any) -> ResolvedModel:
        """What `raw`, parsed JSON, describes in any of its forms.

        Raises:
            InvalidDocument: listing every problem with its pointer into `raw`.
            WeightsUnavailable: those of ImageNet cannot be had.
        """
        return await self.described(await self.model_of(raw))

    async def read_graph(self, raw: Any) -> ResolvedModel:
        """The same, and nothing is fetched.

        Raises:
            InvalidDocument: listing every problem with its pointer into `raw`.
        """
        return await self.graph(await self.model_of(raw))

    async def model_of(self, raw: Any) -> Document | Application:
        """`parse_model`, on a thread where it takes a while, and once for what comes again.

        Raises:
            InvalidDocument: listing every problem with its pointer into `raw`.
        """
        return await run_in_threadpool(self._known, raw) if is_large(raw) else self._known(raw)

    def _known(self, raw: Any) -> Document | Application:
        try:
            text = orjson.dumps(raw)
        except TypeError:
            return parse_model(raw)  # it nests too deeply to be written, and is refused in our words
        found = self._read.get(text)
        if found is None:
            found = parse_model(raw)
            with suppress(InvalidDocument):  # a graph that makes no sense is refused later, with its place
                self._read.add(text, found, len(text) + document_bytes(found))
        return found

    async def described(self, model: Document | Application) -> ResolvedModel:
        """The document itself, or the one that a name stands for.

        Raises:
            InvalidDocument: what Keras' constructor refuses.
            WeightsUnavailable: those of ImageNet cannot be had.
        """
        found = await self.graph(model)
        if isinstance(model, Document) or found.missing is None:
            return found
        arguments, file = graph_arguments(model), found.missing
        weights = await self._fetches.get(arguments, lambda: self._pretrained.get(arguments, file))
        return replace(found, weights=weights, missing=None)

    async def graph(self, model: Document | Application) -> ResolvedModel:
        """The same, with weights of ImageNet only if they are on this machine.

        Raises:
            InvalidDocument: what Keras' constructor refuses.
        """
        if isinstance(model, Document):
            return ResolvedModel(model)
        arguments = graph_arguments(model)
        found = await self._graphs.get(arguments, lambda: self._constructed(arguments))
        weights = await self._pretrained.kept(arguments) if found.missing is not None else None
        missing = found.missing if weights is None else None
        return ResolvedModel(self._labelled(found.document, model, arguments), weights, missing)

    def _labelled(self, document: Document, model: Application, arguments: bytes) -> Document:
        """The document of a network under the name and with the seed that a client gave it."""
        label = model.name if model.name is not None else document.name
        key = orjson.dumps((label, model.seed)) + arguments
        found = self._named.get(key)
        if found is None:
            found = document.model_copy(update={"name": label, "seed": model.seed}).with_source_map(OfApplication())
            self._named.add(key, found, document_bytes(found))
        return found

    async def _constructed(self, arguments: bytes) -> ResolvedModel:
        pending = await self._engines.submit(construct_request(arguments))
        head = await pending.header
        return ResolvedModel(parse_document(orjson.loads(head.document)), missing=head.file)

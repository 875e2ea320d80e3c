"""Resolver of models: documents, and networks of keras.applications, each of which an engine constructs once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool

from models.documents.document import Document
from models.documents.raw_json import is_large
from models.documents.source_map import SourceMap
from models.errors import InvalidDocument
from models.lru_cache import LruCache
from models.networks.architecture import NODE_BYTES, Architecture
from models.reading.application_arguments import Application
from models.reading.applications import graph_arguments, parse_model
from models.reading.parse import parse_document
from models.weights.specs import WeightsFile
from service.engines.client import Engines
from service.engines.request_builders import construct_request
from service.registry.pretrained import Pretrained
from service.registry.single_flight import SingleFlight

MAX_CACHED_NETWORKS = 32
"""Bound of the cache of constructed networks."""
MAX_CACHED_DOCUMENTS, MAX_CACHED_BYTES = 512, 64 * 1024 * 1024
"""Bounds of the cache of parsed documents."""
REQUEST_FIELDS = ("/input", "/weights", "/labels")
"""Fields of a request for an application to which problems of the constructed document may point."""


class ApplicationSourceMap(SourceMap):
    """Source map of a constructed document, most of which the request does not contain."""

    def of(self, pointer: str) -> str:
        """Return the pointer to a field of the request, else to the request's whole model."""
        return next((field for field in REQUEST_FIELDS if f"{pointer}/".startswith(f"{field}/")), "")


@dataclass(frozen=True)
class ResolvedModel:
    """An architecture, and its ImageNet weights if it has some."""

    architecture: Architecture
    weights: WeightsFile | None = None
    weights_to_fetch: str | None = None
    """The name of its weights file, if that is yet to be fetched."""


class ModelResolver:
    """Resolver of documents and networks of keras.applications; concurrent requests for one share a construction."""

    def __init__(self, engines: Engines, pretrained: Pretrained) -> None:
        self._engines, self._pretrained = engines, pretrained
        self._constructions: SingleFlight[bytes, ResolvedModel] = SingleFlight(MAX_CACHED_NETWORKS)
        self._fetches: SingleFlight[bytes, WeightsFile] = SingleFlight(0)
        self._models: LruCache[bytes, Architecture | Application] = LruCache(MAX_CACHED_DOCUMENTS, MAX_CACHED_BYTES)
        self._architectures: LruCache[bytes, Architecture] = LruCache(MAX_CACHED_NETWORKS, MAX_CACHED_BYTES)

    async def close(self) -> None:
        """Cancel constructions and downloads."""
        await self._constructions.close()
        await self._fetches.close()

    async def read(self, raw: Any) -> ResolvedModel:
        """Resolve `raw`, parsed JSON in any form of a model.

        Raises:
            InvalidDocument: listing every problem with its pointer into `raw`.
            WeightsUnavailable: ImageNet weights cannot be fetched.
        """
        return await self.resolve(await self.parse(raw))

    async def read_without_fetch(self, raw: Any) -> ResolvedModel:
        """Resolve `raw` without fetching weights.

        Raises:
            InvalidDocument: listing every problem with its pointer into `raw`.
        """
        return await self.resolve_without_fetch(await self.parse(raw))

    async def parse(self, raw: Any) -> Architecture | Application:
        """Parse a model, on a thread if it is large, or return it from the cache.

        Raises:
            InvalidDocument: listing every problem with its pointer into `raw`.
        """
        return await run_in_threadpool(self._parse, raw) if is_large(raw) else self._parse(raw)

    def _parse(self, raw: Any) -> Architecture | Application:
        try:
            text = orjson.dumps(raw)
        except TypeError:
            return _architecture(parse_model(raw))  # nested too deeply for orjson: the parser raises a clear error
        model = self._models.get(text)
        if model is None:
            model = _architecture(parse_model(raw))
            with suppress(InvalidDocument):  # an invalid graph is rejected later, with its pointer
                self._models.add(text, model, len(text) + _nbytes(model))
        return model

    async def resolve(self, model: Architecture | Application) -> ResolvedModel:
        """Resolve a parsed model, and fetch its weights.

        Raises:
            InvalidDocument: Keras' constructor rejects the arguments.
            WeightsUnavailable: ImageNet weights cannot be fetched.
        """
        resolved = await self.resolve_without_fetch(model)
        if isinstance(model, Architecture) or resolved.weights_to_fetch is None:
            return resolved
        arguments, file = graph_arguments(model), resolved.weights_to_fetch
        weights = await self._fetches.get(arguments, lambda: self._pretrained.get(arguments, file))
        return replace(resolved, weights=weights, weights_to_fetch=None)

    async def resolve_without_fetch(self, model: Architecture | Application) -> ResolvedModel:
        """Resolve a parsed model without fetching; ImageNet weights only if they are on this machine.

        Raises:
            InvalidDocument: Keras' constructor rejects the arguments.
        """
        if isinstance(model, Architecture):
            return ResolvedModel(model)
        arguments = graph_arguments(model)
        constructed = await self._constructions.get(arguments, lambda: self._construct(arguments))
        file = constructed.weights_to_fetch
        weights = await self._pretrained.cached(arguments) if file is not None else None
        architecture = self._with_label(constructed.architecture.document, model, arguments)
        return ResolvedModel(architecture, weights, file if weights is None else None)

    def _with_label(self, document: Document, model: Application, arguments: bytes) -> Architecture:
        """Return the architecture of a constructed document with the name, seed and labels of the request."""
        label = model.name if model.name is not None else document.name
        key = orjson.dumps((label, model.seed, model.labels)) + arguments
        architecture = self._architectures.get(key)
        if architecture is None:
            copy = document.model_copy(update={"name": label, "seed": model.seed, "labels": model.labels})
            architecture = Architecture(copy.with_source_map(ApplicationSourceMap()))
            self._architectures.add(key, architecture, architecture.nbytes)
        return architecture

    async def _construct(self, arguments: bytes) -> ResolvedModel:
        pending = await self._engines.submit(construct_request(arguments))
        header = await pending.header
        document = parse_document(orjson.loads(header.document))
        return ResolvedModel(Architecture(document), weights_to_fetch=header.file)


def _architecture(model: Document | Application) -> Architecture | Application:
    return Architecture(model) if isinstance(model, Document) else model


def _nbytes(model: Architecture | Application) -> int:
    """Return the approximate memory of a model; an application is small.

    Raises:
        InvalidDocument: as `expand`.
    """
    return model.nbytes if isinstance(model, Architecture) else NODE_BYTES

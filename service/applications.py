"""Documents as clients send them, networks of keras.applications among them: each is constructed once, by an engine."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import orjson

from models.applications import Application, graph_arguments, parse_model
from models.document import Document, parse_document
from models.engine.messages import Constructed
from models.places import Places
from models.weights.specs import WeightsFile
from service.engines import Engines
from service.jobs import construct_question
from service.pretrained import Pretrained

KEPT = 32
"""Constructed networks kept in memory."""


SENT = ("/input", "/weights")
"""What of a network that is named may be at fault by itself."""


class OfApplication(Places):
    """For a document that a name stands for: most of it follows from the name."""

    def of(self, pointer: str) -> str:
        """What was sent, or the document as a whole."""
        return next((field for field in SENT if f"{pointer}/".startswith(f"{field}/")), "")


@dataclass(frozen=True)
class Described:
    """What a client described: a document and, where a network comes with some, its weights."""

    document: Document
    weights: WeightsFile | None = None


class Applications:
    """Networks of keras.applications. Whoever asks for one that is being made waits for the same one."""

    def __init__(self, engines: Engines, pretrained: Pretrained) -> None:
        self._engines, self._pretrained = engines, pretrained
        self._known: OrderedDict[bytes, asyncio.Task[Described]] = OrderedDict()

    async def close(self) -> None:
        """Ends what is being made."""
        making = [*self._known.values()]
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)

    async def read(self, raw: Any) -> Described:
        """What `raw`, parsed JSON, describes in any of its forms.

        Raises:
            InvalidDocument: listing every problem with its pointer into `raw`.
            WeightsUnavailable: those of ImageNet cannot be had.
        """
        return await self.described(parse_model(raw))

    async def described(self, model: Document | Application) -> Described:
        """The document itself, or the one that a name stands for.

        Raises:
            InvalidDocument: what Keras' constructor refuses.
            WeightsUnavailable: those of ImageNet cannot be had.
        """
        if isinstance(model, Document):
            return Described(model)
        found = await self._found(model)
        label = model.name if model.name is not None else found.document.name
        document = found.document.model_copy(update={"name": label, "seed": model.seed})
        return replace(found, document=document.standing_at(OfApplication()))

    async def _found(self, model: Application) -> Described:
        arguments = graph_arguments(model)
        if arguments not in self._known:
            making = self._constructed(arguments) if model.weights is None else self._fetched(arguments)
            task = asyncio.get_running_loop().create_task(making)
            task.add_done_callback(lambda done: self._forget_failed(arguments, done))
            self._known[arguments] = task
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(arguments)
        return await asyncio.shield(self._known[arguments])

    async def _constructed(self, arguments: bytes) -> Described:
        answer = await self._engines.ask(construct_question(arguments))
        head = await answer.head
        assert isinstance(head, Constructed)  # noqa: S101 (what was asked for)
        return Described(parse_document(orjson.loads(head.document)))

    async def _fetched(self, arguments: bytes) -> Described:
        document, weights = await self._pretrained.get(arguments)
        return Described(parse_document(orjson.loads(document)), weights)

    def _forget_failed(self, arguments: bytes, done: asyncio.Task[Described]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._known.get(arguments) is done:
            del self._known[arguments]

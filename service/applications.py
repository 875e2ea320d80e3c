"""Documents as clients send them, networks of keras.applications among them: each is constructed once, by an engine."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import orjson

from models.applications import Application, graph_arguments, parse_model
from models.document import Document, parse_document
from models.engine.messages import Constructed
from models.places import Places
from service.engines import Engines
from service.jobs import construct_question

KEPT = 32
"""Constructed networks kept in memory."""


class OfApplication(Places):
    """For a document that a name stands for: the input was sent, and all else follows from the name."""

    def of(self, pointer: str) -> str:
        """The input, or the document as a whole."""
        return "/input" if pointer.startswith("/input/") or pointer == "/input" else ""


class Applications:
    """Networks of keras.applications. Whoever asks for one that is being constructed waits for the same one."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._known: OrderedDict[bytes, asyncio.Task[Document]] = OrderedDict()

    async def read(self, raw: Any) -> Document:
        """The document that `raw`, parsed JSON, describes, in any of its forms.

        Raises:
            InvalidDocument: listing every problem with its pointer into `raw`.
        """
        return await self.document(parse_model(raw))

    async def document(self, model: Document | Application) -> Document:
        """The document itself, or the one that a name stands for.

        Raises:
            InvalidDocument: what Keras' constructor refuses.
        """
        if isinstance(model, Document):
            return model
        document = await self._document(graph_arguments(model))
        label = model.name if model.name is not None else document.name
        return document.model_copy(update={"name": label, "seed": model.seed}).standing_at(OfApplication())

    async def _document(self, arguments: bytes) -> Document:
        if arguments not in self._known:
            task = asyncio.get_running_loop().create_task(self._constructed(arguments))
            task.add_done_callback(lambda done: self._forget_failed(arguments, done))
            self._known[arguments] = task
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(arguments)
        return await asyncio.shield(self._known[arguments])

    async def _constructed(self, arguments: bytes) -> Document:
        answer = await self._engines.ask(construct_question(arguments))
        head = await answer.head
        assert isinstance(head, Constructed)  # noqa: S101 (what was asked for)
        return parse_document(orjson.loads(head.document))

    def _forget_failed(self, arguments: bytes, done: asyncio.Task[Document]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._known.get(arguments) is done:
            del self._known[arguments]

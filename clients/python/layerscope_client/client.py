"""The clients of a service: AsyncLayerscope, and Layerscope, which waits for what that one does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import wraps
from typing import Any

import httpx

from layerscope_client.calls import Call
from layerscope_client.errors import InvalidDocument, OnlyCode
from layerscope_client.extracting import Job, extraction
from layerscope_client.features import Features
from layerscope_client.models import MODELS, AsyncModel, Model, path_of
from layerscope_client.replies import Record
from layerscope_client.sending import AsyncWire, Sender, Wire
from layerscope_client.uploads import NoteWarning, call_of, is_of_keras, model_parts, traced
from layerscope_client.waiting import P, Verb, same, waiting

URL, TIMEOUT = "http://127.0.0.1:8000", 300.0
"""Where `layerscope serve` listens, and the seconds to wait for a reply."""


def in_tasks(verb: Verb[P, Job]) -> Verb[P, Features]:
    """Return a verb that does its job in tasks."""

    @wraps(verb)
    async def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Features:
        return await (await verb(self, *args, **kwargs)).in_tasks()

    return method


class AsyncLayerscope:
    """A service: `ls["mine"]` is a model, and `await ls["mine"].activations(…)` runs it.

    `client` is an AsyncClient of httpx or httpx2 to send requests with, which is not closed here.
    """

    def __init__(self, url: str = URL, key: str | None = None, timeout: float = TIMEOUT, *, client: Any = None) -> None:
        wire = client if isinstance(client, Wire) else AsyncWire(client or httpx.AsyncClient(), is_own=client is None)
        self.sender = Sender(wire, url, key, timeout)

    async def put(
        self, name: str, model: Any, *, weights: Any = None, labels: Any = None, inputs: Any = None,
        check: bool | None = None,
    ) -> AsyncModel:  # fmt: skip
        """Register a model under a name, or replace it: a Keras model with its weights, a path, a document, or the name
        of one of keras.applications. `weights` are a path, or arrays in Keras' order or by name.

        A Keras model that is more than its `to_json()` is traced: its code runs here, and is not sent. `inputs` are
        shapes without the batch, `keras.Input`s or arrays, for a model that does not know its own; with them it is
        always traced. With `check` the model is then run on random numbers here and there, and compared: by default
        where it was traced. In an event loop both block it.

        Warns of what is read as something else than it says (NoteWarning), and computes something else
        (keras.DifferenceWarning). Raises Refused, OSError for a path, or keras.Untraceable with the layer and line.
        """
        if check and not is_of_keras(model):
            raise TypeError("leave check out: only a model of Keras 3 can be compared with what is served")
        is_traced = False
        try:
            await self._register(name, model, weights, labels, inputs)
        except (OnlyCode, InvalidDocument):
            if not is_of_keras(model):
                raise
            is_traced = True
            await self._register(name, *traced(model, weights, inputs), labels)
        if is_traced if check is None else check:
            from layerscope_client.keras import warn_of_differences

            await warn_of_differences(self[name], model, inputs)
        return self[name]

    async def _register(self, name: str, model: Any, weights: Any, labels: Any, inputs: Any = None) -> None:
        with model_parts(model, weights, labels, inputs) as parts:
            reply = await self.sender.ask(call_of(path_of(name), parts))
        for note in reply.json().get("notes", []):
            warnings.warn(f"{note['pointer']}: {note['message']}", NoteWarning, stacklevel=1)

    async def models(self) -> list[Record]:
        """Return what is registered: `name`, `id`, `created` and `weights` of each."""
        reply = await self.sender.ask(Call("GET", MODELS))
        return [Record(row) for row in reply.json()["models"]]

    async def delete(self, name: str) -> None:
        """Remove a name. Raises NotFound if there is none."""
        await self.sender.ask(Call("DELETE", path_of(name)))

    extract = in_tasks(extraction)

    async def close(self) -> None:
        """Close the connections, unless they are those of a `client`."""
        if self.sender.wire.is_own:
            await self.sender.wire.close(self.sender.wire.client)

    def __getitem__(self, name: str) -> AsyncModel:
        return AsyncModel(self.sender, name)

    async def __aenter__(self) -> AsyncLayerscope:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Layerscope:
    """A service: `ls["mine"]` is a model, `del ls["mine"]` removes it, and a loop yields the names of all.

    `client` is a Client of httpx or httpx2 to send requests with, which is not closed here.
    """

    def __init__(self, url: str = URL, key: str | None = None, timeout: float = TIMEOUT, *, client: Any = None) -> None:
        wire = Wire(client or httpx.Client(), is_own=client is None)
        self.core = AsyncLayerscope(url, key, timeout, client=wire)

    put = waiting(AsyncLayerscope.put, Model)
    models = waiting(AsyncLayerscope.models, same)
    delete = waiting(AsyncLayerscope.delete, same)
    extract = waiting(extraction, Job.in_threads)
    close = waiting(AsyncLayerscope.close, same)

    def __getitem__(self, name: str) -> Model:
        return Model(self.core[name])

    def __delitem__(self, name: str) -> None:
        self.delete(name)

    def __iter__(self) -> Iterator[str]:
        return iter([model["name"] for model in self.models()])

    def __enter__(self) -> Layerscope:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

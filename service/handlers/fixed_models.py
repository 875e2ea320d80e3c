"""Reading of fixed models at the start, once an engine is ready: each as if it were uploaded."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from models.errors import LayerscopeError, Unavailable
from models.store.fixed import FoundModel, ModelFolder
from models.store.with_fixed import StoreWithFixed
from service.handlers.registration import register_upload
from service.requests.upload import Upload
from service.state import State

log = logging.getLogger("layerscope.store")

TRIES = 5
"""Of what may succeed later: an engine that dies is replaced."""
POLL_SECONDS = 0.05


async def read_fixed_models(state: State) -> None:
    """Read the models of LAYERSCOPE_MODELS, if there are; what is wrong with one is logged and listed."""
    store = state.store
    if not isinstance(store, StoreWithFixed):
        return
    own = replace(state, store=store.fixed)
    for model in store.folder.found:
        problem = model.problem or await _problem_of(own, store.folder, model)
        if problem:
            log.warning("the fixed model %s is passed over: %s", model.name, problem)
        store.settle(model.name, problem)


async def _problem_of(state: State, folder: ModelFolder, model: FoundModel) -> str:
    """Read a model, and return what is wrong with it; empty: nothing."""
    for attempt in range(1, TRIES + 1):
        while not any(engine.ready for engine in state.engines.states()):  # noqa: ASYNC110 (of a pool of processes)
            await asyncio.sleep(POLL_SECONDS)
        try:
            await _register(state, folder, model)
        except LayerscopeError as error:
            if isinstance(error, Unavailable) and attempt < TRIES:
                await asyncio.sleep(error.seconds)
                continue
            return _text(error)
        except OSError as error:
            return f"its file cannot be read: {error.strerror or type(error).__name__}"
        except Exception:  # a defect in one reader takes no other model away
            log.exception("the fixed model %s cannot be read", model.name)
            return "its file cannot be read; the log has the details"
        return ""
    return ""


async def _register(state: State, folder: ModelFolder, model: FoundModel) -> None:
    async with AsyncExitStack() as stack:

        async def fetched(path: str) -> Path:
            scratch = str(state.store.scratch.path)
            return await run_in_threadpool(stack.enter_context, folder.local(path, scratch))

        document = weights = None
        if model.document is not None:
            document = await run_in_threadpool((await fetched(model.document)).read_bytes)
        if model.weights is not None:
            weights = await fetched(model.weights)
        place = weights.parent if weights is not None else state.store.scratch.path
        await register_upload(state, model.name, Upload(place, weights, document), "")


def _text(error: LayerscopeError) -> str:
    """Return an error in a line, with the place of its first problem."""
    if not error.problems:
        return error.detail or error.title
    first = error.problems[0]
    place = f"{first.pointer}: " if first.pointer else ""
    return f"{place}{first.message}; expected {first.expected}; received {first.received}"

"""The model of an extraction: found or registered by the code of the service, and planned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool

from models.documents.document import canonical
from models.documents.raw_json import read_json
from models.errors import LayerscopeError
from models.networks.architecture import Architecture
from models.reading.application_arguments import APPLICATIONS
from models.store.opening import open_store
from models.store.storage import link_or_copy
from models.store.store import ModelStore
from models.views.view import View
from models.weights.saved_model.packing import packed
from models.weights.specs import WeightsFile
from service.access.quotas import Quotas
from service.app import new_state
from service.edge.drain import DrainState
from service.engines.pool import EnginePool
from service.engines.request_builders import ModelSource, source_of
from service.extracting.asked import Asked, as_options
from service.extracting.failure import ExtractionFailed, WrongOption, text_of
from service.handlers.planning import plan_of, require_inputs
from service.handlers.registration import register, register_upload
from service.registry.checkout import checkout
from service.registry.pretrained import Pretrained
from service.registry.resolver import ModelResolver
from service.requests.selection import selection_of
from service.requests.upload import Upload
from service.settings import Settings
from service.state import State

NAME = "extracted"
"""The name in a store of the command's own."""
NO_WEIGHTS, IMAGENET = "none", "imagenet"


@dataclass(frozen=True)
class PlannedModel:
    """A model, the tensors asked for, their views, and the plan of a run of one input."""

    architecture: Architecture
    source: ModelSource
    document: bytes
    outputs: tuple[str, ...]
    views: dict[str, View]
    plan: dict[str, Any]
    versions: dict[str, str]


async def planned_model(asked: Asked, settings: Settings, folder: Path, program: str) -> PlannedModel:
    """Return the model, planned by an engine of its own; files that it needs are kept in `folder`.

    Raises:
        ExtractionFailed: with what is wrong, and what to write instead.
    """
    try:
        async with _state(asked, settings, folder, program) as state, _model(state, asked) as (architecture, weights):
            network = architecture.network
            require_inputs(network)
            outputs, views = await selection_of(network, asked.options.layers, asked.options.views())
            plan = await plan_of(state.engines, network, 1, list(outputs), asked.options.views())
            kept = weights and WeightsFile(str(link_or_copy(Path(weights.path), folder / "weights")), weights.digest)
            versions = dict(state.engines.states()[0].versions or {})
            document = orjson.dumps(canonical(architecture.document))
            return PlannedModel(architecture, source_of(network, kept), document, outputs, views, plan, versions)
    except LayerscopeError as error:
        raise ExtractionFailed(as_options(text_of(error))) from None
    except OSError as error:
        raise ExtractionFailed(str(error)) from None


@asynccontextmanager
async def _state(asked: Asked, settings: Settings, folder: Path, program: str) -> AsyncIterator[State]:
    """Run one engine, on the store that has the model or is to have it."""
    own = settings.model_copy(update={"engines": 1, "spare_engines": 0, "queue_seconds": 3600.0})
    store = open_store((asked.store or settings.data_dir) if _is_name(asked) else str(folder / "store"))
    engines = EnginePool(own, program)
    cached = ModelStore(settings.data_dir)  # weights of ImageNet are kept there
    state = new_state(own, engines, store, DrainState(), Quotas())
    state = replace(state, resolver=ModelResolver(engines, Pretrained(own, cached)))
    await engines.start()
    try:
        yield state
    finally:
        await state.resolver.close()
        await engines.stop()
        cached.close()
        store.close()


def _file_of(asked: Asked) -> Path | None:
    """Return the file of the model; None if it is none."""
    if asked.store is not None or asked.model.startswith("{"):
        return None
    path = Path(asked.model)
    return path if path.exists() else None


def _is_name(asked: Asked) -> bool:
    """Whether it is the name of a model in a store."""
    is_text = asked.model.startswith("{") or asked.model in APPLICATIONS
    return asked.store is not None or not (is_text or _file_of(asked))


@asynccontextmanager
async def _model(state: State, asked: Asked) -> AsyncIterator[tuple[Architecture, WeightsFile | None]]:
    """Yield the architecture and the weights of a registered model, or of one that is registered for this command."""
    if not _is_name(asked):
        await _register(state, asked)
    elif asked.weights is not None:
        raise WrongOption("--weights: a registered model has its own; leave it out")
    async with checkout(state.store, asked.model if _is_name(asked) else NAME) as found:
        yield found.model.architecture, found.model.weights


async def _register(state: State, asked: Asked) -> None:
    """Register the model under NAME."""
    file, scratch = _file_of(asked), state.store.scratch.path
    weights = None if asked.weights in (None, NO_WEIGHTS, IMAGENET) else Path(str(asked.weights))
    if weights is not None and not await run_in_threadpool(weights.is_file):
        raise WrongOption(f"--weights: {asked.weights} is not there")
    if file is None or file.suffix == ".json":
        upload = None if weights is None else _upload(scratch, weights)
        await register(state, NAME, _document(asked, file), upload)
    elif asked.weights is None:
        with packed(file) as packed_file:
            await register_upload(state, NAME, _upload(scratch, packed_file))
    else:
        raise WrongOption("--weights: a file with a whole model has its own; leave it out")


def _upload(folder: Path, file: Path) -> Upload:
    return Upload(folder, link_or_copy(file.resolve(), folder / f"upload{file.suffix}"))


def _document(asked: Asked, file: Path | None) -> Any:
    """Return the document of a file or of the command line, or that of an application."""
    if file is None and asked.model in APPLICATIONS:
        return {"application": asked.model, "weights": IMAGENET if asked.weights in (None, IMAGENET) else None}
    if asked.weights == IMAGENET:
        raise WrongOption("--weights: imagenet is for a network of keras.applications; name a file, or leave it out")
    try:
        return read_json(asked.model.encode() if file is None else file.read_bytes())
    except ValueError as error:
        raise WrongOption(f"--model: {asked.model[:100]} is not valid JSON: {error}") from None

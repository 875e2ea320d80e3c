"""Registration of models and weights: checked first, then stored, then the name is pointed at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool

from models.documents.notes import Note
from models.errors import InvalidDocument, InvalidOption, LayerscopeError
from models.files.keras_versions import BACKEND, VERSION
from models.files.signatures import HDF5, SAFETENSORS, Role
from models.files.unsupported import NPZ, Advice
from models.json_text.limits import Claim, claim_nothing
from models.networks.architecture import Architecture
from models.networks.labels import labels_by_tensor
from models.networks.network import Network
from models.reading.application_arguments import Application
from models.store.entries import Entry
from models.store.storage import link_or_copy
from models.weights.canonical import convert
from models.weights.read import kind_at, unsupported_weights
from models.weights.saved_config import SavedConfig, read_config
from models.weights.source import FileLimits
from models.weights.specs import WeightsFile, WeightSpec, WeightsToStore
from service.engines.request_builders import specs_request
from service.handlers.labels import output_lengths, read_part, tensor_labels
from service.handlers.planning import plan_of, require_inputs
from service.options.field_names import LABELS, MODEL, WEIGHTS
from service.registry.model import Model
from service.requests.body import decode_json, parse_json
from service.requests.decode_memory import MemoryShare
from service.requests.upload import Upload
from service.state import State

WEIGHTS_ONLY_ADVICE = (
    f"send the document beside it as the part {MODEL}, or the file to PUT /v1/models/{{name}}/weights of such a model"
)
ADVICE: Advice = {
    Role.PICTURE: "pictures go to POST /v1/models/{name}/activations",
    Role.TENSORS: f"send the document as the part {MODEL}, and this as the part {WEIGHTS}",
    Role.WEIGHTS: f"send it as the part {WEIGHTS}",
}
"""Advice for files sent in place of a document."""


class Registration(NamedTuple):
    """The entry of a registered model, whether its name is new, and notes on its document."""

    entry: Entry
    is_new: bool
    notes: Sequence[Note] = ()


class UploadedFile(NamedTuple):
    """An uploaded weights file, and its JSON pointer in the request."""

    path: Path
    pointer: str


async def register(state: State, name: str, raw: Any, upload: Upload | None = None, pointer: str = "") -> Registration:
    """Point a name at a document, parsed JSON from `pointer` of the request, with the weights of an upload if any.

    Raises:
        InvalidDocument, InvalidWeights, TooLarge, Unparsable, InvalidTensor
    """
    model = await _resolve(state, raw, name, pointer, upload is not None and upload.weights is not None)
    if upload is not None and upload.labels is not None:
        model = await _with_labels(state, model, upload.labels)
    try:
        network = model.architecture.network
        await tensor_labels(state, network)
        if upload is not None and upload.weights is not None:
            registration = await put_weights(state, name, network, UploadedFile(upload.weights, upload.pointer))
            return registration._replace(notes=model.notes)
        if network.inputs:
            await plan_of(state.engines, network, None, None)
        registration = await run_in_threadpool(_put, state, name, network, model.weights)
        return registration._replace(notes=model.notes)
    except InvalidDocument as error:
        raise model.remap(error) from None


async def _with_labels(state: State, model: Model, data: bytes) -> Model:
    """Return the model with the labels in the part of a form, whose faults are not in the document.

    Raises:
        InvalidOption: the document has labels, too.
        InvalidDocument, TooLarge
    """
    labels, document = await read_part(state, data), model.document
    if document.labels is not None:
        message, expected = "there are labels in the document, too", f"one of them, or the part {LABELS} alone"
        raise InvalidOption.at(f"/{LABELS}", message, expected=expected, received="both")
    labelled = document.with_labels(labels)
    try:
        network = replace(model.architecture.network, document=labelled)
        lengths = await output_lengths(state, network)
    except InvalidDocument as error:
        raise model.remap(error) from None
    labels_by_tensor(network, lengths)
    return replace(model, architecture=Architecture(labelled, network))


def _put(state: State, name: str, network: Network, weights: WeightsFile | None) -> Registration:
    if weights is None:
        return Registration(*state.store.put(name, network))
    with state.store.scratch.folder() as folder:
        copy = link_or_copy(Path(weights.path), Path(folder) / WEIGHTS)
        return Registration(*state.store.put(name, network, WeightsToStore(copy, weights.digest)))


def _refuse_other_weights(model: Architecture | Application) -> None:
    """Raise InvalidDocument if an application that is uploaded with a weights file names other weights."""
    if isinstance(model, Application) and model.weights is not None:
        raise InvalidDocument.at(
            "/weights",
            "there is a file of weights, too",
            expected="null with a file of weights",
            received='"imagenet"',
            suggestion='write "weights": null',
        )


async def _resolve(state: State, raw: Any, name: str, pointer: str, with_weights: bool) -> Model:
    try:
        model = await state.resolver.parse(raw)
        if with_weights:
            _refuse_other_weights(model)
        resolved = await state.resolver.resolve(model)
    except LayerscopeError as error:
        raise error.under(pointer) from None
    return Model(resolved.architecture, name, pointer=pointer, weights=resolved.weights)


async def register_upload(state: State, name: str, upload: Upload, pointer: str = f"/{MODEL}") -> Registration:
    """Register an upload: a document, with weights if any, or a file of Keras that contains both; `pointer` is that of
    the document.
    """
    data, facts = upload.model, {}
    if data is None:
        config = await run_in_threadpool(_saved_config, upload, _limits(state))
        data, pointer = config.text, f"{upload.pointer}/{config.member}"
        facts = {VERSION: config.version, BACKEND: config.backend}  # which the JSON inside a file lacks
    with state.memory.share() as share:
        raw = await _decode_document(data, share, pointer)
        if isinstance(raw, dict):
            raw |= {name: fact for name, fact in facts.items() if fact is not None}
        return await register(state, name, raw, upload, pointer)


def parse_model_json(data: bytes, what: str = "the body", claim: Claim = claim_nothing) -> Any:
    """Parse a document to register, as `parse_json` does."""
    return parse_json(data, what, ADVICE, claim=claim)


async def _decode_document(data: bytes, share: MemoryShare, pointer: str) -> Any:
    try:
        return await decode_json(data, share, partial(parse_model_json, what=pointer.rpartition("/")[2] or "the body"))
    except LayerscopeError as error:
        raise error.under(pointer) from None


def _saved_config(upload: Upload, limits: FileLimits) -> SavedConfig:
    """Return Keras' JSON in a file that has it beside the weights.

    Raises:
        InvalidOption: there is none.
        Unparsable: the file is not of a supported kind.
    """
    expected = (
        f"a part {MODEL} with the document, or a file with the whole model: .keras, .h5, or an archive of a SavedModel"
    )
    path, pointer = upload.weights, upload.pointer
    if path is None:
        raise InvalidOption.at("", "there is no model", expected=expected, received="nothing")
    with TemporaryDirectory(dir=upload.folder) as scratch:
        config = read_config(path, Path(scratch), limits, pointer)
    if config is not None:
        return config
    kind = kind_at(path)
    if kind is None or kind not in (HDF5, NPZ, SAFETENSORS):
        raise unsupported_weights(path, pointer)
    received = f"{kind.name} of weights alone"
    raise InvalidOption.at(
        "", "there is no model", expected=expected, received=received, suggestion=WEIGHTS_ONLY_ADVICE
    )


async def put_weights(
    state: State, name: str, network: Network, upload: UploadedFile, expected: Entry | None = None
) -> Registration:
    """Point a name at a network with the weights of an uploaded file; nothing is stored unless all of them fit.

    Raises:
        InvalidDocument: the document declares no input, or an engine rejects it.
        InvalidWeights, TooLarge, Unparsable, InvalidTensor: as `convert`.
        NotFound, Superseded: the name no longer points to `expected`.
    """
    require_inputs(network)
    specs = await _weight_specs(state, network)
    target = upload.path.with_name("canonical")
    digest = await run_in_threadpool(convert, upload.path, specs, target, _limits(state), upload.pointer)
    weights = WeightsToStore(target, digest) if specs else None  # a network without weights is the same without a file
    return Registration(*await run_in_threadpool(state.store.put, name, network, weights, expected))


async def _weight_specs(state: State, network: Network) -> tuple[WeightSpec, ...]:
    pending = await state.engines.submit(specs_request(network.document_bytes))
    header = await pending.header
    return header.specs


def _limits(state: State) -> FileLimits:
    return FileLimits(
        min(int(state.settings.max_weights), int(state.settings.max_model_bytes)), state.settings.deadline
    )

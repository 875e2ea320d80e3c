"""Requests that run a network: their bodies, inputs, engine requests and responses."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.errors import InvalidOption
from models.ipc.messages import RunResult
from models.tensors.dtypes import Array
from service.engines.engine_request import EngineRequest
from service.engines.request_builders import RunOf, analysis_request, run_request, source_of
from service.errors.handlers import problem_of
from service.handlers.asked import Asked
from service.handlers.donors import with_donated
from service.handlers.labels import tensor_labels
from service.handlers.pricing import charged_run
from service.handlers.request_errors import errors_in_request
from service.observing.records import follow
from service.options.activation import InputOptions, OptionsT, QueryOptions, RunOptions, from_pairs
from service.options.field_names import IMAGE, INPUTS, MODEL, MODEL_HEADER, TENSOR
from service.options.foreign_names import form_words, json_words
from service.pictures.overlay import pictures_of
from service.registry.model import Model
from service.requests.activation_form import read_form
from service.requests.body import (
    THREAD_BYTES,
    Parse,
    decode_json,
    is_json,
    media_type,
    parse_form,
    parse_run,
    read_body,
    unsupported,
)
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs, resolve
from service.requests.misplaced import RUN, RUN_REGISTERED, misplaced_options, require_object
from service.requests.multipart import MULTIPART
from service.requests.payload import InputPayload, is_image_file, is_input_file, is_tensor_file
from service.responses.activations import ReplyContext, activations_response, infos
from service.responses.etag import ETag
from service.responses.labels import ReplyLabels
from service.responses.picture import check_drawing
from service.state import State
from service.wire.format import Format
from service.wire.formats import ACTIVATION_FORMATS, TENSOR_TYPES
from service.wire.negotiation import negotiate


@dataclass
class RunRequest(Generic[OptionsT]):
    """Parsed request that runs a network."""

    options: OptionsT
    payload: InputPayload
    model: Any = None
    """The raw document, if the request includes one."""
    size: int = 0
    """Bytes of the body."""

    def take_payload(self) -> InputPayload:
        """Return the inputs and drop this reference to them: numbers in JSON are large until they are arrays."""
        payload, self.payload = self.payload, InputPayload()
        return payload


class Ways(NamedTuple):
    """How a request differs from one that runs a model on its inputs."""

    formats: Sequence[Format] = ACTIVATION_FORMATS
    """Those that the reply may have."""
    other: Model | None = None
    """The second model of a comparison."""
    resolve: Callable[[], Awaitable[ResolvedInputs]] | None = None
    """Decodes the inputs, if not that of the whole payload."""


USUAL = Ways()
Ask = Callable[[ResolvedInputs, OptionsT, Format], Awaitable[Asked]]
"""Finds out what a request asks, from its inputs, its options and the format of the reply."""


async def read_run_request(
    request: Request, queries: QueryOptions[OptionsT], inline: bool, share: MemoryShare, parse: Parse = parse_run
) -> RunRequest[OptionsT]:
    """Parse a body of any accepted type, JSON with `parse`; with `inline`, the model is part of the request.

    Raises:
        UnsupportedMedia, Unparsable, TooLarge, InvalidOption, Overloaded
    """
    content_type = media_type(request)
    body = await read_body(request)
    if content_type == MULTIPART:
        words = form_words(inline, queries.names)
        form = await read_form(await parse_form(request, body, share), words, share)
        options = queries.read(request, from_pairs(form.options), words)
        return RunRequest(options, form.payload, form.model, len(body))
    if not inline and (content_type.startswith("image/") or content_type in TENSOR_TYPES or is_input_file(body)):
        return RunRequest(queries.read(request), _file_payload(body, content_type), size=len(body))
    if not is_json(request):
        accepted = ("application/json", MULTIPART, *(() if inline else (*TENSOR_TYPES, "image/*")))
        raise unsupported(request, *accepted, body=body)
    raw = await decode_json(body, share, parse)
    words = json_words(inline, queries.names)
    return _parse_object(raw, partial(queries.read, request, words=words), inline, len(body))


def _file_payload(body: bytes, content_type: str) -> InputPayload:
    """Return the payload of a body that is a tensor or image file, by its signature, or by its type without one."""
    is_image = not is_tensor_file(body) and (content_type.startswith("image/") or is_image_file(body))
    return InputPayload(files={IMAGE if is_image else TENSOR: (body,)})


def _parse_object(
    raw: Any, options: Callable[[Mapping[str, Any]], OptionsT], inline: bool, size: int
) -> RunRequest[OptionsT]:
    body = require_object(raw, RUN if inline else RUN_REGISTERED)
    body_options = {key: value for key, value in body.items() if key not in (MODEL, INPUTS)}
    problems = misplaced_options(body_options)
    if problems:
        raise InvalidOption("", problems)
    return RunRequest(options(body_options), InputPayload(inputs=body.get(INPUTS)), body.get(MODEL), size)


async def respond(  # noqa: PLR0913, PLR0917 (all that a request is)
    request: Request,
    state: State,
    model: Model,
    run: RunRequest[OptionsT],
    share: MemoryShare,
    ask: Ask[OptionsT],
    ways: Ways = USUAL,
) -> Response:
    """Run a model on the inputs, and build the response. The share is released before the engine request is queued."""
    started = time.perf_counter()
    options = run.options
    format = negotiate(request.headers.get("accept"), options.format, ways.formats)
    if isinstance(options, RunOptions):
        check_drawing(options, format)
    with errors_in_request(request, model, ways.other):
        resolved = await (ways.resolve() if ways.resolve else _resolve(request, state, model, run, share))
        labels = await tensor_labels(state, resolved.network)
        asked = await ask(resolved, options, format)
        weak = format.has_timings or state.settings.batch_requests > 1
        parts = _etag_parts(model, resolved, options, format)
        subject = (labels, repr(asked.question), asked.other and asked.other.key)
        etag = await _etag(request, parts and (*parts, *subject), (*resolved.arrays, *asked.arrays), weak)
        if etag is not None and (unchanged := etag.unchanged()) is not None:
            return unchanged
        async with charged_run(request.scope, state, resolved.network, resolved.arrays, asked):
            engine_request = _engine_request(state, model, resolved, asked)
            follow(request.scope, engine_request.trace, engine_request.key, model.registered_name)
            share.release()  # the queue counts the arrays itself, and they are queued at once
            pending = await state.engines.submit(engine_request)
    inputs = infos(resolved.network.inputs, resolved.arrays)
    context = ReplyContext(
        engine_request.key, model.name, inputs, resolved.preprocessing, started,
        model.notes, ReplyLabels(labels, asked.spec.views), posted_pictures(resolved) if options.is_overlay else None,
        {} if asked.other is None else asked.other.members, asked.target,
    )  # fmt: skip
    response = await activations_response(context, pending, format, options, partial(problem_of, request))
    if model.id is None:
        response.headers[MODEL_HEADER] = source_of(resolved.network, model.weights).key
    return response if etag is None else etag.on(response)


def posted_pictures(resolved: ResolvedInputs) -> Array | None:
    """Return the first input that is a picture, as pixels."""
    for name, array in zip(resolved.network.inputs, resolved.arrays, strict=True):
        notes = resolved.preprocessing.get(name, {})
        notes = notes.get("images", [notes])[0]
        if (pictures := pictures_of(array, notes.get("scale"))) is not None:
            return pictures
    return None


async def _resolve(
    request: Request, state: State, model: Model, run: RunRequest[OptionsT], share: MemoryShare
) -> ResolvedInputs:
    """Decode the inputs, on a thread if they are large or images."""
    on_thread = run.size > THREAD_BYTES or run.payload.has_images
    payload, options = run.take_payload(), run.options
    resolved = await share.run(
        resolve, model.architecture, payload, options, state.settings, share, on_thread=on_thread
    )
    return await with_donated(request.scope, state, model, resolved, options, share) if options.edits else resolved


async def _etag(request: Request, parts: object, arrays: Sequence[Array], weak: bool) -> ETag | None:
    """Return the ETag of a reply that these parts and arrays determine; None without parts."""
    if parts is None:
        return None
    if sum(array.nbytes for array in arrays) > THREAD_BYTES:
        return await run_in_threadpool(ETag, request, parts, arrays, weak)
    return ETag(request, parts, arrays, weak)


def _etag_parts(
    model: Model, resolved: ResolvedInputs, options: InputOptions, format: Format
) -> tuple[Any, ...] | None:
    """Return what determines the reply beside arrays and labels; None if equal requests may have different replies."""
    if model.id is None or not options.is_repeatable:
        return None
    names = list(resolved.network.inputs)
    return model.id, model.name, names, resolved.preprocessing, options.cache_key, format.name


def _engine_request(state: State, model: Model, resolved: ResolvedInputs, asked: Asked) -> EngineRequest[RunResult]:
    network, spec, question = resolved.network, asked.spec, asked.question
    source, names = source_of(network, model.weights), [*network.inputs, *spec.edit_arrays]
    arrays = (*resolved.arrays, *spec.edit_arrays.values())
    if question is None:
        return run_request(source, names, arrays, state.settings, spec)
    others = [] if asked.other is None else [asked.other.run]
    return analysis_request([RunOf(source, names, arrays, spec), *others], state.settings, question)

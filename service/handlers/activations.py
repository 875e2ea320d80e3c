"""The main job: a model and an input in, activations out. Used by every route that runs a network."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.errors import InvalidDocument, InvalidOption, UnknownAddress
from models.ipc.messages import RunResult
from models.tensors.dtypes import Array
from service.engines.engine_request import EngineRequest
from service.engines.requests import RunSpec, run_request, source_of
from service.errors.handlers import problem_of
from service.observing.records import follow
from service.options.activation import ActivationOptions, QueryOptions, from_pairs, options_from
from service.options.habits import INPUTS, MODEL, form_words, json_words
from service.options.query import as_in_url
from service.registry.model import Model
from service.requests.activation_form import read_form
from service.requests.body import THREAD_BYTES, decode_json, is_json, media_type, parse_form, parse_run, unsupported
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs, resolve
from service.requests.misplaced import RUN, RUN_REGISTERED, misplaced_options, require_object
from service.requests.multipart import MULTIPART
from service.requests.payload import InputPayload, is_input_file, is_picture, is_tensor_file
from service.requests.selection import selection_of
from service.responses.etag import ETag
from service.responses.picture import check_drawing
from service.responses.replies import ReplyContext, activations_response, infos
from service.state import State
from service.wire.format import Format, Kind
from service.wire.formats import ACTIVATION_FORMATS, JSON, NPY
from service.wire.negotiation import negotiate
from service.wire.npy import check_one_tensor

TENSOR_TYPES = ("application/x-npy", "application/x-npz", "application/vnd.safetensors")


@dataclass
class ActivationRequest:
    """A request for activations, read."""

    options: ActivationOptions
    posted: InputPayload
    model: Any = None
    """The raw document, where one was sent."""
    size: int = 0
    """Bytes of the body."""

    def take_posted(self) -> InputPayload:
        """The inputs, to which nothing leads from here any more: numbers in JSON are large until they are arrays."""
        posted, self.posted = self.posted, InputPayload()
        return posted


async def read_activation_request(
    request: Request, queries: QueryOptions, inline: bool, share: MemoryShare
) -> ActivationRequest:
    """Reads the body of any accepted type. `inline` says that the model comes with the request.

    Raises:
        UnsupportedMedia, Unparsable, TooLarge, InvalidOption, Overloaded
    """
    kind = media_type(request)
    body = await request.body()
    if kind == MULTIPART:
        form = await read_form(await parse_form(request, body, share), inline, share)
        options = options_from(_query(request), from_pairs(form.options), words=form_words(inline))
        return ActivationRequest(options, form.posted, form.model, len(body))
    if not inline and (kind.startswith("image/") or kind in TENSOR_TYPES or is_input_file(body)):
        return ActivationRequest(queries.read(request), _file(body, kind), size=len(body))
    if not is_json(request):
        accepted = ("application/json", MULTIPART, *(() if inline else (*TENSOR_TYPES, "image/*")))
        raise unsupported(request, *accepted, body=body)
    sent = _from_json(await decode_json(body, share, parse_run), _query(request), inline)
    sent.size = len(body)
    return sent


def _file(body: bytes, kind: str) -> InputPayload:
    """A body that is a file of tensors or a picture, by its bytes; where they tell nothing, by its type."""
    is_image = not is_tensor_file(body) and (kind.startswith("image/") or is_picture(body))
    return InputPayload(files={"image" if is_image else "tensor": (body,)})


def _query(request: Request) -> dict[str, Any]:
    return from_pairs(request.query_params.multi_items())


def _from_json(raw: Any, query: Mapping[str, Any], inline: bool) -> ActivationRequest:
    body = require_object(raw, RUN if inline else RUN_REGISTERED)
    given = {key: value for key, value in body.items() if key not in (MODEL, INPUTS)}
    problems = misplaced_options(given)
    if problems:
        raise InvalidOption("", problems)
    options = options_from(query, given, words=json_words(inline))
    return ActivationRequest(options, InputPayload(inputs=body.get(INPUTS)), body.get(MODEL))


async def activations(
    request: Request, state: State, model: Model, sent: ActivationRequest, share: MemoryShare
) -> Response:
    """Runs a model on what was posted, and writes what was asked for. The share is given back when that is in line."""
    started = time.perf_counter()
    wanted = negotiate(request.headers.get("accept"), sent.options.format, ACTIVATION_FORMATS)
    check_drawing(sent.options, wanted)
    try:
        on_thread, posted = sent.size > THREAD_BYTES or sent.posted.has_pictures, sent.take_posted()
        resolved = await share.run(
            resolve, model.architecture, posted, sent.options, state.settings, share, on_thread=on_thread
        )
        del posted
        question = await _question(state, model, resolved, sent.options, wanted)
        weak = wanted.has_timings or state.settings.batch_requests > 1
        tag = await _tag(request, _parts(model, resolved, sent.options, wanted), resolved.arrays, weak)
        if tag is not None and (unchanged := tag.unchanged()) is not None:
            return unchanged
        follow(request.scope, question.trace, question.key)
        share.release()  # the queue counts its arrays itself, and they are in line at once
        pending = await state.engines.submit(question)
    except InvalidDocument as error:
        raise model.remap(error) from None
    except UnknownAddress as error:
        raise as_in_url(request, error) from None
    inputs = infos(resolved.network.inputs, resolved.arrays)
    told = ReplyContext(question.key, model.name, inputs, resolved.preprocessing, started)
    response = await activations_response(told, pending, wanted, sent.options, partial(problem_of, request))
    return response if tag is None else tag.on(response)


async def _tag(request: Request, parts: object, arrays: Sequence[Array], weak: bool) -> ETag | None:
    """The tag of a reply that follows from these parts and arrays; none where there are no such parts."""
    if parts is None:
        return None
    if sum(array.nbytes for array in arrays) > THREAD_BYTES:
        return await run_in_threadpool(ETag, request, parts, arrays, weak)
    return ETag(request, parts, arrays, weak)


def _parts(model: Model, resolved: ResolvedInputs, options: ActivationOptions, wanted: Format) -> object:
    """What tells the reply from others, but for the arrays; None where the same question may have another answer."""
    if model.id is None or options.training:
        return None
    names = list(resolved.network.inputs)
    return model.id, model.name, names, resolved.preprocessing, options.cache_key, wanted.name


async def _question(
    state: State, model: Model, resolved: ResolvedInputs, options: ActivationOptions, wanted: Format
) -> EngineRequest[RunResult]:
    network = resolved.network
    outputs, views = await selection_of(network, options.layers, options.views())
    if wanted is NPY:
        check_one_tensor(outputs, options.weights)
    return run_request(
        source_of(network, model.weights), list(network.inputs), resolved.arrays, state.settings,
        RunSpec(
            outputs=outputs,
            data=wanted.kind is not Kind.JSON or options.data != "none",
            stats=options.stats if options.stats is not None else wanted.kind is Kind.JSON,
            weights=options.weights,
            training=options.training,
            views=views,
            texts=wanted is JSON and options.data == "nested" and not (views or options.weights),
        ),
    )  # fmt: skip

"""The main job: a model and an input in, activations out. Used by every route that runs a network."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import Response

from models.document import Document
from models.errors import InvalidDocument, InvalidOption, LayerscopeError, Problem, shown
from models.tensors.dtypes import Array
from models.weights.specs import WeightsFile
from service.applications import Described
from service.bodies import (
    MULTIPART,
    THREAD_BYTES,
    is_json,
    json_of,
    media_type,
    parse_form,
    parse_json,
    parse_run,
    part_bytes,
    unsupported,
)
from service.drawing import check_drawing
from service.errors import problem_of
from service.etags import ETag
from service.input_names import PART
from service.inputs import Resolved, resolve
from service.jobs import Question, run_question, source_of
from service.options import ActivationOptions, QueryOptions, from_pairs, options_from
from service.posted import Posted
from service.records import follow
from service.replies import OFFERED, Told, activations_response, infos
from service.selection import selection_of
from service.state import State
from service.wire.formats import JSON, NPY, TEXTS, TIMED, Format, negotiate
from service.wire.npy import check_one_tensor

TENSOR_TYPES = ("application/x-npy", "application/x-npz", "application/vnd.safetensors")


@dataclass(frozen=True)
class Model:
    """A document to run, with the name and id it is known by, if it is registered."""

    document: Document
    name: str | None
    id: str | None = None
    pointer: str = ""
    """Where the document stands in the request."""
    weights: WeightsFile | None = None
    """None for those that follow from the seed."""
    missing: str | None = None
    """The file that has its weights, where that is still to be fetched."""

    def located(self, error: InvalidDocument) -> LayerscopeError:
        """An error of the document, with pointers into what was sent."""
        return self.document.places.located(error).under(self.pointer)


@dataclass(frozen=True)
class Ask:
    """A request for activations, read."""

    options: ActivationOptions
    posted: Posted
    model: Any = None
    """The raw document, where one was sent."""
    size: int = 0
    """Bytes of the body."""


async def read_ask(request: Request, queries: QueryOptions, inline: bool) -> Ask:
    """Reads the body of any accepted type. `inline` says that the model comes with the request.

    Raises:
        UnsupportedMedia, Unparsable, TooLarge, InvalidOption
    """
    kind = media_type(request)
    body = await request.body()
    if kind == MULTIPART:
        return replace(await _from_form(await parse_form(request, body), _query(request)), size=len(body))
    if not inline and (kind.startswith("image/") or kind in TENSOR_TYPES):
        posted = Posted(images=(body,)) if kind.startswith("image/") else Posted(tensor=body)
        return Ask(queries.read(request), posted, size=len(body))
    if not is_json(request):
        raise unsupported(request, "application/json", MULTIPART, *(() if inline else (*TENSOR_TYPES, "image/*")))
    return replace(_from_json(await json_of(body, parse_run), _query(request)), size=len(body))


def _query(request: Request) -> dict[str, Any]:
    return from_pairs(request.query_params.multi_items())


def _from_json(raw: Any, query: Mapping[str, Any]) -> Ask:
    if not isinstance(raw, dict):
        raise InvalidOption("", [Problem("", "the body is not an object", '{"model": …, "inputs": …}', shown(raw))])
    options = {key: value for key, value in raw.items() if key not in ("model", "inputs")}
    return Ask(options_from(query, options), Posted(inputs=raw.get("inputs")), raw.get("model"))


async def _from_form(form: FormData, query: Mapping[str, Any]) -> Ask:
    """`image` (several: a batch), `tensor`, `inputs`, `inputs.<name>`; `model`; every other field is an option."""
    images = [await part_bytes(part) for part in form.getlist("image")]
    texts = {name: await _single_part(form, name) for name in ("tensor", "model", "inputs") if name in form}
    named = [name for name in dict.fromkeys(form.keys()) if name.startswith(PART)]
    parts = {name.removeprefix(PART): tuple([await part_bytes(p) for p in form.getlist(name)]) for name in named}
    taken = {"image", *texts, *named}
    options = [(name, await _text(part, name)) for name, part in form.multi_items() if name not in taken]
    inputs = _json_part(texts["inputs"], "/inputs") if "inputs" in texts else None
    model = _json_part(texts["model"], "/model") if "model" in texts else None
    posted = Posted(inputs, tuple(images), texts.get("tensor"), parts)
    return Ask(options_from(query, from_pairs(options)), posted, model)


async def _single_part(form: FormData, name: str) -> bytes:
    parts = form.getlist(name)
    if len(parts) > 1:
        raise InvalidOption("", [Problem(f"/{name}", f"{name} is given twice", "one part", f"{len(parts)} parts")])
    return await part_bytes(parts[0])


async def _text(part: Any, name: str) -> str:
    try:
        return (await part_bytes(part)).decode()
    except UnicodeDecodeError:
        raise InvalidOption("", [Problem(f"/{name}", f"{name} is not text", "UTF-8 text", "other bytes")]) from None


def _json_part(data: bytes, pointer: str) -> Any:
    try:
        return parse_json(data)
    except LayerscopeError as error:
        raise error.under(pointer) from None


async def inline_model(raw: Any, read: Callable[[Any], Awaitable[Described]]) -> Model:
    """The model that came with the request, under its key `model`, as `read` of `Applications` has it."""
    if raw is None:
        problem = Problem(
            "/model", "there is no model", "a model document", "nothing", "see GET /v1/layers for what it may hold"
        )
        raise InvalidDocument("", [problem])
    try:
        described = await read(raw)
    except LayerscopeError as error:
        raise error.under("/model") from None
    document = described.document
    return Model(document, document.name, pointer="/model", weights=described.weights, missing=described.missing)


async def activations(request: Request, state: State, model: Model, ask: Ask) -> Response:
    """Runs a model on what was posted, and writes what was asked for."""
    started = time.perf_counter()
    wanted = negotiate(request.headers.get("accept"), ask.options.format, OFFERED)
    check_drawing(ask.options, wanted)
    try:
        if ask.posted.images or ask.size > THREAD_BYTES:
            resolved = await run_in_threadpool(resolve, model.document, ask.posted, ask.options, state.settings)
        else:
            resolved = resolve(model.document, ask.posted, ask.options, state.settings)
        question = await _question(state, model, resolved, ask.options, wanted)
        weak = wanted in TIMED or state.settings.batch_requests > 1
        tag = await _tag(request, _parts(model, resolved, ask.options, wanted), resolved.arrays, weak)
        if tag is not None and (unchanged := tag.unchanged()) is not None:
            return unchanged
        follow(request.scope, question.course, question.key)
        answer = await state.engines.ask(question)
    except InvalidDocument as error:
        raise model.located(error) from None
    inputs = infos(resolved.network.inputs, resolved.arrays)
    told = Told(question.key, model.name, inputs, resolved.preprocessing, started)
    response = await activations_response(told, answer, wanted, ask.options, partial(problem_of, request))
    return response if tag is None else tag.on(response)


async def _tag(request: Request, parts: object, arrays: Sequence[Array], weak: bool) -> ETag | None:
    """The tag of a reply that follows from these parts and arrays; none where there are no such parts."""
    if parts is None:
        return None
    if sum(array.nbytes for array in arrays) > THREAD_BYTES:
        return await run_in_threadpool(ETag, request, parts, arrays, weak)
    return ETag(request, parts, arrays, weak)


def _parts(model: Model, resolved: Resolved, options: ActivationOptions, wanted: Format) -> object:
    """What tells the reply from others, but for the arrays; None where the same question may have another answer."""
    if model.id is None or options.training:
        return None
    names = list(resolved.network.inputs)
    return model.id, model.name, names, resolved.preprocessing, options.told_apart, wanted.name


async def _question(
    state: State, model: Model, resolved: Resolved, options: ActivationOptions, wanted: Format
) -> Question:
    network = resolved.network
    outputs, views = await selection_of(network, options.layers, options.views())
    if wanted is NPY:
        check_one_tensor(outputs, options.weights)
    return run_question(
        source_of(network, model.weights), list(network.inputs), resolved.arrays, state.settings,
        outputs=outputs,
        data=wanted not in TEXTS or options.data != "none",
        stats=options.stats if options.stats is not None else wanted in TEXTS,
        weights=options.weights,
        training=options.training,
        views=views,
        texts=wanted is JSON and options.data == "nested" and not (views or options.weights),
    )  # fmt: skip

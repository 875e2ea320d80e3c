"""One inference: the body of a request in, the reply out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import Response

from models.errors import InvalidDocument
from models.ipc.messages import RunResult
from models.views.view import View
from service.engines.jobs import EngineRequest
from service.engines.requests import run_request, source_of
from service.observing.records import follow
from service.open_inference.codec import HEADER
from service.open_inference.compression import chosen_encoding, plain_body
from service.open_inference.envelope import opened
from service.open_inference.inputs import given_inputs, raw_input
from service.open_inference.outputs import RequestedTensor, requested_tensors
from service.open_inference.reply import infer_reply
from service.open_inference.request import InferRequest, RequestParameters, infer_request
from service.options.activation import ActivationOptions
from service.registry.loaded import VERSION
from service.registry.model import Model
from service.registry.statistics import Stopwatch
from service.requests.body import THREAD_BYTES
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import Resolved, decoder_for, fitted
from service.settings import Settings
from service.state import State

WITHOUT_JSON = InferRequest(inputs=[], parameters=RequestParameters(binary_data_output=True))
"""The request of a body that is one tensor's bytes: all outputs come back as bytes."""


@dataclass(frozen=True)
class Prepared:
    """An inference, read and checked."""

    id: str | None
    training: bool
    resolved: Resolved
    wanted: tuple[RequestedTensor, ...]


async def infer(request: Request, state: State, name: str, model: Model, watch: Stopwatch) -> Response:
    """Runs a model on what was sent.

    Raises:
        InvalidOption, InvalidTensor, InvalidImage, UnknownAddress, Unparsable, TooLarge, Unsupported
    """
    body = await plain_body(request, int(state.settings.max_body))
    header, encoding = request.headers.get(HEADER), chosen_encoding(request.headers.get("accept-encoding"))
    watch.start()
    try:
        with state.memory.share() as share:
            asked = await share.run(
                _prepared, model, body, header, state.settings, share, on_thread=len(body) > THREAD_BYTES
            )
        question = _question(model, asked, state.settings)  # the queue counts its arrays, and they are in line at once
        watch.lap("compute_input")
        follow(request.scope, question.trace, question.key)
        answer = await state.engines.submit(question)
    except InvalidDocument as error:
        raise model.remap(error) from None
    ran = await answer.head
    assert isinstance(ran, RunResult)  # noqa: S101 (a run is answered by one)
    watch.ran(asked.resolved.arrays[0].shape[0], int((ran.build_ms + ran.run_ms) * 1e6))
    told = {"model_name": name, "model_version": VERSION}
    given_id = asked.id
    reply = await infer_reply(told if given_id is None else {"id": given_id, **told}, answer, asked.wanted, encoding)
    watch.lap("compute_output")
    return reply


def _prepared(model: Model, body: bytes, header: str | None, settings: Settings, share: MemoryShare) -> Prepared:
    envelope = opened(body, header, share.claim_json)
    request = infer_request(envelope.head) if envelope.has_json else WITHOUT_JSON
    given = request.parameters
    options = ActivationOptions(resize=given.resize, scale=given.scale)
    decoder, declared = decoder_for(model.document, options, settings, share), model.document.input or {}
    if envelope.has_json:
        arrays = given_inputs(request.inputs, envelope.tensors, declared, decoder)
    else:
        arrays = raw_input(envelope.tensors, declared)
    resolved = fitted(model.document, arrays, settings)
    return Prepared(request.id, given.training, resolved, requested_tensors(resolved.network, request))


def _question(model: Model, asked: Prepared, settings: Settings) -> EngineRequest:
    network, wanted = asked.resolved.network, asked.wanted
    options: dict[str, Any] = {"data": True, "stats": False, "weights": False}
    return run_request(
        source_of(network, model.weights), list(network.inputs), asked.resolved.arrays, settings,
        outputs=tuple(one.address for one in wanted),
        training=asked.training,
        views={one.address: one.view for one in wanted if one.view != View()},
        **options,
    )  # fmt: skip

"""Handling of one inference, from the request body to the reply."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastapi import Request
from starlette.responses import Response

from models.errors import InvalidDocument
from models.ipc.messages import RunResult
from models.views.view import View
from service.engines.engine_request import EngineRequest
from service.engines.request_builders import RunSpec, run_request, source_of
from service.handlers.asked import Asked
from service.handlers.labels import tensor_labels
from service.handlers.pricing import charged_run
from service.observing.records import follow
from service.open_inference.codec import HEADER
from service.open_inference.compression import choose_encoding, plain_body
from service.open_inference.envelope import parse_envelope
from service.open_inference.inputs import decode_inputs, raw_input
from service.open_inference.outputs import RequestedTensor, requested_tensors
from service.open_inference.reply import infer_reply
from service.open_inference.request import InferRequest, RequestParameters, infer_request
from service.options.activation import ActivationOptions
from service.registry.model import Model
from service.registry.statistics import VERSION, Stopwatch
from service.requests.body import THREAD_BYTES
from service.requests.decode_memory import MemoryShare
from service.requests.inputs import ResolvedInputs, decoder_for, fit_inputs
from service.settings import Settings
from service.state import State

WITHOUT_JSON = InferRequest(inputs=[], parameters=RequestParameters(binary_data_output=True))
"""The request for a body that is the bytes of one tensor: all outputs are returned as bytes."""


@dataclass(frozen=True)
class Inference:
    """Parsed and validated inference."""

    id: str | None
    training: bool
    resolved: ResolvedInputs
    outputs: tuple[RequestedTensor, ...]


async def infer(request: Request, state: State, name: str, model: Model, watch: Stopwatch) -> Response:
    """Run a model on a request.

    Raises:
        InvalidOption, InvalidTensor, InvalidImage, UnknownAddress, Unparsable, TooLarge, Unsupported
    """
    body = await plain_body(request, int(state.settings.max_body))
    header, encoding = request.headers.get(HEADER), choose_encoding(request.headers.get("accept-encoding"))
    watch.start()
    try:
        with state.memory.share() as share:
            inference = await share.run(
                _prepare, model, body, header, state.settings, share, on_thread=len(body) > THREAD_BYTES
            )
        outputs = await _with_labels(state, inference)
        resolved, spec = inference.resolved, _run_spec(inference)
        async with charged_run(request.scope, state, resolved.network, resolved.arrays, Asked(spec)):
            engine_request = _engine_request(model, inference, spec, state.settings)  # the queue now counts its arrays
            watch.lap("compute_input")
            follow(request.scope, engine_request.trace, engine_request.key, model.registered_name)
            pending = await state.engines.submit(engine_request)
    except InvalidDocument as error:
        raise model.remap(error) from None
    result = await pending.header
    watch.add_run(inference.resolved.arrays[0].shape[0], int((result.build_ms + result.run_ms) * 1e6))
    fields = {"model_name": name, "model_version": VERSION}
    fields = fields if inference.id is None else {"id": inference.id, **fields}
    reply = await infer_reply(fields, pending, outputs, encoding)
    watch.lap("compute_output")
    return reply


async def _with_labels(state: State, inference: Inference) -> tuple[RequestedTensor, ...]:
    """Return the outputs, those that are classified with their labels."""
    network, outputs = inference.resolved.network, inference.outputs
    if network.document.labels is None or all(output.classes is None for output in outputs):
        return outputs
    labels = await tensor_labels(state, network)
    return tuple(replace(output, labels=labels.get(output.address)) for output in outputs)


def _prepare(model: Model, body: bytes, header: str | None, settings: Settings, share: MemoryShare) -> Inference:
    envelope = parse_envelope(body, header, share.claim_json)
    request = infer_request(envelope.head) if envelope.has_json else WITHOUT_JSON
    parameters = request.parameters
    options = ActivationOptions(resize=parameters.resize, scale=parameters.scale)
    decoder, declared = decoder_for(model.document, options, settings, share), model.document.input or {}
    if envelope.has_json:
        arrays = decode_inputs(request.inputs, envelope.tensors, declared, decoder)
    else:
        arrays = raw_input(envelope.tensors, declared)
    resolved = fit_inputs(model.architecture, arrays, settings)
    return Inference(request.id, parameters.training, resolved, requested_tensors(resolved.network, request))


def _run_spec(inference: Inference) -> RunSpec:
    outputs = inference.outputs
    return RunSpec(
        tuple(tensor.address for tensor in outputs),
        training=inference.training,
        views={tensor.address: tensor.view for tensor in outputs if tensor.view != View()},
    )


def _engine_request(model: Model, inference: Inference, spec: RunSpec, settings: Settings) -> EngineRequest[RunResult]:
    network = inference.resolved.network
    source = source_of(network, model.weights)
    return run_request(source, list(network.inputs), inference.resolved.arrays, settings, spec)

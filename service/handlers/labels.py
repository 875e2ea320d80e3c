"""Class labels of a model, bound to the tensors that they name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import Request

from models.networks.labels import Lengths, labels_by_output, labels_by_tensor, outputs_of
from models.networks.network import Network
from models.reading.labels import read_labels
from models.views.labels import NO_LABELS, Names
from service.handlers.planning import plan_of
from service.handlers.request_errors import errors_in_request
from service.registry.model import Model
from service.requests.body import THREAD_BYTES
from service.state import State


async def read_part(state: State, data: bytes) -> Any:
    """Return the labels in the part of a form, as a document has them.

    Raises:
        InvalidDocument, TooLarge, Overloaded
    """
    with state.memory.share() as share:
        read = partial(read_labels, claim=share.claim_json)
        return await share.run(read, data, on_thread=len(data) > THREAD_BYTES)


async def tensor_labels(state: State, network: Network) -> Mapping[str, Names]:
    """Return the labels of a network by address, of every tensor that has some; empty at once without labels.

    Raises:
        InvalidDocument: the labels do not fit the outputs.
    """
    if network.document.labels is None:
        return NO_LABELS
    return labels_by_tensor(network, await output_lengths(state, network))


async def check_labels(request: Request, state: State, model: Model) -> None:
    """Check that the labels of a request's model fit its outputs.

    Raises:
        InvalidDocument: as `tensor_labels`, with a pointer into the request.
    """
    with errors_in_request(request, model):
        await tensor_labels(state, model.architecture.network)


async def output_labels(state: State, network: Network) -> dict[str, Names]:
    """Return the labels by output. Raises as `tensor_labels`."""
    return labels_by_output(network, await output_lengths(state, network))


async def output_lengths(state: State, network: Network) -> Lengths | None:
    """Return the length of each output's last axis, which an engine plans once; None without declared inputs."""
    if not network.inputs:
        return None
    key = network.identity()
    lengths = state.output_lengths.get(key)
    if lengths is None:
        plan = await plan_of(state.engines, network, None, list(outputs_of(network)))
        shapes = {row["address"]: row["shape"] for row in plan["layers"]}
        lengths = {address: shape[-1] if len(shape) > 1 else None for address, shape in shapes.items()}
        state.output_lengths.add(key, lengths)
    return lengths

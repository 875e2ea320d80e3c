"""Prices of requests, by the plan of an engine, charged to the keys that have limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import orjson
from starlette.requests import Request
from starlette.types import Scope

from models.networks.network import Network
from models.tensors.dtypes import Array
from service.access.authentication import key_of
from service.access.quotas import Price
from service.edge.body_limit import Body
from service.engines.request_builders import RunSpec, plan_request
from service.observing.records import BODY
from service.state import State, StateOf

Shapes = Mapping[str, tuple[int | None, ...]]


async def charge_run(  # noqa: PLR0913, PLR0917 (what the price depends on)
    scope: Scope, state: State, network: Network, arrays: Sequence[Array], spec: RunSpec, received: int
) -> None:
    """Charge a run to its key, if that has limits: what it computes, and the bytes that it receives and sends.

    Raises:
        RateLimited: the key has not enough left.
    """
    key = key_of(scope)
    if key is None or not key.is_limited:
        return
    shapes = {name: array.shape for name, array in zip(network.inputs, arrays, strict=True)}
    price = await _price(state, network, shapes, spec)
    state.quotas.charge(key, Price(price.macs, price.nbytes + received))


def charge_bytes(scope: Scope, state: State, nbytes: int) -> None:
    """Charge bytes that are received or sent, without a run.

    Raises:
        RateLimited: the key has not enough left.
    """
    key = key_of(scope)
    if key is not None and key.is_limited:
        state.quotas.charge(key, Price(0, nbytes))


async def charge_upload(request: Request, state: StateOf) -> AsyncIterator[None]:
    """Charge the body of an upload: by its Content-Length before it is read, else by what has come, afterwards.

    Raises:
        RateLimited: the key has not enough left, or is in debt.
    """
    body: Body = request.scope[BODY]
    charge_bytes(request.scope, state, body.content_length)
    yield
    key = key_of(request.scope)
    if key is not None and not body.content_length:
        state.quotas.owe(key, Price(0, body.size))


async def _price(state: State, network: Network, shapes: Shapes, spec: RunSpec) -> Price:
    """Return the price of a run by its plan, which is kept: clients repeat their requests."""
    subject = (network.identity(), tuple(shapes.items()), spec.outputs, spec.data, spec.weights, repr(spec.views))
    price = state.prices.get(subject)
    if price is None:
        pending = await state.engines.submit(plan_request(network.document_bytes, shapes, spec.outputs, spec.views))
        plan = orjson.loads((await pending.header).plan)
        sent = plan["reply_bytes"] * spec.data + plan["totals"]["parameter_bytes"] * spec.weights
        price = Price(plan["run_macs"] or 0, sent)
        state.prices.add(subject, price)
    return price

"""Prices of requests, by the plan of an engine, charged to the keys that have limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import orjson
from starlette.types import Scope

from models.errors import ClientDisconnected, DeadlineExceeded, EngineLost
from models.explaining.questions import Arithmetic, Explanation
from models.networks.network import Network
from models.tensors.dtypes import Array
from service.access.authentication import key_of
from service.access.keys import Key
from service.access.quotas import Price
from service.engines.request_builders import plan_request
from service.handlers.asked import Asked
from service.state import State

Shapes = Mapping[str, tuple[int | None, ...]]
WORKED = (DeadlineExceeded, EngineLost, ClientDisconnected)
"""Errors of runs that took an engine's time, or may have."""


@asynccontextmanager
async def charged_run(
    scope: Scope, state: State, network: Network, arrays: Sequence[Array], asked: Asked
) -> AsyncIterator[None]:
    """Charge the run in the block to its key, if that has limits: what it computes, and the bytes that it sends. Those
    of the body are charged by the edge. A refused run costs nothing, be its plan over a limit, or no engine free.

    Raises:
        RateLimited: the key has not enough left.
    """
    key = _limited_key(scope)
    if key is None:
        yield
        return
    price = await _price(state, network, _shapes(network, arrays), asked)
    if asked.other is not None:
        run, other = asked.other.run, asked.other.network
        inputs = run.arrays[: len(other.inputs)]
        second = await _price(state, other, _shapes(other, inputs), Asked(replace(run.spec, data=False)))
        price = Price(price.macs + second.macs, price.nbytes)
    if price.macs > state.settings.max_macs or price.nbytes > state.settings.reply_limit:
        yield  # which is refused
        return
    state.quotas.charge(key, price)
    try:
        yield
    except Exception as error:
        if not isinstance(error, WORKED):
            state.quotas.refund(key, price)
        raise


def owe_bytes(scope: Scope, state: State, nbytes: int) -> None:
    """Charge bytes that are sent, whatever is left: they are known too late to be refused."""
    if (key := _limited_key(scope)) is not None:
        state.quotas.owe(key, Price(0, nbytes))


def _limited_key(scope: Scope) -> Key | None:
    """Return the key of a request if it has limits."""
    key = key_of(scope)
    return key if key is not None and key.is_limited else None


def _shapes(network: Network, arrays: Sequence[Array]) -> Shapes:
    return {name: array.shape for name, array in zip(network.inputs, arrays, strict=True)}


async def _price(state: State, network: Network, shapes: Shapes, asked: Asked) -> Price:
    """Return the price of a run by its plan, which is kept: clients repeat their requests."""
    spec, question = asked.spec, asked.question
    options = (spec.outputs, spec.data, spec.weights, repr(spec.views), repr(question))
    subject = (network.identity(), tuple(shapes.items()), options)
    price = state.prices.get(subject)
    if price is None:
        document = network.document_bytes
        explanation = question if isinstance(question, Explanation) else None
        pending = await state.engines.submit(plan_request(document, shapes, spec.outputs, spec.views, explanation))
        plan = orjson.loads((await pending.header).plan)
        sent = (plan["reply_bytes"] or 0) * spec.data + plan["weight_bytes"] * spec.weights
        macs = plan["run_macs"] if explanation is None else plan["explanation"]["macs"]
        price = Price(macs or 0, 0 if isinstance(question, Arithmetic) else sent)  # parts of inputs were paid for
        state.prices.add(subject, price)
    return price

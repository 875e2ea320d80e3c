"""Plans of networks, computed by an engine."""

from __future__ import annotations

from asyncio import timeout
from collections.abc import Mapping
from typing import Any

import orjson

from models.errors import DeadlineExceeded, InvalidDocument
from models.networks.network import Network
from models.networks.step_networks import step_networks
from models.writing.keras_json import Planned
from service.engines.requests import plan_request
from service.requests.selection import selection_of
from service.state import State


async def plan_of(
    state: State,
    network: Network,
    batch: int | None,
    layers: list[str] | None,
    views: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the engine's plan of a network that declares its inputs. `views` are unparsed options of a request."""
    outputs, parsed_views = await selection_of(network, layers, views or {})
    shapes = {name: (batch, *spec.shape) for name, spec in network.inputs.items()}
    pending = await state.engines.submit(plan_request(network.document_bytes, shapes, outputs, parsed_views))
    plan: dict[str, Any] = orjson.loads((await pending.header).plan)
    return plan


async def plan_step_blocks(state: State, network: Network, plan: Mapping[str, Any]) -> Planned:
    """Complete the plan of every tensor of a network by those of the blocks that layers apply to steps: equal blocks on
    equal steps are planned once.

    Raises:
        DeadlineExceeded: all plans together take longer than the deadline of a request.
    """
    seconds = state.settings.deadline
    try:
        async with timeout(seconds):
            return await _plan_step_blocks(state, network, plan, {})
    except TimeoutError:
        raise DeadlineExceeded(f"Planning the blocks took longer than {seconds:g} s and was stopped.") from None


async def _plan_step_blocks(
    state: State, network: Network, plan: Mapping[str, Any], cache: dict[bytes, Planned]
) -> Planned:
    """Do the same with a cache of planned blocks by document."""
    inputs = {name: (tuple(row["shape"]), row["dtype"]) for name, row in plan["inputs"].items()}
    tensors = inputs | {row["address"]: (tuple(row["shape"]), row["dtype"]) for row in plan["layers"]}
    steps = {}
    for path, inner in step_networks(network, tensors).items():
        key = inner.document_bytes
        if key not in cache:
            cache[key] = await _plan_step_blocks(state, inner, await plan_of(state, inner, None, ["**"]), cache)
        steps[path] = cache[key]
    return Planned(network, tensors, steps)


def require_inputs(network: Network) -> None:
    """Raise InvalidDocument if a network declares no inputs: it cannot be planned."""
    if not network.inputs:
        raise InvalidDocument.at(
            "/input",
            "the document declares no input",
            expected="a shape without the batch",
            received="nothing",
            suggestion='write "input": [28, 28, 1]',
        )

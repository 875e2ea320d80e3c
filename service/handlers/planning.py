"""Plans of networks, by an engine."""

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
    """The engine's plan of a network that declares its inputs. `views` are options as a client writes them."""
    outputs, seen = await selection_of(network, layers, views or {})
    shapes = {name: (batch, *spec.shape) for name, spec in network.inputs.items()}
    pending = await state.engines.submit(plan_request(network.document_bytes, shapes, outputs, seen))
    plan: dict[str, Any] = orjson.loads((await pending.header).plan)
    return plan


async def planned(state: State, network: Network, plan: Mapping[str, Any]) -> Planned:
    """A network whose plan, of every tensor, is known, with the plans of blocks that layers apply to steps: equal ones
    on equal steps are planned once.

    Raises:
        DeadlineExceeded: all of them together take longer than a request may.
    """
    seconds = state.settings.deadline
    try:
        async with timeout(seconds):
            return await _planned(state, network, plan, {})
    except TimeoutError:
        raise DeadlineExceeded(f"Planning the blocks took longer than {seconds:g} s and was stopped.") from None


async def _planned(state: State, network: Network, plan: Mapping[str, Any], known: dict[bytes, Planned]) -> Planned:
    """The same; `known` are the blocks that were planned already, by their documents."""
    inputs = {name: (tuple(row["shape"]), row["dtype"]) for name, row in plan["inputs"].items()}
    tensors = inputs | {row["address"]: (tuple(row["shape"]), row["dtype"]) for row in plan["layers"]}
    steps = {}
    for path, inner in step_networks(network, tensors).items():
        key = inner.document_bytes
        if key not in known:
            known[key] = await _planned(state, inner, await plan_of(state, inner, None, ["**"]), known)
        steps[path] = known[key]
    return Planned(network, tensors, steps)


def require_inputs(network: Network) -> None:
    """A network can be planned once its inputs are declared."""
    if not network.inputs:
        raise InvalidDocument.at(
            "/input",
            "the document declares no input",
            expected="a shape without the batch",
            received="nothing",
            suggestion='write "input": [28, 28, 1]',
        )

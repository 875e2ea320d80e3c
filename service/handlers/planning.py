"""Plans of networks, computed by an engine."""

from __future__ import annotations

from asyncio import timeout
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.documents.notes import notes_json
from models.errors import DeadlineExceeded, InvalidDocument, InvalidOption
from models.explaining.questions import Explanation
from models.networks.network import Network
from models.networks.step_networks import step_networks
from models.writing.keras_json import Planned
from service.engines.client import Engines
from service.engines.request_builders import plan_request, source_of
from service.handlers.explanation_questions import planned_explanation
from service.handlers.request_errors import errors_in_request
from service.options.field_names import MODEL_HEADER
from service.options.plan import PlanOptions
from service.registry.lookup import find_entry
from service.registry.model import Model, inline_model
from service.requests.selection import selection_of
from service.state import State


async def plan_of(  # noqa: PLR0913, PLR0917 (the subject of a plan, and what is asked about it)
    engines: Engines,
    network: Network,
    batch: int | None,
    layers: list[str] | None,
    views: Mapping[str, Any] | None = None,
    explanation: Explanation | None = None,
) -> dict[str, Any]:
    """Return the engine's plan of a network that declares its inputs. `views` are unparsed options of a request."""
    outputs, parsed_views = await selection_of(network, layers, views or {})
    shapes = {name: (batch, *spec.shape) for name, spec in network.inputs.items()}
    pending = await engines.submit(plan_request(network.document_bytes, shapes, outputs, parsed_views, explanation))
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
    """Plan the blocks of a network and, recursively, of theirs; `cache` has the planned ones by document."""
    inputs = {name: (tuple(row["shape"]), row["dtype"]) for name, row in plan["inputs"].items()}
    tensors = inputs | {row["address"]: (_shape_in_graph(row), row["dtype"]) for row in plan["layers"]}
    steps = {}
    for path, inner in step_networks(network, tensors).items():
        key = inner.document_bytes
        if key not in cache:
            inner_plan = await plan_of(state.engines, inner, None, ["**"])
            cache[key] = await _plan_step_blocks(state, inner, inner_plan, cache)
        steps[path] = cache[key]
    return Planned(network, tensors, steps)


def _shape_in_graph(row: Mapping[str, Any]) -> tuple[int | None, ...]:
    return tuple(row.get("in_graph", row)["shape"])


async def find_model(state: State, name: str | None, raw: Any) -> Model:
    """Return the registered model of a name, or without one the model of a request's body; nothing is fetched.

    Raises:
        InvalidOption: there are both.
        InvalidDocument, NotFound, ModelDamaged
    """
    if name is None:
        advice = "POST /v1/plan?model={name} plans it"
        return await inline_model(state.store, raw, state.resolver.read_without_fetch, advice)
    if raw is not None:
        expected = "one in the query or one in the body"
        raise InvalidOption.at("/model", "there are two models", expected=expected, received="both")
    entry = await find_entry(state.store, name)
    architecture = await run_in_threadpool(state.store.architecture, entry)
    return Model(architecture, entry.name, entry.id)


async def plan_response(request: Request, state: State, model: Model, options: PlanOptions) -> Response:
    """Plan a model, and build the response."""
    with errors_in_request(request, model):
        network = model.architecture.network
        require_inputs(network)
        explanation = planned_explanation(network, options.explanation)
        plan = await plan_of(state.engines, network, options.batch, options.layers, options.views(), explanation)
    inline_id = source_of(network, model.weights).key if model.weights_to_fetch is None else None
    head = {
        "id": model.id or inline_id,
        "name": model.name,
        "parameters": plan["totals"]["parameters"],
        "outputs": network.outputs,
    }
    headers = {MODEL_HEADER: inline_id} if model.id is None and inline_id is not None else None
    content = orjson.dumps({"model": head, **plan, **notes_json(model.notes)})
    return Response(content, headers=headers, media_type="application/json")


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

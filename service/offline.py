"""Planning without a server, on an engine started for this one request."""

from __future__ import annotations

from typing import Any

import orjson

from models.networks.architecture import Architecture
from models.networks.selectors import select
from models.store.store import ModelStore
from service.engines.pool import EnginePool
from service.engines.requests import plan_request
from service.handlers.planning import require_inputs
from service.registry.pretrained import Pretrained
from service.registry.resolver import Applications
from service.settings import Settings


async def plan_offline(raw: Any, batch: int, settings: Settings) -> dict[str, Any]:
    """Return the plan of a document, as `POST /v1/plan` does. An invalid document is rejected before engine start."""
    store = ModelStore(settings.data_dir)
    engines = EnginePool(settings.model_copy(update={"engines": 1, "spare_engines": 0}))
    applications = Applications(engines, Pretrained(settings, store))
    try:
        model = await applications.model_of(raw)
        if isinstance(model, Architecture):
            require_inputs(model.network)
        await engines.start()
        network = (await applications.graph(model)).architecture.network
        require_inputs(network)
        shapes = {name: (batch, *spec.shape) for name, spec in network.inputs.items()}
        pending = await engines.submit(plan_request(network.document_bytes, shapes, select(network, None), {}))
        plan: dict[str, Any] = orjson.loads((await pending.header).plan)
        return plan
    finally:
        await engines.stop()
        store.close()

"""Planning without a server, on an engine started for this one request."""

from __future__ import annotations

from typing import Any

from models.networks.architecture import Architecture
from models.store.store import ModelStore
from service.engines.pool import EnginePool
from service.handlers.planning import plan_of, require_inputs
from service.registry.pretrained import Pretrained
from service.registry.resolver import ModelResolver
from service.settings import Settings

ONE_HERE = {"engines": 1, "spare_engines": 0, "ray": "", "engines_max": 0}
"""One engine, a process of this machine."""


async def plan_offline(raw: Any, batch: int, settings: Settings) -> dict[str, Any]:
    """Return the plan of a document, as `POST /v1/plan` does. An invalid document is rejected before engine start."""
    store = ModelStore(settings.data_dir)
    engines = EnginePool(settings.model_copy(update=ONE_HERE))
    resolver = ModelResolver(engines, Pretrained(settings, store))
    try:
        model = await resolver.parse(raw)
        if isinstance(model, Architecture):
            require_inputs(model.network)
        await engines.start()
        network = (await resolver.resolve_without_fetch(model)).architecture.network
        require_inputs(network)
        return await plan_of(engines, network, batch, None)
    finally:
        await engines.stop()
        store.close()

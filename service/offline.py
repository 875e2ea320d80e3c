"""A plan without a server: one engine is started, asked, and stopped."""

from __future__ import annotations

from typing import Any

import orjson

from models.addresses import select
from models.document import parse_document
from models.expansion import expand
from service.jobs import document_bytes
from service.local_engines import LocalEngines
from service.plans import require_inputs
from service.settings import Settings


async def planned_offline(raw: Any, batch: int, settings: Settings) -> dict[str, Any]:
    """The plan of a document, as `POST /v1/plan` gives it."""
    network = expand(parse_document(raw))
    require_inputs(network)
    engines = LocalEngines(settings)
    await engines.start()
    try:
        shapes = {name: (batch, *spec.shape) for name, spec in network.inputs.items()}
        plan: dict[str, Any] = orjson.loads(await engines.plan(document_bytes(network), shapes, select(network, None)))
        return plan
    finally:
        await engines.stop()

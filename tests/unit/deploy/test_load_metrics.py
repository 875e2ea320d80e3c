"""The metrics that the autoscaler goes by rise with load, also where requests are refused."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.deploy.manifests import resources
from tests.unit.serving import Running, StubPool, running

MODEL = {"name": "stall 0.05", "input": [2], "layers": [{"type": "Dense", "units": 1}]}
SECONDS = 3.0
CLIENTS = {"idle": 0, "busy": 1, "overloaded": 60}
"""How many send one run after the other."""


async def test_an_overloaded_instance_asks_for_more(tmp_path: Path) -> None:
    """Without load and with half of it neither metric is over its target; with too much, both are."""
    spec = resources("base")["HorizontalPodAutoscaler", "layerscope"]["spec"]
    waiting, refused = (number(one["pods"]["target"]["averageValue"]) for one in spec["metrics"])
    async with running(tmp_path, pool=StubPool, queue_seconds=0.4) as service:
        rates = {name: await rates_of(service, clients) for name, clients in CLIENTS.items()}
    assert rates["idle"] == (0.0, 0.0)
    assert rates["busy"][0] < waiting
    assert rates["busy"][1] == 0.0
    assert rates["overloaded"][0] > 2 * waiting
    assert rates["overloaded"][1] > 2 * refused


def number(quantity: str) -> float:
    """Return the number of a quantity of Kubernetes: `500m` is a half."""
    return float(quantity.removesuffix("m")) / (1000 if quantity.endswith("m") else 1)


async def rates_of(service: Running, clients: int) -> tuple[float, float]:
    """Return both metrics as the adapter's queries compute them: seconds of waiting and refusals, a second."""
    async with httpx.AsyncClient(base_url=service.url, timeout=60, limits=httpx.Limits(max_connections=100)) as client:
        before, begun = await counters(client), time.monotonic()
        await asyncio.gather(*(send_runs(client, begun + SECONDS) for _ in range(clients)))
        if not clients:
            await client.get("/v1/models")
        after, seconds = await counters(client), time.monotonic() - begun
    return tuple((b - a) / seconds for a, b in zip(before, after, strict=True))  # type: ignore[return-value]


async def send_runs(client: httpx.AsyncClient, end: float) -> None:
    """Send runs one after the other; one that is refused again a moment later."""
    while time.monotonic() < end:
        reply = await client.post("/v1/activations", json={"model": MODEL, "inputs": [[1.0, 2.0]], "data": "none"})
        if reply.status_code == 503:
            await asyncio.sleep(0.1)


async def counters(client: httpx.AsyncClient) -> tuple[float, float]:
    """Return the seconds that runs waited, and how many were refused."""
    found = (await client.get("/metrics")).raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(found) for sample in family.samples]
    waited = sum(one.value for one in samples
                 if (one.name, one.labels.get("phase")) == ("layerscope_phase_seconds_sum", "queue"))  # fmt: skip
    refused = sum(one.value for one in samples
                  if (one.name, one.labels.get("code")) == ("layerscope_errors_total", "overloaded"))  # fmt: skip
    return waited, refused

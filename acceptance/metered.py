"""Metrics under mixed load, against what the clients counted: requests, runs, errors, bytes, multiply-adds, times.

Arguments: seconds of load (600), names of models (10,000).
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import uvloop
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from acceptance.live_service import Service, running

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
NETWORK = {"input": [8, 8, 1], "layers": [
    {"type": "Conv2D", "filters": 4, "kernel_size": 3, "name": "conv"}, {"type": "Flatten"},
    {"type": "Dense", "units": 3}]}  # fmt: skip
IMAGE = [[[1.0]] * 8] * 8
CONNECTIONS = 6
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass
class Counted:
    """What the clients saw."""

    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By route template, method and status."""
    codes: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    macs: int = 0
    read: int = 0
    """Bytes of the bodies of requests, without those refused before they were read."""
    sent: int = 0
    seconds: float = 0.0

    def add(self, kind: Kind, reply: httpx.Response, seconds: float) -> None:
        """Count a reply."""
        self.requests[kind.route, kind.method, str(reply.status_code)] += 1
        self.read += len(reply.request.content) if kind.is_read else 0
        self.sent += reply.num_bytes_downloaded
        self.seconds += seconds
        if reply.status_code >= 400:
            self.codes[reply.json().get("code", "")] += 1
        elif kind.macs is not None:
            self.runs += 1
            self.macs += kind.macs


@dataclass(frozen=True)
class Kind:
    """One kind of request."""

    route: str
    method: str
    path: str
    arguments: dict[str, Any] = field(default_factory=dict)
    macs: int | None = None
    is_read: bool = True
    """Whether its body is read, which it is not where the model is unknown."""


def kinds(plans: dict[str, int]) -> list[Kind]:
    """Return the kinds of requests, with multiply-adds by the plan of what they ask for."""
    run, model = "/v1/models/{name}/activations", "/v1/models/a/activations"
    inputs = {"json": {"inputs": [IMAGE]}}
    inline = {"json": {"model": NETWORK, "inputs": [IMAGE]}}
    infer = {"json": {"inputs": [{"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [IMAGE]}]}}
    return [
        Kind(run, "POST", model, inputs, plans["all"]),
        Kind(run, "POST", f"{model}?layers=conv&format=npy", inputs, plans["conv"]),
        Kind(run, "POST", f"{model}?layers=nothing", inputs),
        Kind(run, "POST", "/v1/models/missing/activations", inputs, is_read=False),
        Kind(run, "POST", model, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
        Kind("/v1/activations", "POST", "/v1/activations", inline, plans["all"]),
        Kind("/v1/plan", "POST", "/v1/plan", {"json": {"model": NETWORK}}),
        Kind("/v2/models/{name}/infer", "POST", "/v2/models/a/infer", infer, plans["all"]),
        Kind("/v1/models/{name}", "GET", "/v1/models/a"),
        Kind("/v1/models", "GET", "/v1/models", {"headers": {"Accept-Encoding": "gzip"}}),
        Kind("-", "GET", "/nowhere"),
        Kind("/healthz", "GET", "/healthz"),
    ]


def planned(service: Service) -> dict[str, int]:
    """Return the multiply-adds of all layers, and of the first."""
    totals = {}
    for name, layers in (("all", ["**"]), ("conv", ["conv"])):
        body = {"model": NETWORK, "batch": 1, "layers": layers}
        totals[name] = service.client.post("/v1/plan", json=body).raise_for_status().json()["run_macs"]
    return totals


async def load(url: str, seconds: float, choices: list[Kind]) -> Counted:
    """Send requests at random over several connections; return what came back."""
    counted, end = Counted(), time.perf_counter() + seconds

    async def worker(client: httpx.AsyncClient, seed: int) -> None:
        chosen = random.Random(seed)
        while time.perf_counter() < end:
            kind = chosen.choice(choices)
            begun = time.perf_counter()
            reply = await client.request(kind.method, kind.path, **kind.arguments)
            counted.add(kind, reply, time.perf_counter() - begun)

    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        await asyncio.gather(*(worker(client, seed) for seed in range(CONNECTIONS)))
    return counted


def scraped(service: Service, accept: str = "text/plain") -> Samples:
    """Return every sample by its name and labels, as a public parser reads it."""
    text = service.client.get("/metrics", headers={"Accept": accept}).raise_for_status().text
    parse = parse_openmetrics if accept == OPENMETRICS else parse_text
    families = list(parse(text))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def difference(after: Samples, before: Samples, name: str, **labels: str) -> float:
    """Return by how much a metric has grown: the sum of its series with these labels."""
    chosen = [key for key in after if key[0] == name and labels.items() <= dict(key[1]).items()]
    return sum(after[key] - before.get(key, 0.0) for key in chosen)


def compared(counted: Counted, after: Samples, before: Samples) -> int:
    """Print each figure beside that of the clients; returns the number that differ."""
    rows = [("runs", counted.runs, difference(after, before, "layerscope_runs_total")),
            ("multiply-adds", counted.macs, difference(after, before, "layerscope_multiply_adds_total")),
            ("bytes read", counted.read, difference(after, before, "layerscope_received_bytes_total"))]  # fmt: skip
    for (route, method, status), count in sorted(counted.requests.items()):
        labels = {"route": route, "method": method, "status": status}
        total = difference(after, before, "layerscope_requests_total", **labels)
        rows.append((f"{method} {route} {status}", count, total))
    for code, count in sorted(counted.codes.items()):
        rows.append((f"error {code}", count, difference(after, before, "layerscope_errors_total", code=code)))
    for what, expected, found in rows:
        print(f"  {what:52}{expected:>16}{found:>16.0f}{'' if expected == found else '  differs'}", flush=True)
    sent = difference(after, before, "layerscope_sent_bytes_total")
    scrapes = sent - counted.sent  # of /metrics itself, and of /readyz
    seconds = difference(after, before, "layerscope_request_seconds_sum")
    phases = difference(after, before, "layerscope_phase_seconds_sum")
    print(f"  bytes sent {counted.sent}, and {scrapes:.0f} of other responses; seconds of the clients "
          f"{counted.seconds:.1f}, of requests {seconds:.1f}, of runs {phases:.1f}")  # fmt: skip
    return sum(expected != found for _, expected, found in rows) + (scrapes < 0)


def cardinality(service: Service, names: int) -> int:
    """Print the number of series before and after so many names; returns how many they have added."""
    before = len(scraped(service))
    document = json.dumps(NETWORK).encode()
    headers = {"Content-Type": "application/json"}
    for number in range(names):
        service.client.put(f"/v1/models/name-{number}", content=document, headers=headers).raise_for_status()
        service.client.get(f"/v1/models/name-{number}x")
    after = len(scraped(service))
    print(f"series: {before}; after {names} names registered and as many asked for in vain {after}", flush=True)
    return after - before


def main() -> int:
    """Print it all; returns 1 if a figure differs, or names of models make series."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    names = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with TemporaryDirectory() as folder, running(Path(folder), LOG="off") as service:
        service.client.put("/v1/models/a", json=NETWORK).raise_for_status()
        choices = kinds(planned(service))
        uvloop.run(load(str(service.client.base_url), 3.0, choices))
        before = scraped(service)
        counted = uvloop.run(load(str(service.client.base_url), seconds, choices))
        time.sleep(0.5)
        after = scraped(service)
        print(f"{sum(counted.requests.values())} requests in {seconds:g} s; clients, metrics:", flush=True)
        wrong = compared(counted, after, before)
        forms = [{name for name, _ in scraped(service, form)} for form in ("text/plain", OPENMETRICS)]
        both = [len({name.removesuffix("_created") for name in names_in}) for names_in in forms]
        print(f"{wrong} differ; names of series in both formats: {both}", flush=True)
        added = cardinality(service, names)
    return int(wrong > 0 or added > 40)


if __name__ == "__main__":
    sys.exit(main())

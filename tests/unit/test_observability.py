"""What comes for Prometheus and Grafana: every query is valid, and asks for metrics that there are."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import promql_parser
import pytest
from ruamel.yaml import YAML

from service.engines.figures import EngineFigures, Figures
from service.handlers.metrics import ServiceGauges
from service.observing.engine_trace import EngineTrace
from service.observing.metrics import PHASES, Metrics
from service.observing.records import Record

FOLDER = Path(__file__).parents[2] / "deploy" / "observability"
OF_PROMETHEUS = {"up"}


def queries() -> list[str]:
    """Return the queries of the dashboard and of the alerts."""
    board = json.loads((FOLDER / "grafana/dashboards/layerscope.json").read_text())
    alerts = YAML(typ="safe").load(FOLDER / "alerts.yml")
    rules = [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]
    return rules + [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def series() -> dict[str, set[str]]:
    """Return the names of all series that a service can have, and the labels of each."""
    metrics = Metrics()
    refreshed = SimpleNamespace(age=lambda: 0.0, seconds=0.0, failures=0)
    figures = Figures(engines=(EngineFigures(),), restarts={"crash": 1})
    state: Any = SimpleNamespace(
        engines=SimpleNamespace(figures=lambda: figures, states=list, spare_states=list),
        store=SimpleNamespace(model_count=lambda: 1, nbytes=lambda: 1, refreshed=refreshed),
        memory=SimpleNamespace(limit=1, free=1),
    )
    metrics.watch(gauges := ServiceGauges(state))
    asyncio.run(gauges.refresh())
    trace = EngineTrace("client", run_ms=1.0)
    metrics.observe({}, Record("id", "POST", 0.0, code="internal", trace=trace))
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize("query", queries())
def test_queries_ask_for_what_there_is(query: str) -> None:
    """Each is parsed, and its metrics, labels and phases exist."""
    text = query.replace("$__rate_interval", "1m")
    promql_parser.parse(text)
    known = series()
    names = set(re.findall(r"\b(layerscope_\w+)", text))
    assert names or re.match(r"\w+", text)[0] in OF_PROMETHEUS  # type: ignore[index]
    assert names <= known.keys()
    for name, matchers in re.findall(r"\b(layerscope_\w+)\{([^}]*)\}", text):
        assert {matcher.partition("=")[0].strip() for matcher in matchers.split(",")} <= known[name]
    for phase in re.findall(r'phase="(\w+)"', text):
        assert phase in PHASES


def test_every_metric_is_described() -> None:
    """docs/operations.md names all."""
    described = (FOLDER.parents[1] / "docs/operations.md").read_text()
    families = {re.sub(r"_(total|bucket|sum|count|created|info)$", "", name) for name in series()}
    assert [name for name in sorted(families) if name not in described] == []

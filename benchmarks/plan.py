"""What is measured: of each workload, who takes part and how."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import churn, cold, cold_large, growth
from benchmarks.measure import measured
from benchmarks.peers import PEERS
from benchmarks.samples import WORKLOADS, Sample
from benchmarks.timings import printed

Measurement = Callable[[Sample, float], dict[str, Any]]
"""Takes the workload's files and the seconds of load a cell; gives `cells` by name, and what else is known."""
ONCE = ("growth", "churn")
"""What takes long, and is no comparison."""


def plan(documents: int) -> dict[str, dict[str, Measurement]]:
    """Measurements by workload and name; `documents` are those of churn."""
    served: dict[str, dict[str, Measurement]] = {
        workload: {name: partial(measured, peer, cells) for name, peer in PEERS.items() if workload in peer.workloads}
        for workload, cells in WORKLOADS.items()
    }
    served["mnv2all"]["compute alone"] = lambda sample, seconds: printed("compute", sample.folder, seconds)
    return {
        **served,
        "cold": {"layerscope": cold.layerscope, "keras": cold.keras},
        "large": {"layerscope": cold_large.layerscope, "keras": cold_large.keras},
        "growth": {"layerscope": growth.measured, "batching": lambda *_: printed("batching")},
        "churn": {"layerscope": lambda sample, _: churn.measured(sample, documents)},
    }

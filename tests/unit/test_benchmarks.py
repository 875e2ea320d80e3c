"""Evaluation of benchmark results, with hand-computed figures."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from benchmarks import start
from benchmarks.load import Seen, read
from benchmarks.processes import cpu_seconds, memories, tree
from benchmarks.ratios import GOALS, measured, table
from benchmarks.replies import open_inference
from benchmarks.tables import report
from benchmarks.timings import cell

WRK = """Running 2s test @ http://127.0.0.1:18080/json
  1 threads and 16 connections
Requests/sec:    750.0
{"seconds": 2.000000, "requests": 1500, "refused": 3, "broken": 1, "p50_ms": 20.500, "p99_ms": 41.000}
"""


def record(**rates: float) -> dict[str, Any]:
    """Build a server's record with a rate for each cell; its p50 is 1,000 / rate ms and its p99 twice that."""
    figures = {
        name.replace("_", " "): {
            "requests_per_second": rate,
            "p50_ms": 1000 / rate,
            "p99_ms": 2000 / rate,
            "requests": 100,
            "errors": 1,
        }
        for name, rate in rates.items()
    }
    return {"cells": figures, "start_s": 1.0, "idle_mib": {"first": 10, "others": 20},
            "loaded_mib": {"first": 30, "others": 40}}  # fmt: skip


def test_the_last_line_of_wrk_is_parsed() -> None:
    """Error responses and broken connections are errors; the rate is that of the 1,497 other responses."""
    assert read(WRK) == Seen(requests=1500, requests_per_second=748.5, p50_ms=20.5, p99_ms=41, errors=4)


def test_individually_timed_calls_make_a_cell() -> None:
    """100 calls of 1 to 100 ms: mean and median are 50.5, the 99th percentile is 99.01."""
    assert cell([float(number) for number in range(1, 101)]) == {
        "requests": 100,
        "requests_per_second": pytest.approx(1000 / 50.5),
        "p50_ms": 50.5,
        "p99_ms": pytest.approx(99.01),
        "errors": 0,
    }


def test_ratios_are_medians_over_rounds() -> None:
    """Of 900/300, 600/100 and 800/400 the median is 3, not 800/300 nor the mean."""
    pairs = [(900, 300), (600, 100), (800, 400)]
    rounds = [{"tiny": {"layerscope": record(json_16=ours), "floor": record(json_16=theirs)}} for ours, theirs in pairs]
    lines = {text: rest for _, text, *rest in table(rounds)}
    assert lines["JSON, 16: req/s by the floor's"] == ["≥ 1.5", "3.00", "reached", "3.00 · 6.00 · 2.00"]


def test_the_best_peer_excludes_the_floor() -> None:
    """900 by 300 of the faster peer is 3; the floor's 1,000 and a server that failed do not count."""
    (goal,) = [goal for goal in GOALS if "best peer" in goal.text]
    servers = {"layerscope": 900, "floor": 1000, "mlserver": 300, "litserve": 150}
    one = {name: record(json_16=rate) for name, rate in servers.items()}
    assert measured(goal, [{"tiny": {**one, "triton": {"failed": "NotInstalled: no such file"}}}]) == [3]


def test_cells_with_many_errors_are_ignored() -> None:
    """With more than one error in a hundred requests; the best of the others counts."""
    one = {name: record(json_16=rate) for name, rate in {"layerscope": 900, "triton": 26000, "mlserver": 300}.items()}
    one["triton"]["cells"]["json 16"]["errors"] = 2
    lines = {text: rest for _, text, *rest in table([{"tiny": one}])}
    assert lines["JSON, 16 connections: req/s by the best peer's"] == ["≥ 3", "3.00", "reached", "3.00"]
    assert lines["binary, 16: req/s by Triton's"] == ["≥ 1.6", "", "not measured", ""]


def test_times_of_parts_are_added() -> None:
    """100 ms where computing takes 20 and sending 60: a ratio of 1.25, which is still within the goal."""
    (goal,) = [goal for goal in GOALS if "alone" in goal.text]
    rates = {"layerscope": 10, "compute alone": 50, "sending alone": 1000 / 60}
    (ratio,) = measured(goal, [{"mnv2all": {name: record(binary_1=rate) for name, rate in rates.items()}}])
    assert ratio == pytest.approx(1.25)
    assert goal.reached(1.25)
    assert not goal.reached(1.26)


def test_memory_over_the_budget_is_relative_to_the_start() -> None:
    """From 300 to 1,400 MiB with a budget of 1,024: 76 MiB over it."""
    (goal,) = [goal for goal in GOALS if goal.workload == "churn"]
    kept = {"engine_mib": {"0": 300.0, "10000": 1400.0}, "budget_mib": 1024.0}
    assert measured(goal, [{"churn": {"layerscope": kept}}]) == [76]
    assert not goal.reached(76)


def test_starts_are_compared_with_a_bare_process() -> None:
    """Of 4, 6 and 5 s by 2, 4 and 4 s: the least is twice as long, the median 5 by 4; `/healthz` by the bare start."""
    times = [(4.0, 2.0), (6.0, 4.0), (5.0, 4.0)]
    rounds = [
        {"bare": {"ready": bare}, "layerscope": {"alive": own / 10, "ready": own, "processors": own}}
        for own, bare in times
    ]
    assert [line for line in start.table(rounds) if "layerscope" in line] == [
        "| layerscope | alive | 0.40 | 0.50 | 0.20 | 0.12 |",
        "| layerscope | ready | 4.00 | 5.00 | 2.00 | 1.25 |",
        "| layerscope | processors | 4.00 | 5.00 | 2.00 | 1.25 |",
    ]


def test_the_report_lists_unmeasured_servers() -> None:
    """Measured ones have medians and the sum of their errors."""
    rounds = [
        {"tiny": {"floor": record(json_16=rate), "triton": {"failed": "NotStarted: ended"}}} for rate in (1, 5, 2)
    ]
    text = report({"machine": {"cores": "2"}, "rounds": rounds})
    assert "| json 16 | floor | 2.0 | 500.00 | 1,000.00 |  | 3 |  |" in text
    assert "| floor | 1.0 | 30 | 70 | 30 | 40 |" in text
    assert "triton was not measured: NotStarted: ended" in text


def test_binary_tensors_follow_their_json() -> None:
    """The bytes of two outputs are concatenated in order."""
    first, second = np.arange(6, dtype=np.float32).reshape(2, 3), np.float32([[7]])
    described = b'{"outputs": [%s, %s]}' % (
        b'{"name": "a", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 24}}',
        b'{"name": "b", "shape": [1, 1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}',
    )
    reply = described + first.tobytes() + second.tobytes()
    values = open_inference(reply, {"inference-header-content-length": str(len(described))})
    np.testing.assert_array_equal(values["a"], first)
    np.testing.assert_array_equal(values["b"], second)


def test_resources_of_children_are_included() -> None:
    """A child that holds 64 MiB and has used 0.3 s of CPU."""
    code = "import time; kept = b'x' * 2**26\nwhile time.process_time() < 0.3: pass\nprint(flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        assert child.pid in tree(os.getpid())
        assert 64 <= memories(child.pid)["first"] < 128
        assert memories(os.getpid())["others"] >= 64
        assert 0.25 <= cpu_seconds(child.pid) < 5
        child.communicate(b"\n")

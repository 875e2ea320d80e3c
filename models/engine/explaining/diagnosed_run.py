"""Diagnosis of a run: every finding on every layer asked for, from all the tensors of these layers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from models.engine.execution import Execution
from models.engine.explaining.analysed_run import AnalysedRun
from models.engine.explaining.analysis_time import DIAGNOSED_SECONDS, check_seconds
from models.engine.report import Report, Result, Timing
from models.errors import InvalidOption
from models.explaining.diagnosing.diagnosis import Diagnosis, by_severity, diagnose
from models.explaining.diagnosing.layer_runs import RunTensors, addresses_of
from models.explaining.findings import FINDINGS
from models.ipc.messages import LayerInfo, Run
from models.networks.network import PRE, Network, Node


def diagnose_run(execution: Execution, run: Run, inputs: Sequence[np.ndarray]) -> Result:
    """Run a network, and say what the findings see in the layers that compute the outputs of `run`.

    Raises:
        InvalidOption: none of the outputs is of a layer.
        TooLarge: it would take too much memory or time.
    """
    started = time.perf_counter()
    model, _ = execution.model(run)
    nodes = _layers(model.network, run.outputs)
    whole = msgspec.structs.replace(run, outputs=addresses_of(model.network, nodes))
    analysed = AnalysedRun(execution, whole, inputs)
    seconds = analysed.cost.seconds + DIAGNOSED_SECONDS * sum(row.info.nbytes // 4 for row in analysed.plan.rows)
    check_seconds(seconds, execution.time, len(inputs[0]))
    built = time.perf_counter()
    found = RunTensors(analysed.network, analysed.inputs, analysed.tensors(), analysed.weights_of)
    execution.cache.trim()
    report, diagnoses = Report(model, {}), list[Diagnosis]()
    for node, layer_run in zip(nodes, found.layer_runs(nodes), strict=True):
        own = diagnose(layer_run, FINDINGS.values())
        report.layers.append(_layer(analysed, node, own))
        diagnoses += own
    timing = Timing(analysed.cached, (built - started) * 1e3, (time.perf_counter() - built) * 1e3, seconds)
    edits = analysed.edits_json()
    facts = {"findings": list(map(_finding_json, by_severity(diagnoses))), **({"edits": edits} if edits else {})}
    return report.result(timing, analysed.cost.macs, facts)


def _layers(network: Network, outputs: Sequence[str]) -> list[Node]:
    """Return the calls that compute these tensors, blocks left out: the layers inside them have addresses."""
    wanted = {address.removesuffix(PRE) for address in outputs}
    nodes = [node for node in network.calls if not node.is_block and wanted & set(node.outputs)]
    if not nodes:
        received = ", ".join(outputs[:3])
        advice = f'write "{outputs[0]}/**" for the layers of a block'
        raise InvalidOption.at("/layers", "none of these is a layer", "layers, not inputs or blocks", received, advice)
    return nodes


def _layer(analysed: AnalysedRun, node: Node, diagnoses: Sequence[Diagnosis]) -> LayerInfo:
    row = next(row for row in analysed.plan.rows if row.info.name == node.outputs[0])
    statuses = {diagnosis.outcome.finding: diagnosis.outcome.status for diagnosis in diagnoses}
    parameters = analysed.model.parameters_of(node)
    return LayerInfo(node.address, row.type, row.info, parameters, in_graph=row.in_graph, facts={"findings": statuses})


def _finding_json(diagnosis: Diagnosis) -> Mapping[str, Any]:
    return {"address": diagnosis.address, "type": diagnosis.type, **asdict(diagnosis.outcome)}

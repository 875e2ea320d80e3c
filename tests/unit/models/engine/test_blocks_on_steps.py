"""Blocks inside TimeDistributed: their costs, and the pointers of their faults."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from models.engine.plan import plan_report
from models.engine.shaping import declared_shapes, shape_network
from models.errors import DeadlineExceeded, InvalidDocument
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document
from service.handlers.planning import plan_step_blocks
from service.settings import Settings

DENSE = {"type": "Dense", "units": 2}


def block(*layers: Any, **fields: Any) -> dict[str, Any]:
    """Build a block of layers."""
    return {"type": "Block", "layers": list(layers), **fields}


def plan(layer: Any, shape: list[int]) -> Any:
    """Plan a layer applied to steps, with a batch of five."""
    network = expand(parse_document({"input": shape, "layers": [{"type": "TimeDistributed", "layer": layer}]}))
    shapes = {name: (5, *rest) for name, (_, *rest) in declared_shapes(network).items()}
    return plan_report(shape_network(network, shapes), ["time_distributed"])


def test_a_block_costs_its_layers_once_per_step() -> None:
    """5 rows × 3 steps × (4·2 + 2·2) multiply-adds; its weights count once."""
    report = plan(block(DENSE, DENSE), [3, 4])
    assert report["layers"][0]["shape"] == (5, 3, 2)
    assert (report["totals"]["macs"], report["totals"]["parameters"]) == (5 * 3 * (4 * 2 + 2 * 2), 10 + 6)


def test_nested_steps_multiply_the_cost() -> None:
    """Two steps of three steps each."""
    report = plan({"type": "TimeDistributed", "layer": block(DENSE)}, [2, 3, 4])
    assert report["totals"]["macs"] == 5 * 2 * 3 * 4 * 2


NAMED = {**DENSE, "name": "a", "inputs": ["b"]}, {**DENSE, "name": "b", "inputs": ["a"]}


@pytest.mark.parametrize(
    ("layer", "shape", "pointer", "message"),
    [
        (block({"type": "Conv2D", "filters": 1, "kernel_size": 3}), [3, 4], "/layer/layers/0", "with 2 axes"),
        (block(DENSE, {"type": "Dens", "units": 2}), [3, 4], "/layer/layers/1/type", "no layer of this type"),
        (block(*NAMED), [3, 4], "/layer/layers/0/inputs/0", "cannot be computed first"),
        (block({"type": "LSTM", "units": 2, "return_state": True}), [3, 4, 5], "/layer/outputs", "returns one tensor"),
        (block(DENSE, outputs=["dense", "dense"]), [3, 4], "", "one tensor to one tensor"),
        (block(DENSE, inputs=["input"]), [3, 4], "/layer", "takes its input from it"),
        (block(*[DENSE] * 30), [256, 4], "/inputs", "too many steps"),
    ],
)
def test_faults_point_into_the_block(layer: Any, shape: list[int], pointer: str, message: str) -> None:
    """Those found by the front and those found by an engine."""
    with pytest.raises(InvalidDocument) as caught:
        plan(layer, shape)
    (problem,) = caught.value.problems
    assert (problem.pointer, message in problem.message) == (f"/layers/0{pointer}", True)


async def test_equal_blocks_are_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For steps of equal shape; all plans share the deadline of one request."""
    relu = {"type": "TimeDistributed", "layer": block({"type": "ReLU"})}
    network = expand(parse_document({"input": [3, 2], "layers": [relu, relu]}))
    asked: list[Network] = []

    def known(of: Network) -> dict[str, Any]:
        (row,) = ({"shape": [None, *spec.shape], "dtype": spec.dtype} for spec in of.inputs.values())
        return {"inputs": dict.fromkeys(of.inputs, row),
                "layers": [{"address": node.outputs[0], **row} for node in of.nodes]}  # fmt: skip

    async def counted(_engines: Any, of: Network, *_: Any) -> dict[str, Any]:
        asked.append(of)
        return known(of)

    async def endless(*_: Any) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    state: Any = SimpleNamespace(engines=None, settings=Settings(deadline=0.05))
    monkeypatch.setattr("service.handlers.planning.plan_of", counted)
    assert len((await plan_step_blocks(state, network, known(network))).steps) == 2
    assert len(asked) == 1
    monkeypatch.setattr("service.handlers.planning.plan_of", endless)
    with pytest.raises(DeadlineExceeded):
        await plan_step_blocks(state, network, known(network))

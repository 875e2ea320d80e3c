"""The network of the last plan is what the next run builds: registration plans it, the first run finds it shaped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.engine import build as building
from models.engine.execution import EngineLimits, Execution
from models.engine.tensorflow_setup import prepare
from models.ipc.messages import DescribeWeights, Payload, Plan, Run, TensorInfo
from models.networks.expansion import expand
from models.reading.parse import parse_document

prepare()
DOCUMENT: dict[str, Any] = {
    "input": [8, 8, 4],
    "layers": [{"type": "Conv2D", "filters": 4, "kernel_size": 3, "name": f"conv{n}"} for n in range(3)]
    + [{"type": "Dense", "units": 3}],
}
IMAGE = np.random.default_rng(0).random((1, 8, 8, 4), np.float32)


def request_of(key: str, document: dict[str, Any] = DOCUMENT) -> Run:
    """A run of a document on the image."""
    info = TensorInfo("input", "float32", IMAGE.shape, IMAGE.nbytes)
    return Run(0, key, expand(parse_document(document)).document_bytes, (info,), (Payload(IMAGE.tobytes()),),
               ("dense",), data=True, stats=False, weights=False, training=False, max_bytes=1 << 20,
               max_macs=1 << 40)  # fmt: skip


def new_execution() -> Execution:
    """An engine's models, without limits that matter."""
    return Execution(EngineLimits(1 << 30, 1 << 30), 1 << 30)


@pytest.fixture
def shaped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list with an entry for each network that a build shapes for itself."""
    calls, original = [], building.shape_network

    def counting(*arguments: Any) -> Any:
        calls.append("shaped")
        return original(*arguments)

    monkeypatch.setattr(building, "shape_network", counting)
    return calls


def test_what_was_planned_last_is_not_shaped_again(shaped: list[str]) -> None:
    """The model built of it has the bits of one shaped for itself, and shares no layer with the next."""
    request, fresh = request_of("planned"), new_execution().run(request_of("planned"), [IMAGE])
    assert shaped.pop() == "shaped"
    execution = new_execution()
    execution.plan(Plan(0, request.document, {"input": (None, 8, 8, 4)}, ("dense",)))
    planned = execution.run(request, [IMAGE])
    assert not shaped
    assert bytes(planned.buffers[0]) == bytes(fresh.buffers[0])
    execution.run(request_of("again"), [IMAGE])
    assert shaped
    first, second = (model.symbolic.layers["dense"] for model in execution.cache._models.values())
    assert first is not second


def test_what_is_asked_for_its_weights_is_not_shaped_again(shaped: list[str]) -> None:
    """That is how a file of weights is registered."""
    request, execution = request_of("described"), new_execution()
    execution.specs(DescribeWeights(0, request.document))
    execution.run(request, [IMAGE])
    assert not shaped


def test_another_document_is_shaped_for_itself(shaped: list[str]) -> None:
    """And then the network of the plan is not kept any longer."""
    execution, planned = new_execution(), request_of("planned").document
    execution.plan(Plan(0, planned, {"input": (None, 8, 8, 4)}, ("dense",)))
    execution.run(request_of("other", {**DOCUMENT, "seed": 1}), [IMAGE])
    assert shaped
    assert execution.last_shaped.take(planned) is None


def test_a_plan_of_a_batch_serves_and_one_of_other_lengths_does_not() -> None:
    """A model is built on the lengths that its document declares, with a free batch."""
    execution, document = new_execution(), request_of("planned").document
    execution.plan(Plan(0, document, {"input": (2, 8, 8, 4)}, ("dense",)))
    kept = execution.last_shaped.take(document)
    assert kept is not None
    assert kept.shape("dense") == (None, 2, 2, 3)
    free = request_of("free", {**DOCUMENT, "input": [None, None, 4]}).document
    execution.plan(Plan(0, free, {"input": (2, 8, 8, 4)}, ("dense",)))
    assert execution.last_shaped.take(free) is None


def test_built_bytes_count_the_layers_that_were_shaped_before() -> None:
    """For a network large enough to be measured, as much as if its build had shaped them."""
    layers = [{"type": "ReLU", "name": f"relu{n}"} for n in range(30)] + DOCUMENT["layers"][-1:]
    request, sizes = request_of("layers", {**DOCUMENT, "layers": layers}), []
    for is_planned in (False, True):
        execution = new_execution()
        if is_planned:
            execution.plan(Plan(0, request.document, {"input": (None, 8, 8, 4)}, ("dense",)))
        sizes.append(execution.model(request)[0].built_bytes)
    assert sizes[1] >= 30 * building.LAYER_BYTES
    assert sizes[0] / 4 < sizes[1] < sizes[0] * 8

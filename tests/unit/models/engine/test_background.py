"""Large selections are compiled between requests, which are answered layer by layer meanwhile, with the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import keras
import numpy as np
import pytest

from models.engine import compiled_selection
from models.engine.background import Background, Pause
from models.engine.build import BuiltModel, build
from models.engine.execution import EngineLimits, Execution
from models.engine.partition import Part
from models.engine.tensorflow_setup import prepare
from models.errors import InvalidDocument
from models.ipc.messages import Payload, Run, TensorInfo
from models.networks.expansion import expand
from models.reading.parse import parse_document
from tests.conftest import wait_until

prepare()
MANY = 32
"""Calls of a large network in these tests."""
MIB = 1 << 20
CONV = {"type": "Conv2D", "filters": 4, "kernel_size": 3, "padding": "same", "activation": "silu"}
LARGE: dict[str, Any] = {
    "input": [8, 8, 4],
    "layers": [{**CONV, "name": f"conv{n}"} for n in range(MANY - 1)] + [{"type": "Dense", "units": 3}],
}
IMAGE = np.random.default_rng(0).random((1, 8, 8, 4), np.float32)
OUTPUTS = ("conv9", "dense")


@pytest.fixture
def background(monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    """A thread that has ended after the test."""
    monkeypatch.setattr(compiled_selection, "MANY", MANY)
    background = Background()
    yield background
    background.close()
    assert not background.is_busy


def build_large(document: dict[str, Any] = LARGE) -> BuiltModel:
    """Build the network of as many calls as are compiled in the background."""
    return build(expand(parse_document(document)), 1 << 30)


def run(model: BuiltModel, background: Background) -> list[bytes]:
    """Run the selection, within a request, and return the bytes of its tensors."""
    selection = model.compiled_selection(OUTPUTS, training=False, updates=False)
    return [tensor.numpy().tobytes() for tensor in selection.run([IMAGE], background=background)]


def wait_idle(background: Background) -> None:
    """Wait until the work is done."""
    wait_until(lambda: not background.is_busy)


def of_keras(model: BuiltModel) -> list[bytes]:
    """Return the bytes of the same tensors, computed by Keras' own layers with the same weights."""
    names = [node.address for node in model.network.nodes]
    tensor, tensors = keras.ops.convert_to_tensor(IMAGE), {}
    for name, layer in zip(names, model.symbolic.layers.values(), strict=True):
        own = (keras.layers.Dense(3) if name == "dense" else
               keras.layers.Conv2D(4, 3, padding="same", activation="silu"))  # fmt: skip
        own.build(tensor.shape)
        own.set_weights(layer.get_weights())
        tensor = tensors[name] = own(tensor)
    return [keras.ops.convert_to_numpy(tensors[name]).tobytes() for name in OUTPUTS]


def test_requests_are_answered_before_the_function_is_compiled(background: Background) -> None:
    """Work rests during a request: what is answered in one that has not ended cannot have waited for it."""
    model = build_large()
    expected = of_keras(model)
    selection = model.compiled_selection(OUTPUTS, training=False, updates=False)
    with background.request():
        assert [run(model, background) for _ in range(3)] == [expected] * 3
        assert background.is_busy
        assert not selection._compiled
    wait_idle(background)
    with background.request():
        assert run(model, background) == expected
    assert selection._compiled


def test_parts_that_are_compiled_are_used_before_the_rest_is(
    background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of four is a function, the others are called layer by layer: the bits are the same."""
    monkeypatch.setattr(compiled_selection, "PART_CALLS", MANY // 4)
    model, reached, ends = build_large(), Event(), Event()
    selection = model.compiled_selection(OUTPUTS, training=False, updates=False)
    original = selection._function

    def held(part: Part, pause: Pause) -> Any:
        while selection._compiled and not ends.is_set():
            reached.set()
            pause()
        return original(part, pause)

    monkeypatch.setattr(selection, "_function", held)
    expected = of_keras(model)
    with background.request():
        assert run(model, background) == run(model, background) == expected
    assert reached.wait(30)
    with background.request():
        assert len(selection._compiled) == 1
        assert run(model, background) == expected
        before = selection.nbytes
    ends.set()
    wait_idle(background)
    with background.request():
        assert run(model, background) == expected
    assert len(selection._compiled) == 4
    assert selection.nbytes > before > 0


def test_small_selections_are_compiled_by_the_second_run(background: Background) -> None:
    """They take no longer than a thread would have to wait for."""
    model = build_large({**LARGE, "layers": LARGE["layers"][-10:]})
    selection = model.compiled_selection(("dense",), training=False, updates=False)
    for _ in range(2):
        selection.run([IMAGE], background=background)
    assert selection._compiled
    assert not background.is_busy


def test_one_selection_is_compiled_at_a_time(background: Background) -> None:
    """Another waits for its turn, and its requests do not."""
    first, second = build_large(), build_large({**LARGE, "seed": 1})
    with background.request():
        for model in (first, first, second, second):
            run(model, background)
    wait_idle(background)
    with background.request():
        run(second, background)
        assert background.is_busy
    wait_idle(background)
    with background.request():
        run(second, background)
    assert second.compiled_selection(OUTPUTS, training=False, updates=False)._compiled


def test_a_function_that_cannot_be_compiled_is_reported_by_the_next_run(
    background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runs before are answered, since layers by themselves can be called."""
    model = build_large()
    selection = model.compiled_selection(OUTPUTS, training=False, updates=False)

    def failing(*_: Any) -> Any:
        raise InvalidDocument.at("/layers/3", "refused")

    monkeypatch.setattr(selection, "_function", failing)
    with background.request():
        assert run(model, background) == run(model, background) == of_keras(model)
    wait_idle(background)
    for _ in range(3):
        with background.request(), pytest.raises(InvalidDocument, match="refused"):
            run(model, background)


def test_work_rests_while_a_request_is_computed(background: Background) -> None:
    """It goes on after that, and what requests allocate is not counted as its memory."""
    begun, ends = Event(), Event()
    steps, kept = [0], []

    def compute(pause: Pause) -> bytearray:
        own = bytearray(20 * MIB)
        while not ends.is_set():
            begun.set()
            steps[0] += 1
            pause()
        return own

    with background.request():
        pass  # whose share is not that of later work
    with background.request():
        work = background.start(compute)
        assert not begun.wait(0.01)
    assert begun.wait(10)
    for _ in range(2):
        with background.request():
            rested_at = steps[0]
            kept.append(bytearray(100 * MIB))
            assert steps[0] == rested_at
            assert not work.is_done
        wait_until(lambda: steps[0] > rested_at)  # noqa: B023 (called at once)
    ends.set()
    wait_idle(background)
    assert work.result is not None
    assert 20 * MIB <= work.nbytes < 30 * MIB


def test_work_has_a_share_of_the_time_although_requests_wait() -> None:
    """The next one begins when that is over: work ends under any load."""
    background = Background(share=1e6)
    with background.request():
        work = background.start(lambda pause: [pause() for _ in range(1000)])
    with background.request():
        assert work.is_done


def test_closing_ends_work_that_rests() -> None:
    """An engine that ends does not compile to the end."""
    background = Background()

    def endless(pause: Pause) -> None:
        while True:
            pause()

    with background.request():
        work = background.start(endless)
    background.close()
    assert work.is_done
    assert work.result is None


def request_of(key: str, document: dict[str, Any]) -> Run:
    """A run of a document on the image."""
    info = TensorInfo("input", "float32", IMAGE.shape, IMAGE.nbytes)
    return Run(0, key, expand(parse_document(document)).document_bytes, (info,),
               (Payload(IMAGE.tobytes()),), ("dense",), data=True, stats=False, weights=False, training=False,
               max_bytes=MIB, max_macs=1 << 40)  # fmt: skip


def new_execution() -> Execution:
    """An engine's models, without limits that matter."""
    return Execution(EngineLimits(1 << 30, 1 << 30), 1 << 30)


def test_what_was_compiled_in_the_background_counts(background: Background) -> None:
    """At the end of the next request, which may be for another model: the budget of the cache covers it."""
    execution, small = new_execution(), request_of("small", {**LARGE, "layers": LARGE["layers"][-1:]})
    execution.background = background
    with background.request():
        for _ in range(2):
            execution.run(request_of("large", LARGE), [IMAGE])
        execution.run(small, [IMAGE])
    wait_idle(background)
    with background.request():
        execution.run(small, [IMAGE])
    large = execution.cache.get("large", build_large)[0]
    (selection,) = large.compiled.values()
    assert selection.nbytes > MIB
    assert execution.cache.nbytes == sum(model.nbytes for model in execution.cache._models.values())

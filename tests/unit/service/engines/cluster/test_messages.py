"""Messages between a front and an actor: what in them refers to memory and files of one machine."""

from __future__ import annotations

from itertools import permutations

import pytest

from models.explaining.questions import Diagnosis
from models.ipc.messages import Analyse, Data, Payload, Plan, Run, RunBatch, Span, TensorInfo, Weights
from models.weights.specs import WeightsFile
from service.engines.cluster.in_order import InOrder
from service.engines.cluster.messages import encode, input_spans, moved, reply_span, to_actor, weights_of

HERE, THERE = WeightsFile("/front/file", "d1"), WeightsFile("/node/file", "d1")
SMALL = Payload(b"inline")


def run(number: int, *payloads: Payload, weights: WeightsFile | None = None) -> Run:
    """Build a run with these inputs."""
    infos = tuple(TensorInfo(f"x{index}", "uint8", (6,), 6) for index in range(len(payloads)))
    return Run(number, "key", b"{}", infos, payloads, ("a",), True, False, False, False, 1, 1, weights)


def span(offset: int) -> Payload:
    """Build the payload of a large array."""
    return Payload(None, Span(offset, 100))


def test_spans_and_weights_of_runs_are_moved() -> None:
    """In order, through batches, beside what is inline; nothing else is changed."""
    sent = RunBatch((run(1, span(7), SMALL, weights=HERE), run(2, SMALL, span(9))))
    assert input_spans(sent) == [Span(7, 100), Span(9, 100)]
    assert weights_of(sent) == {"d1": HERE}
    there = moved(to_actor.decode(encode(sent)), iter([span(0), span(4096)]), {"d1": THERE})
    assert there == RunBatch((run(1, span(0), SMALL, weights=THERE), run(2, SMALL, span(4096))))


def test_spans_of_questions_are_moved() -> None:
    """As those of the runs that they are about."""
    question = Analyse(1, (run(1, span(7), weights=HERE),), Diagnosis())
    assert (input_spans(question), weights_of(question)) == ([Span(7, 100)], {"d1": HERE})
    assert moved(question, iter([span(0)]), {"d1": THERE}).runs == (run(1, span(0), weights=THERE),)


def test_other_messages_refer_to_no_inputs() -> None:
    """Weights refer to a file, plans to nothing, and replies to one span."""
    weights = Weights(1, "key", b"{}", None, 1, HERE)
    assert weights_of(weights) == {"d1": HERE}
    assert moved(weights, iter(()), {"d1": THERE}).weights_file == THERE
    plan = Plan(1, b"{}", {}, ())
    assert (input_spans(plan), weights_of(plan), moved(plan, iter(()), {})) == ([], {}, plan)
    assert reply_span(Data(1, span(3))) == Span(3, 100)
    assert reply_span(plan) is None


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_what_overtakes_waits(order: tuple[int, ...]) -> None:
    """Items are given out in the order of their numbers, whatever came first."""
    queue: InOrder[str] = InOrder()
    assert [item for number in order for item in queue.add(number, f"item {number}")] == [f"item {n}" for n in range(4)]

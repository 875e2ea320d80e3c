"""Dispatch of queued requests to an engine, and their fate when the engine dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from models.errors import DeadlineExceeded, EngineLost, Overloaded
from models.ipc.messages import Failed, Payload, Planned, RunBatch, RunResult
from service.engines.engine_request import EngineRequest
from service.engines.job import Job
from service.engines.pending_result import PendingResult
from service.engines.pool import EnginePool
from service.engines.quarantine import structure_of
from service.engines.request_builders import ModelSource, RunSpec, plan_request, run_request
from service.settings import Settings
from tests.unit.serving import signal_engines, stub_engines, wait_until

TWO_ROWS, THREE_ROWS = np.zeros((2, 4), np.float32), np.zeros((3, 4), np.float32)
SPEC = RunSpec(("a",), stats=True)


class Engine:
    """A process that accepts messages, with room for this many arrays."""

    ready = True
    cause = "crash"
    bytes_at_start = 1
    held: ClassVar[dict[str, int]] = {}

    def __init__(self, room: int = 100) -> None:
        self.room, self.sent, self.killed = room, [], 0

    def payloads(self, arrays: tuple[np.ndarray, ...]) -> tuple[Payload, ...] | None:
        self.room -= len(arrays)
        return tuple(Payload(array.tobytes()) for array in arrays) if self.room >= 0 else None

    def send(self, message: msgspec.Struct) -> None:
        self.sent.append(message)

    def kill(self) -> None:
        self.killed += 1

    def ending(self) -> str:
        return "killed"

    async def stop(self) -> None:
        self.killed += 1

    def resident_bytes(self) -> int:
        return self.bytes_at_start


def run_of(*arrays: np.ndarray, key: str = "one", most: int = 4, name: str = "", **options: Any) -> EngineRequest:
    """Build a run of a model on inputs; `name` has a stub engine misbehave."""
    names = [f"input{number}" for number in range(len(arrays))]
    limits = Settings(batch_requests=most)
    document = b'{"name": "%s", "layers": ["%s"]}' % (name.encode(), key.encode())
    return run_request(ModelSource(document, None, key), names, arrays, limits, replace(SPEC, **options))


async def tensors(result: PendingResult[RunResult]) -> list[bytes]:
    """Return the bytes of each tensor of a result."""
    return [bytes(tensor) async for tensor in result.tensors()]


def engines_with(*questions: EngineRequest, most: int = 4, room: int = 100) -> tuple[EnginePool, Any, list[Job]]:
    """Build a pool with one engine and these requests queued; return it, its process and the jobs."""
    engines, process = EnginePool(Settings(batch_requests=most)), Engine(room)
    jobs = [Job(request, PendingResult(request.reply)) for request in questions]
    engines.slots[0].process = process  # type: ignore[assignment]
    for job in jobs:
        engines.slots[0].lane_of(job.request).queue.append(job)
    engines.dispatcher.dispatch(engines.slots[0])
    return engines, process, jobs


def ids(message: msgspec.Struct) -> list[int]:
    """Return the ids of the runs in a message."""
    return [run.id for run in message.runs] if isinstance(message, RunBatch) else [message.id]  # type: ignore[attr-defined]


OTHERS = [
    run_of(TWO_ROWS, key="two"), run_of(TWO_ROWS, outputs=("b",)), run_of(TWO_ROWS, weights=True),
    run_of(TWO_ROWS, stats=False),
    run_of(TWO_ROWS, training=True), run_of(TWO_ROWS.astype(np.uint8)), run_of(TWO_ROWS[:, :3]),
    run_of(TWO_ROWS, THREE_ROWS), run_of(TWO_ROWS, most=1),
]  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
async def test_only_compatible_requests_are_batched(other: EngineRequest) -> None:
    """Batch sizes may differ; model, selection, dtype, shape and training mode must not."""
    engines, process, jobs = engines_with(run_of(TWO_ROWS), other, run_of(THREE_ROWS))
    (message,) = process.sent
    assert ids(message) == [1, 2]
    assert [run.inputs[0].shape for run in message.runs] == [(2, 4), (3, 4)]
    assert list(engines.slots[0].runs.queue) == [jobs[1]]
    apart = engines_with(other, other)[1]
    agree = other.batch_key is not None
    assert [len(ids(message)) for message in apart.sent] == [2 if agree else 1]


PLAN = plan_request(b"{}", {}, ("a",), {})


async def test_runs_overtake_plans() -> None:
    """The engine makes one plan at a time beside its runs, so queued runs are dispatched."""
    engines, process, jobs = engines_with(
        PLAN, PLAN, run_of(TWO_ROWS), run_of(TWO_ROWS), PLAN, run_of(TWO_ROWS), most=1
    )
    slot = engines.slots[0]
    assert [list(slot.runs.running), list(slot.concurrent.running)] == [[jobs[2], jobs[3]], [jobs[0]]]
    assert [list(slot.runs.queue), list(slot.concurrent.queue)] == [[jobs[5]], [jobs[1], jobs[4]]]
    engines.dispatcher.on_message(slot, process, Planned(jobs[0].number, b"1"))  # type: ignore[arg-type]
    assert [list(slot.runs.running), list(slot.concurrent.running)] == [[jobs[2], jobs[3]], [jobs[1]]]
    assert (await jobs[0].result.header).plan == b"1"  # type: ignore[union-attr]


async def test_a_reply_out_of_order_kills_the_engine() -> None:
    """The second run cannot be answered before the first."""
    engines, process, jobs = engines_with(run_of(TWO_ROWS), run_of(TWO_ROWS), most=1)
    engines.dispatcher.on_message(engines.slots[0], process, Planned(jobs[1].number, b"1"))  # type: ignore[arg-type]
    assert process.killed


async def test_a_crash_is_attributed_to_the_run_not_the_plan() -> None:
    """The plan is retried, unless it was the plan that exceeded its deadline."""
    engines, process, jobs = engines_with(PLAN, run_of(TWO_ROWS), most=1)
    engines.supervisor.stopping = True
    engines.dispatcher.on_exit(engines.slots[0], process)  # type: ignore[arg-type]
    assert isinstance(jobs[1].result.header.exception(), EngineLost)
    assert not jobs[0].result.header.done()
    engines, process, jobs = engines_with(PLAN, run_of(TWO_ROWS), most=1)
    engines.supervisor.stopping = True
    engines.dispatcher.on_deadline(engines.slots[0], jobs[0])
    engines.dispatcher.on_exit(engines.slots[0], process)  # type: ignore[arg-type]
    assert isinstance(jobs[0].result.header.exception(), DeadlineExceeded)
    assert not jobs[1].result.header.done()


async def test_two_single_requests_are_in_flight_by_default() -> None:
    """So that the engine does not wait for the front."""
    assert [ids(message) for message in engines_with(*[run_of(TWO_ROWS)] * 5, most=1)[1].sent] == [[1], [2]]


@pytest.mark.parametrize(
    ("waiting", "most", "room", "taken"), [(9, 4, 100, 4), (3, 4, 100, 3), (9, 9, 5, 5), (1, 4, 0, 0)]
)
async def test_batches_are_limited_by_size_and_memory(waiting: int, most: int, room: int, taken: int) -> None:
    """In arrival order; the rest stays queued, and one batch runs at a time."""
    engines, process, jobs = engines_with(*[run_of(TWO_ROWS)] * waiting, most=most, room=room)
    assert [number for message in process.sent for number in ids(message)] == list(range(1, taken + 1))
    assert list(engines.slots[0].runs.running) == jobs[:taken]
    assert list(engines.slots[0].runs.queue) == jobs[taken:]


async def test_abandoned_requests_are_not_dispatched() -> None:
    """Whether first in the queue or later."""
    request = run_of(TWO_ROWS)
    engines, process, _ = engines_with(room=0)
    jobs = [Job(request, PendingResult(request.reply)) for _ in range(4)]
    for one in jobs:
        engines.slots[0].runs.queue.append(one)
    for job in jobs[::2]:
        job.close(Overloaded(""))
        assert isinstance(job.result.header.exception(), Overloaded)
    assert list(engines.slots[0].runs.queue) == jobs[1::2]
    process.room = 100
    engines.dispatcher.dispatch(engines.slots[0])
    assert list(engines.slots[0].runs.running) == jobs[1::2]


async def test_a_crash_during_a_reply_loses_that_request() -> None:
    """Its client has received the header; the others are retried."""
    async with stub_engines() as engines:
        partial = await engines.submit(run_of(TWO_ROWS, name="incomplete"))
        signal_engines(engines, signal.SIGSTOP)
        others = [asyncio.create_task(engines.submit(run_of(TWO_ROWS + number))) for number in range(2)]
        await wait_until(lambda: engines.slots[0].load == 3)
        signal_engines(engines, signal.SIGKILL)
        with pytest.raises(EngineLost):
            await tensors(partial)
        assert [await tensors(await one) for one in others] == [[(TWO_ROWS + number).tobytes()] for number in range(2)]


async def test_a_finished_run_is_not_blamed_for_a_crash() -> None:
    """The engine computes the next run while a reply is sent: only that model is quarantined."""
    good, bad = run_of(TWO_ROWS, key="good", name="incomplete"), run_of(TWO_ROWS, key="bad", name="crash")
    async with stub_engines() as engines:
        first, second = [asyncio.create_task(engines.submit(request)) for request in (good, bad)]
        with pytest.raises(EngineLost):
            await tensors(await first)
        with pytest.raises(EngineLost):
            await second
        assert engines.restarts == 2
        blamed = engines.dispatcher.quarantine.structures
        assert [blamed.of(structure_of(request))[0] for request in (good, bad)] == [0, 1]


async def test_a_reply_with_a_wrong_id_kills_the_engine() -> None:
    """No request gets the result of another."""
    engines, process, jobs = engines_with(run_of(TWO_ROWS), run_of(TWO_ROWS), most=1)
    engines.dispatcher.on_message(engines.slots[0], process, RunResult(2, (), {}, 0, True, 0.0, 0.0, (), ()))
    assert process.killed == 1
    assert not any(job.result.header.done() for job in jobs)
    await engines.stop()
    assert all(job.result.header.exception() is not None for job in jobs)


async def test_a_request_for_which_no_engine_is_free_is_refused(passing: Callable[[float], Any]) -> None:
    """After the deadline, which starts when it is queued; the engine goes on."""
    engines, process, _ = engines_with(room=0)
    job = Job(run_of(TWO_ROWS), PendingResult(RunResult))
    engines.dispatcher.enqueue(engines.slots[0], job)
    await passing(engines.settings.deadline - 1)
    assert not job.is_closed
    await passing(2)
    refused = job.result.header.exception()
    assert isinstance(refused, Overloaded)
    assert refused.detail == f"No engine was free within {engines.settings.deadline:g} s."
    assert (process.killed, list(engines.slots[0].runs.queue)) == (0, [])


async def test_a_reply_after_the_deadline_changes_nothing() -> None:
    """The request has failed already, whatever the engine says in its last moment."""
    engines, process, (job,) = engines_with(run_of(TWO_ROWS))
    engines.dispatcher.on_deadline(engines.slots[0], job)
    engines.dispatcher.on_message(engines.slots[0], process, Failed(job.number, "too_large", "late"))
    assert isinstance(job.result.header.exception(), DeadlineExceeded)
    assert not engines.slots[0].running


async def test_the_end_of_an_engine_that_was_replaced_is_no_crash() -> None:
    """Nor is the end of any once the pool has stopped: the slot is left as it is."""
    engines, process, (job,) = engines_with(run_of(TWO_ROWS))
    engines.dispatcher.on_exit(engines.slots[0], Engine())  # type: ignore[arg-type]
    assert (engines.restarts, engines.slots[0].process) == (0, process)
    assert not job.is_closed
    await engines.stop()
    engines.dispatcher.on_exit(engines.slots[0], process)
    assert engines.restarts == 0
    assert engines.slots[0].restart is None

"""Lifecycle of engines: start, spares, renewal and replacement."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import service.engines.supervisor
from models.errors import DeviceMemory, NotReady
from models.ipc.messages import Failed, Payload, RunResult
from service.engines.pending_result import PendingResult
from service.engines.pool import EnginePool
from service.engines.process import EngineState
from service.engines.renewal import SAMPLES
from service.engines.request_builders import ModelSource, weights_request
from service.settings import GIB, Settings


class Engine:
    """A process controlled by the test."""

    made: list[Engine]
    failures = 0

    def __init__(self, _: Settings, gpu: Any, _program: str) -> None:
        self.gpu, self.ready, self.sent, self.ended = gpu, None, [], False
        self.bytes_at_start, self.resident, self.held = 0, 0, {}
        self.on_message: Callable[[Any], None]
        self.on_ready: Callable[[], None]
        self.on_exit: Callable[[], None]

    def start(self) -> None:
        if Engine.failures:
            Engine.failures -= 1
            raise OSError(errno.EMFILE, "too many open files")
        Engine.made.append(self)

    def becomes_ready(self) -> None:
        self.ready = SimpleNamespace()
        self.on_ready()

    def answers(self, code: str = "") -> None:
        """Answer the first outstanding request."""
        request = self.sent.pop(0)
        self.on_message(
            Failed(request.id, code, "") if code else RunResult(request.id, (), {}, 0, True, 0.0, 0.0, (), ())
        )

    def payloads(self, _: Any) -> tuple[Payload, ...]:
        return ()

    def send(self, message: msgspec.Struct) -> None:
        self.sent.append(message)

    def resident_bytes(self) -> int:
        return self.resident

    def state(self) -> EngineState:
        return EngineState(self.ready is not None)

    def ending(self) -> str:
        return "killed"

    def kill(self) -> None:
        self.ended = True

    async def stop(self) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """The started processes."""
    monkeypatch.setattr(service.engines.supervisor, "EngineProcess", Engine)
    monkeypatch.setattr(service.engines.supervisor, "RESTART_SECONDS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(Engine, "failures", 0)
    monkeypatch.setattr(Engine, "made", [], raising=False)
    return Engine.made


async def start_pool(processes: list[Engine], **settings: Any) -> EnginePool:
    """Start a pool whose engines are ready, spares included."""
    engines = EnginePool(Settings(**settings))
    await engines.start()
    for process in processes:  # the list grows during iteration
        process.becomes_ready()
    return engines


async def turns() -> None:
    """Let the loop run what is due."""
    for _ in range(10):
        await asyncio.sleep(0)


async def submit_request(engines: EnginePool, seed: int = 0) -> asyncio.Task[PendingResult]:
    """Submit a request."""
    task = asyncio.create_task(
        engines.submit(weights_request(ModelSource(b"%d" % seed, None, f"{seed}"), None, Settings()))
    )
    await asyncio.sleep(0)
    return task


async def test_a_failed_start_is_retried(processes: list[Engine]) -> None:
    """For example after running out of file descriptors."""
    Engine.failures = 3
    engines = EnginePool(Settings())
    await engines.start()
    assert processes == []
    await turns()
    processes[0].becomes_ready()
    assert [state.ready for state in engines.states()] == [True]
    await engines.stop()
    assert processes[0].ended


async def grow(engines: EnginePool, process: Engine, passing: Callable[[float], Any]) -> None:
    """Let an engine serve a few requests with more memory than allowed."""
    process.resident = 4 * GIB
    for _ in range(SAMPLES):
        await passing(1)
        task = await submit_request(engines)
        process.answers()
        await task


@pytest.mark.parametrize("spares", [0, 1])
async def test_an_engine_that_has_grown_is_renewed(
    processes: list[Engine], spares: int, passing: Callable[[float], Any]
) -> None:
    """Its successor takes over when ready; the old engine finishes its running requests."""
    engines = await start_pool(processes, spare_engines=spares)
    old = processes[0]
    await grow(engines, old, passing)
    begun = None
    if not spares:
        begun = await submit_request(engines)
        assert len(old.sent) == 1, "the old one goes on until the successor is ready"
        processes[1].becomes_ready()
        assert not old.ended
        old.answers()
        await begun
    after = await submit_request(engines)
    assert len(processes[1].sent) == 1
    processes[1].answers()
    await after
    await asyncio.sleep(0)
    assert old.ended
    assert [state.ready for state in engines.states()] == [True]
    assert len(engines.spare_states()) == spares
    await engines.stop()


async def test_a_retiring_engine_that_dies_returns_its_queue(
    processes: list[Engine], passing: Callable[[float], Any]
) -> None:
    """The running request is lost; unstarted ones run on the successor."""
    engines = await start_pool(processes)
    old = processes[0]
    await grow(engines, old, passing)
    ran, behind = await submit_request(engines, 1), await submit_request(engines, 2)
    processes[1].becomes_ready()
    old.on_exit()
    assert len(processes[1].sent) == 1
    processes[1].answers()
    await behind
    with pytest.raises(Exception, match="died"):
        await ran
    assert len(processes) == 2
    await engines.stop()


async def test_an_engine_without_device_memory_is_replaced(processes: list[Engine]) -> None:
    """After it has finished its started requests."""
    engines = await start_pool(processes)
    first, second = await submit_request(engines, 1), await submit_request(engines, 2)
    processes[0].answers(DeviceMemory.code)
    with pytest.raises(DeviceMemory):
        await first
    assert len(processes) == 2
    assert not processes[0].ended
    processes[0].answers()
    await second
    await asyncio.sleep(0)
    assert processes[0].ended
    await engines.stop()


async def test_a_full_device_replaces_an_engine_once(processes: list[Engine]) -> None:
    """Although each of the requests that it still runs finds the device full."""
    engines = await start_pool(processes)
    requests = [await submit_request(engines, seed) for seed in range(2)]
    for request in requests:
        processes[0].answers(DeviceMemory.code)
        with pytest.raises(DeviceMemory):
            await request
    await turns()
    assert processes[0].ended
    assert len(processes) == 2
    await engines.stop()


async def test_engines_that_end_before_they_are_ready_refuse_requests(processes: list[Engine]) -> None:
    """From the second one on, until one is ready."""
    engines = EnginePool(Settings())
    await engines.start()
    for number in range(2):
        processes[number].on_exit()
        await turns()
    with pytest.raises(NotReady) as refused:
        await engines.submit(weights_request(ModelSource(b"0", None, "0"), None, Settings()))
    assert refused.value.detail == "Engines end before they are ready; the log says why."
    assert refused.value.seconds > 0
    processes[2].becomes_ready()
    request = await submit_request(engines)
    processes[2].answers()
    await request
    await engines.stop()


async def test_a_stopped_pool_restarts_nothing(processes: list[Engine]) -> None:
    """An engine that was about to be restarted is not."""
    Engine.failures = 1
    engines = EnginePool(Settings())
    await engines.start()
    restart = engines.slots[0].restart
    assert restart is not None
    await engines.stop()
    assert restart.cancelled()
    assert processes == []


async def test_a_successor_that_dies_leaves_the_old_engine(
    processes: list[Engine], passing: Callable[[float], Any]
) -> None:
    """Which serves on; another successor is started at the next sample over the limit."""
    engines = await start_pool(processes)
    await grow(engines, processes[0], passing)
    assert len(engines.spare_states()) == 1
    processes[1].on_exit()
    assert engines.spare_states() == []
    request = await submit_request(engines)
    processes[0].answers()
    await request
    assert not processes[0].ended
    await engines.stop()


async def test_a_successor_takes_over_from_an_engine_that_has_just_died(
    processes: list[Engine], passing: Callable[[float], Any]
) -> None:
    """No third engine is started in its place."""
    engines = await start_pool(processes)
    await grow(engines, processes[0], passing)
    processes[0].on_exit()
    processes[1].becomes_ready()
    await turns()
    assert len(processes) == 2
    request = await submit_request(engines)
    processes[1].answers()
    await request
    assert (len(engines.states()), engines.spare_states()) == (1, [])
    await engines.stop()


async def test_a_spare_that_is_still_starting_replaces_a_lost_engine(processes: list[Engine]) -> None:
    """It is ready sooner than one that would be started now; requests wait for it."""
    engines = EnginePool(Settings(spare_engines=1))
    await engines.start()
    processes[0].becomes_ready()
    processes[0].on_exit()
    await turns()
    assert len(processes) == 3, "the spare, and another spare"
    request = await submit_request(engines)
    assert [state.ready for state in engines.states()] == [False]
    processes[1].becomes_ready()
    processes[1].answers()
    await request
    await engines.stop()

"""What is asked of an engine, what it answers, and who waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.errors import ClientDisconnected, LayerscopeError
from models.ipc.groups import parts
from models.ipc.messages import Reply, Request, RunResult
from service.engines.fair_queue import FairQueue
from service.observing.engine_trace import EngineTrace


@dataclass(eq=False)
class EngineRequest:
    """A request before it has an engine: how to phrase it, and the arrays that go with it."""

    key: str
    phrase: Callable[[int, tuple[Any, ...]], Request]
    arrays: tuple[np.ndarray, ...] = ()
    document: bytes | None = None
    """The model's, where it is about one."""
    batches_with: object = None
    """Runs of which this is equal may be computed as one batch; None: this one may not."""
    trace: EngineTrace = field(default_factory=EngineTrace)
    beside: bool = False
    """Whether engines answer it beside the runs they compute: it needs none of the models that they hold."""
    nbytes: int = field(init=False)
    """Bytes of its arrays."""
    kind: tuple[str, int] = field(init=False)
    """What runs that take the same time have in common."""

    @property
    def size(self) -> int:
        """What the time that it takes is in proportion to, where it is answered beside runs: its document."""
        return len(self.document or self.key) if self.beside else 1

    def __post_init__(self) -> None:
        self.nbytes = sum(array.nbytes for array in self.arrays)
        self.kind = self.key, self.nbytes


class PendingResult:
    """What an engine says to one question: a head at once, tensors as they come."""

    def __init__(self, trace: EngineTrace | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._course = trace if trace is not None else EngineTrace()
        self.head: asyncio.Future[Reply] = loop.create_future()
        self._inline: deque[memoryview] = deque()
        self._tensors: asyncio.Queue[memoryview | LayerscopeError] = asyncio.Queue()
        self._sizes: list[int] = []
        self.missing = 0
        self._cancelled = False

    async def tensors(self) -> AsyncIterator[memoryview]:
        """The bytes of each tensor of the head, in order. Shared memory is given back when a view is dropped."""
        head = await self.head
        for _ in head.tensors if isinstance(head, RunResult) else ():
            item = self._inline.popleft() if self._inline else await self._tensors.get()
            if isinstance(item, LayerscopeError):
                raise item
            yield item

    def begin(self, head: Reply, inline: Sequence[memoryview]) -> None:
        """Takes the head and the tensors that came with it, which are no shared memory."""
        self._sizes = [info.nbytes for info in head.tensors] if isinstance(head, RunResult) else []
        self.missing = len(self._sizes) - len(inline)
        if not self._cancelled:
            self._inline.extend(inline)
        if not self.head.done():
            self._course.end(head)
            self.head.set_result(head)

    def add(self, view: memoryview, count: int = 1) -> None:
        """Takes the next tensors, which lie in one stretch of memory."""
        first = len(self._sizes) - self.missing
        self.missing -= count
        for part in parts(view, self._sizes[first : first + count]):
            self._keep(part)

    def _keep(self, view: memoryview) -> None:
        if self._cancelled:
            view.release()
        else:
            self._tensors.put_nowait(view)

    def cancel(self) -> None:
        """Nobody takes the rest: its memory is given back, also that of tensors still to come. Who waits for one is
        told that its client has hung up.
        """
        self._cancelled = True
        self._inline.clear()
        while not self._tensors.empty():
            item = self._tensors.get_nowait()
            if isinstance(item, memoryview):
                item.release()
        self._tensors.put_nowait(ClientDisconnected())

    def fail(self, error: LayerscopeError) -> None:
        """Ends the answer with an error, wherever it stands."""
        if self.head.done():
            self._tensors.put_nowait(error)
        else:
            self._course.end()
            self.head.set_exception(error)


@dataclass(eq=False)
class Job:
    """A question on its way, and who waits for the answer."""

    question: EngineRequest
    answer: PendingResult
    timer: asyncio.TimerHandle | None = None
    given_up: bool = False
    alone: bool = False
    """Whether it runs, or has to run, by itself."""
    number: int = 0
    """What its engine knows it by."""
    seconds: float = 0.0
    """What it is expected to take."""
    line: FairQueue | None = None
    """Where it waits."""
    began: float = 0.0
    """When its engine turned to it, by the loop's clock."""
    build_seconds: float = 0.0
    """What of its time went into building its model."""

    @property
    def client(self) -> str:
        """Who asks."""
        return self.question.trace.client

    @property
    def is_computed(self) -> bool:
        """Whether its answer has begun; the engine may be at the next one already."""
        return self.answer.head.done()

    @property
    def is_unrepeatable(self) -> bool:
        """Whether it cannot be run again when its engine ends: nothing else ran, or it is half answered."""
        return self.alone or self.is_computed

    def batches_with(self, other: Job) -> bool:
        """Whether the two may be computed as one batch."""
        apart = self.alone or other.alone or self.question.batches_with is None
        return not apart and self.question.batches_with == other.question.batches_with

    def give_up(self, error: LayerscopeError) -> None:
        """Answers with an error, and leaves the line; what an engine still says to it is ignored."""
        self.given_up = True
        self.stop_clock()
        if self.line is not None:
            self.line.remove(self)
        self.answer.fail(error)

    def hang_up(self) -> None:
        """Who asked is gone: what waits is given up; what runs cannot be stopped, and its tensors are given back."""
        if self.line is not None:
            self.give_up(ClientDisconnected())
        elif not self.given_up:
            self.answer.cancel()

    def stop_clock(self) -> None:
        """Ends the running deadline."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

"""Jobs: engine requests with their results, from the queue to the last tensor."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from models.errors import ClientDisconnected, LayerscopeError
from service.engines.engine_request import EngineRequest
from service.engines.fair_queue import FairQueue
from service.engines.pending_result import PendingResult


@dataclass(eq=False)
class Job:
    """One engine request and its result."""

    request: EngineRequest[Any]
    result: PendingResult[Any]
    client: str = field(init=False)
    """The client that sent the request."""
    nbytes: int = field(init=False)
    """Bytes of its inputs."""
    timer: asyncio.TimerHandle | None = None
    """The running timeout: of queueing or of computing."""
    is_closed: bool = False
    """Whether it was ended with an error; later messages about it are ignored."""
    is_exclusive: bool = False
    """Whether it runs, or must run, outside a batch."""
    number: int = 0
    """The number of its message, by which the engine refers to it."""
    seconds: float = 0.0
    """Its estimated cost."""
    queue: FairQueue[Job] | None = None
    """The queue in which it waits."""
    began: float = 0.0
    """When its engine started to compute it, by the loop's clock."""
    build_seconds: float = 0.0
    """The part of its time in which its model was built."""

    def __post_init__(self) -> None:
        self.client, self.nbytes = self.request.trace.client, self.request.nbytes

    @property
    def is_computed(self) -> bool:
        """Whether its result has started; the engine may already compute the next job."""
        return self.result.header.done()

    @property
    def is_retriable(self) -> bool:
        """Whether it can be retried after its engine died: it was part of a batch, and has no partial result."""
        return not (self.is_exclusive or self.is_computed)

    def batches_with(self, other: Job) -> bool:
        """Whether the two may be computed as one batch."""
        is_alone = self.is_exclusive or other.is_exclusive or self.request.batch_key is None
        return not is_alone and self.request.batch_key == other.request.batch_key

    def close(self, error: LayerscopeError) -> None:
        """Fail the result with an error, and leave the queue."""
        self.is_closed = True
        self.stop_timer()
        if self.queue is not None:
            self.queue.remove(self)
        self.result.fail(error)

    def on_disconnect(self) -> None:
        """Close a queued job. A run cannot be interrupted: it ends, and its tensors are released."""
        if self.queue is not None:
            self.close(ClientDisconnected())
        elif not self.is_closed:
            self.result.cancel()

    def stop_timer(self) -> None:
        """Stop the running timeout."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

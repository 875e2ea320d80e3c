"""Engine process of an actor: what it says goes into an outbox, and its inputs come from the front."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from models.ipc.arena import Span
from models.ipc.messages import Data, Release
from models.weights.specs import WeightsFile
from service.engines.cluster.messages import Ended, input_spans, moved, reply_span
from service.engines.cluster.outbox import Outbox
from service.engines.gpus import Gpu
from service.engines.process import EngineProcess
from service.settings import Settings

WORKER_THREADS = "OMP_NUM_THREADS"


class RelayedProcess(EngineProcess):
    """Engine process whose messages are for the front. Spans of inputs are translated: the front numbers its own; those
    of replies are the same on both sides, until the front releases them.
    """

    def __init__(self, settings: Settings, gpu: Gpu, program: str, outbox: Outbox) -> None:
        super().__init__(settings, gpu, program)
        self._outbox = outbox
        self._inputs: dict[int, Span] = {}
        """The front's spans of inputs, by the offsets of this process' own."""
        self._replies_kept: dict[int, memoryview] = {}
        """Views of replies that the front has not released, by offset."""
        self._freed = asyncio.Event()
        self.on_message = self._relay
        self.on_memory_free = self._freed.set
        self.on_ready = lambda: outbox.add(self.ready) if self.ready is not None else None
        self.on_exit = lambda: outbox.add(Ended(self.ending()))

    def environment(self) -> dict[str, str]:
        """Return the environment of a local engine: without the bound of threads that Ray sets for its workers."""
        return {name: value for name, value in super().environment().items() if name != WORKER_THREADS}

    def _handle(self, message: Any) -> None:
        if isinstance(message, Release):
            self._outbox.add(Release(tuple(self._inputs.pop(span.offset) for span in message.spans)))
        super()._handle(message)

    def _relay(self, message: msgspec.Struct) -> None:
        if not isinstance(message, Data) or (span := reply_span(message)) is None:
            self._outbox.add(message)
            return
        view = self._replies_kept[span.offset] = self.take(message.payload)
        self._outbox.add(message, np.frombuffer(view, np.uint8))

    def release(self, spans: Iterable[Span]) -> None:
        """Release spans of replies that clients of the front have read."""
        for span in spans:
            self._replies_kept.pop(span.offset, None)

    async def forward(
        self, message: msgspec.Struct, arrays: Sequence[np.ndarray], weights: Mapping[str, WeightsFile]
    ) -> None:
        """Send a message of the front, with the arrays of its spans, once shared memory has room for them."""
        while (payloads := self.payloads(arrays)) is None:
            self._freed.clear()
            await self._freed.wait()
        for span, payload in zip(input_spans(message), payloads, strict=True):
            if payload.span is not None:
                self._inputs[payload.span.offset] = span
        self.send(moved(message, iter(payloads), weights))

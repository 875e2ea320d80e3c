"""What an engine says, in order. Large tensors are copied by a thread of its own, while more is computed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import msgspec

from models.engine.reply_buffers import ReplyBuffers
from models.ipc.arena import Arena
from models.ipc.channel import BlockingChannel
from models.ipc.messages import FromFront, RunResult


class SendQueue:
    """Nothing overtakes what was said before."""

    def __init__(self, channel: BlockingChannel[FromFront], arena: Arena) -> None:
        self.arena = arena
        self._channel = channel
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._last: Future[None] | None = None
        self._reply: Future[None] | None = None

    def send(self, message: msgspec.Struct) -> None:
        """On this very thread when nothing is on its way: the other would have to wake up first."""
        if self._last is None or self._last.done():
            self._channel.send(message)
        else:
            self._then(lambda: self._channel.send(message))

    def parcel(self) -> ReplyBuffers:
        """One to be filled and sent."""
        return ReplyBuffers(self.arena, self._then)

    @contextmanager
    def holding(self, parcels: Sequence[ReplyBuffers]) -> Iterator[None]:
        """What they took is given back where the block fails."""
        try:
            yield
        except BaseException:
            if self._last is not None:
                self._last.result()
            for parcel in parcels:
                parcel.drop()
            raise

    def send_parcel(self, head: RunResult, parcel: ReplyBuffers, tensors: Mapping[str, memoryview]) -> None:
        """The head, then what the parcel holds, group by group. The tensors of at most one reply wait here."""

        def send() -> None:
            self._channel.send(head)
            for message in parcel.messages(head.id, tensors):
                self._channel.send(message)

        before, self._reply = self._reply, self._then(send)
        if before is not None:
            before.result()

    def close(self) -> None:
        """Sends what is left."""
        self._thread.shutdown()

    def _then(self, work: Callable[[], object]) -> Future[None]:
        self._last = self._thread.submit(_or_end, work)
        return self._last


def _or_end(work: Callable[[], object]) -> None:
    """Does what was promised. An engine that cannot ends: a tensor's place would hold what another client was sent."""
    try:
        work()
    except ConnectionError:
        os._exit(0)  # the front is gone
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)

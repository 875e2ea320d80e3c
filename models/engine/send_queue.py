"""Ordered send queue of an engine. Its own thread copies large tensors while more is computed."""

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
    """Sends messages in order of submission."""

    def __init__(self, channel: BlockingChannel[FromFront], arena: Arena) -> None:
        self.arena = arena
        self._channel = channel
        self._thread = ThreadPoolExecutor(1, "send-queue")
        self._last: Future[None] | None = None
        self._reply: Future[None] | None = None

    def send(self, message: msgspec.Struct) -> None:
        """Send on the calling thread if the queue is empty: the other thread would have to wake up first."""
        if self._last is None or self._last.done():
            self._channel.send(message)
        else:
            self._then(lambda: self._channel.send(message))

    def reply_buffers(self) -> ReplyBuffers:
        """Return buffers to be filled and sent."""
        return ReplyBuffers(self.arena, self._then)

    @contextmanager
    def release_on_error(self, reply_buffers: Sequence[ReplyBuffers]) -> Iterator[None]:
        """Free the buffers if the block fails."""
        try:
            yield
        except BaseException:
            if self._last is not None:
                self._last.result()
            for buffers in reply_buffers:
                buffers.drop()
            raise

    def send_reply(self, head: RunResult, buffers: ReplyBuffers, tensors: Mapping[str, memoryview]) -> None:
        """Queue the head, then the tensors in the buffers, group by group. At most one reply's tensors wait here."""

        def send() -> None:
            self._channel.send(head)
            for message in buffers.messages(head.id, tensors):
                self._channel.send(message)

        previous, self._reply = self._reply, self._then(send)
        if previous is not None:
            previous.result()

    def close(self) -> None:
        """Send what is queued, then stop."""
        self._thread.shutdown()

    def _then(self, work: Callable[[], object]) -> Future[None]:
        self._last = self._thread.submit(_run_or_exit, work)
        return self._last


def _run_or_exit(work: Callable[[], object]) -> None:
    """Do the work or exit the process: on failure, a tensor's memory would still hold what another client was sent."""
    try:
        work()
    except ConnectionError:
        os._exit(0)  # the front disconnected
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)

"""Replies through shared memory: tensors and messages arrive complete and in order."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from models.engine.reply_buffers import ReplyBuffers
from models.engine.send_queue import SendQueue
from models.errors import Overloaded
from models.ipc.arena import Arena, anonymous_file
from models.ipc.channel import BlockingChannel
from models.ipc.groups import GROUP_BYTES, parts
from models.ipc.messages import INLINE_BYTES, Data, Failed, FromEngine, FromFront, RunResult, TensorInfo

ROOM = 8 * GROUP_BYTES
HEAD = RunResult(7, (), {}, 0, True, 0.0, 0.0, (), ())
SIZES = [GROUP_BYTES, 3, 0, GROUP_BYTES, 70]


@pytest.fixture
def arena() -> Arena:
    """Shared memory of eight groups."""
    descriptor = anonymous_file(ROOM)
    made = Arena(descriptor, ROOM)
    os.close(descriptor)
    return made


@pytest.fixture
def ends(arena: Arena) -> Iterator[tuple[SendQueue, BlockingChannel[Any]]]:
    """A send queue, and the receiving end of its channel."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield SendQueue(BlockingChannel[FromFront](theirs, FromFront), arena), BlockingChannel[Any](ours, FromEngine)


def tensors(sizes: list[int]) -> tuple[list[TensorInfo], dict[str, np.ndarray]]:
    """Draw random bytes by name."""
    generator = np.random.default_rng(0)
    arrays = {str(number): generator.integers(0, 256, size).astype(np.uint8) for number, size in enumerate(sizes)}
    return [TensorInfo(name, "uint8", array.shape, array.nbytes) for name, array in arrays.items()], arrays


def received_tensors(messages: list[Data], infos: list[TensorInfo], arena: Arena) -> list[bytes]:
    """Read the tensors of a reply like the front."""
    found: list[bytes] = []
    for message in messages:
        payload, sizes = message.payload, [info.nbytes for info in infos[len(found) : len(found) + message.count]]
        memory = arena.view(payload.span) if payload.span is not None else memoryview(payload.inline or b"")
        found += [bytes(part) for part in parts(memory, sizes)]
    return found


@pytest.mark.parametrize("early", [[], ["0"], ["3", "1"], ["4", "3", "2", "1", "0"]])
def test_every_tensor_arrives_in_order(early: list[str], arena: Arena) -> None:
    """Whether it was copied while others were computed, or when its message is written."""
    infos, arrays = tensors(SIZES)
    buffers = ReplyBuffers(arena, lambda work: work())
    buffers.reserve(infos)
    buffers.copy({name: arrays[name] for name in early} | {"nobody asked for": arrays["0"]})
    late = {name: array.data for name, array in arrays.items() if name not in early}
    messages = list(buffers.messages(7, late))
    assert received_tensors(messages, infos, arena) == [array.tobytes() for array in arrays.values()]
    assert [message.count for message in messages] == [1, 3, 1]
    assert messages[2].payload.inline is not None


def test_small_tensors_are_sent_inline(arena: Arena) -> None:
    """They are not copied to shared memory, up to INLINE_BYTES."""
    buffers = ReplyBuffers(arena, lambda _: pytest.fail("nothing is to be copied"))
    infos, arrays = tensors([INLINE_BYTES - 1, 1])
    buffers.reserve(infos)
    assert buffers.is_empty
    buffers.copy(arrays)
    assert list(buffers.messages(1, {})) == []
    buffers.reserve(tensors([INLINE_BYTES, 1])[0])
    assert not buffers.is_empty


def test_exhausted_memory_is_an_error_and_releases_all(ends: tuple[SendQueue, Any], arena: Arena) -> None:
    """Also when the computation fails meanwhile."""
    send_queue, _ = ends
    infos, arrays = tensors([GROUP_BYTES] * 9)

    def fails() -> None:
        buffers = send_queue.reply_buffers()
        with send_queue.release_on_error([buffers]):
            buffers.reserve(infos[:8])
            buffers.copy(arrays)
            raise ZeroDivisionError

    large = send_queue.reply_buffers()
    with pytest.raises(Overloaded), send_queue.release_on_error([large]):
        large.reserve(infos)
    with pytest.raises(ZeroDivisionError):
        fails()
    assert arena.allocate(ROOM) is not None


def test_messages_are_sent_in_order(ends: tuple[SendQueue, BlockingChannel[Any]], arena: Arena) -> None:
    """A reply whose tensors are still being copied precedes later messages."""
    send_queue, front = ends
    infos, arrays = tensors(SIZES)
    gate = threading.Event()
    send_queue._then(gate.wait)
    buffers = send_queue.reply_buffers()
    buffers.reserve(infos)
    buffers.copy({"3": arrays["3"]})
    send_queue.send_reply(HEAD, buffers, {name: array.data for name, array in arrays.items()})
    send_queue.send(Failed(8, "code", "detail"))
    gate.set()
    send_queue.close()
    messages = [next(stream) for stream in [front.messages()] for _ in range(5)]
    assert messages[0] == HEAD
    assert received_tensors(messages[1:4], infos, arena) == [array.tobytes() for array in arrays.values()]
    assert messages[4] == Failed(8, "code", "detail")


def test_send_bypasses_the_queue_when_idle(ends: tuple[SendQueue, BlockingChannel[Any]]) -> None:
    """The calling thread writes the message."""
    send_queue, front = ends
    threads: list[str] = []
    send: Callable[[Any], None] = send_queue._channel.send
    send_queue._channel.send = lambda message: (threads.append(threading.current_thread().name), send(message))  # type: ignore[method-assign,assignment,func-returns-value]
    send_queue.send(HEAD)
    assert next(front.messages()) == HEAD
    assert threads == [threading.current_thread().name]


def test_at_most_one_reply_is_queued(ends: tuple[SendQueue, BlockingChannel[Any]]) -> None:
    """The sender of a second one waits until the first is sent."""
    send_queue, _ = ends
    infos, arrays = tensors(SIZES)
    gate, done = threading.Event(), threading.Event()
    send_queue._then(gate.wait)

    def two() -> None:
        for number in range(2):
            buffers = send_queue.reply_buffers()
            buffers.reserve(infos)
            send_queue.send_reply(HEAD, buffers, {name: array.data for name, array in arrays.items()})
            if number == 0:
                done.set()
        done.clear()

    thread = threading.Thread(target=two)
    thread.start()
    assert done.wait(60)
    thread.join(0.2)
    assert thread.is_alive()
    gate.set()
    thread.join(60)
    assert not done.is_set()
    send_queue.close()


@pytest.mark.parametrize(("failing", "status"), [("raise MemoryError", 1), ("raise BrokenPipeError", 0)])
def test_an_engine_that_cannot_send_exits(failing: str, status: int) -> None:
    """Instead of sending stale memory; with status 0 if only the front disconnected."""
    code = f"""
import time
from models.engine.send_queue import SendQueue
def work():
    {failing}
SendQueue(None, None)._then(work)
time.sleep(60)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == status
    assert ("MemoryError" in ended.stderr) == (status == 1)


def test_large_replies_leave_memory_for_small_ones() -> None:
    """However many there are, and however slowly they are read."""
    descriptor = anonymous_file(64 << 20)
    memory = Arena(descriptor, 64 << 20)
    os.close(descriptor)

    def reserve(mebibytes: int) -> None:
        ReplyBuffers(memory, lambda work: work()).reserve([TensorInfo("a", "uint8", (), mebibytes << 20)])

    reserve(44)
    with pytest.raises(Overloaded):
        reserve(17)
    reserve(16)
    reserve(2)
    with pytest.raises(Overloaded):
        reserve(3)

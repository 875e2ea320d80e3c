"""Binary responses to clients that stop reading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from models.ipc.messages import RunResult, TensorInfo
from service.engines.pending_result import PendingResult
from service.responses import tensor_stream as tensor_response
from service.responses.tensor_stream import TensorResponse, tensor_pieces
from service.wire.formats import NPZ
from service.wire.npz import NpzStream

TENSORS = (TensorInfo("conv2d", "float32", (1024, 1024), 4 << 20),)


def job_of() -> PendingResult:
    """Build a result of one tensor of 4 MiB."""
    answer = PendingResult(RunResult)
    ran = RunResult(1, (), {}, 0, True, 0.0, 0.0, TENSORS, ())
    answer.start(ran, [memoryview(bytes(4 << 20))])
    return answer


def response_of(answer: PendingResult) -> TensorResponse:
    """Build the response as npz."""
    stream = NpzStream(TENSORS)
    return TensorResponse(tensor_pieces(stream, answer), stream.length, answer, NPZ)


async def never() -> Message:
    """Wait for a message that never comes."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_disconnect_cancels_the_response() -> None:
    """While it waits for the engine's next tensor; tensors that arrive later are released at once."""
    answer = PendingResult(RunResult)
    answer.start(RunResult(1, (), {}, 0, True, 0.0, 0.0, TENSORS, ()), [])

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            asyncio.get_running_loop().call_soon(answer.cancel)

    with pytest.raises(ClientDisconnect):
        await response_of(answer)({"type": "http", "asgi": {"spec_version": "2.3"}}, never, send)
    memory = bytearray(4 << 20)
    with memoryview(memory) as late:
        answer.add(late)
    memory.clear()  # BufferError if anything still refers to it


@pytest.mark.parametrize(("rate", "parts"), [(64, 4), (48, 3), (20, 1)])
async def test_a_slow_client_is_disconnected(rate: int, parts: int, passing: Callable[[float], Any]) -> None:
    """After 30 s it must have read 64 KiB/s on average, however fast each part of 1 MiB is; a late part is the last."""
    answer, sent = job_of(), 0

    async def send(message: Message) -> None:
        nonlocal sent
        await passing(len(message.get("body", b"")) / (rate * 1024))
        sent += len(message.get("body", b""))

    reply = response_of(answer)({"type": "http", "asgi": {"spec_version": "2.4"}}, never, send)
    if parts == 4:
        await reply
    else:
        with pytest.raises(ClientDisconnect):
            await reply
    assert sent >> 20 == parts


async def test_a_response_is_sent_in_parts() -> None:
    """Of bounded size; the total is the announced length."""
    sizes: list[int] = []

    async def send(message: Message) -> None:
        sizes.append(len(message.get("body", b"")))

    response = response_of(job_of())
    await response({"type": "http", "asgi": {"spec_version": "2.4"}}, never, send)
    assert max(sizes) <= tensor_response.PART_BYTES
    assert sum(sizes) == NpzStream(TENSORS).length

"""Binary replies to clients that stop reading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from models.engine.messages import Ran, TensorInfo
from service import tensor_response
from service.jobs import Answer
from service.tensor_response import TensorResponse, tensor_pieces
from service.wire.formats import NPZ
from service.wire.npz import NpzStream

TENSORS = (TensorInfo("conv2d", "float32", (1024, 1024), 4 << 20),)


def answered() -> Answer:
    """An answer of one tensor of 4 MiB."""
    answer = Answer()
    ran = Ran(1, (), {}, 0, True, 0.0, 0.0, TENSORS, ())
    answer.begin(ran, [memoryview(bytes(4 << 20))])
    return answer


def response_of(answer: Answer) -> TensorResponse:
    """An answer as npz."""
    stream = NpzStream(TENSORS)
    return TensorResponse(tensor_pieces(stream, answer), stream.length, answer, NPZ)


async def never() -> Message:
    """A client that neither sends nor hangs up."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_client_that_stops_reading_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that cannot be sent in time ends the reply, and the tensor's memory is released."""
    monkeypatch.setattr(tensor_response, "SEND_SECONDS", 0.05)
    answer, sent = answered(), 0

    async def send(message: Message) -> None:
        nonlocal sent
        sent += len(message.get("body", b""))
        if sent > 1 << 20:
            await asyncio.Event().wait()

    response = response_of(answer)
    with pytest.raises(ClientDisconnect):
        await response({"type": "http", "asgi": {"spec_version": "2.4"}}, never, send)
    assert sent < 4 << 20


@pytest.mark.parametrize(("rate", "parts"), [(64, 4), (48, 2), (20, 0)])
async def test_a_client_that_reads_slowly_is_given_up(rate: int, parts: int, passing: Callable[[float], Any]) -> None:
    """After 30 s it has to have read 64 KiB a second on average, however quick each part of 1 MiB is."""
    answer, sent = answered(), 0

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


async def test_a_reply_is_sent_in_parts() -> None:
    """No single write is larger than a part, and together they are as long as announced."""
    sizes: list[int] = []

    async def send(message: Message) -> None:
        sizes.append(len(message.get("body", b"")))

    response = response_of(answered())
    await response({"type": "http", "asgi": {"spec_version": "2.4"}}, never, send)
    assert max(sizes) <= tensor_response.PART_BYTES
    assert sum(sizes) == NpzStream(TENSORS).length

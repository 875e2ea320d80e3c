"""From an engine's answer to the reply of an inference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.errors import InvalidOption, Problem, TooLarge
from models.ipc.messages import RunResult, TensorInfo
from models.tensors.dtypes import DTYPES, Array
from models.views.top import Top
from models.views.view import MAIN, SUFFIXES
from service.engines.jobs import PendingResult
from service.open_inference.codec import (
    BYTES,
    HEADER,
    OpenInferenceStream,
    Output,
    class_words,
    flat,
    output_of,
    packed,
    reply_head,
)
from service.open_inference.compression import MIN_BYTES, compressed
from service.open_inference.outputs import RequestedTensor
from service.responses.tensor_stream import tensor_response
from service.wire.formats import JSON, Format
from service.wire.stream import Buffer

MAX_JSON_BYTES = 4 * 1024 * 1024
"""Tensors written as JSON numbers in one reply."""
MAX_CLASSES = 65_536
"""Classes in one reply."""
BINARY = Format("open-inference", "application/octet-stream")


@dataclass(frozen=True)
class Member:
    """One tensor of the answer, and the output that it belongs to; some views are several tensors."""

    info: TensorInfo
    wanted: RequestedTensor

    @property
    def name(self) -> str:
        """The client's name of the output, and the member's suffix."""
        return self.wanted.name + self.info.name.removeprefix(self.wanted.address)

    @property
    def as_it_is(self) -> bool:
        """Whether its bytes go out unchanged."""
        return self.wanted.binary and self.wanted.classes is None


async def infer_reply(
    told: Mapping[str, Any], answer: PendingResult, wanted: Sequence[RequestedTensor], encoding: str | None
) -> Response:
    """The outputs as they were asked for. Binary ones alone are streamed out of the engine's memory.

    Raises:
        InvalidOption: bfloat16 is asked for as JSON, which has no form for it.
    """
    ran = await answer.head
    assert isinstance(ran, RunResult)  # noqa: S101 (a run is answered by one)
    members = _members(ran.tensors, wanted)
    try:
        _check_forms(members)
        _check_sizes(members)
    except (InvalidOption, TooLarge):
        answer.cancel()
        raise
    small = sum(info.nbytes for info in ran.tensors) < MIN_BYTES
    if all(member.as_it_is for member in members) and (encoding is None or small):
        head = reply_head(told, [output_of(member.name, member.info) for member in members])
        stream = OpenInferenceStream(head, ran.tensors)
        response = await tensor_response(stream, answer, BINARY)
        response.headers[HEADER] = str(len(head))
        return response
    arrays = [array async for array in _arrays(ran.tensors, answer)]
    return await run_in_threadpool(_in_one_piece, told, members, arrays, encoding)


def _members(tensors: Sequence[TensorInfo], wanted: Sequence[RequestedTensor]) -> list[Member]:
    """Tensors are named by the address and perhaps a suffix."""
    owners = {one.address + suffix: one for one in wanted for suffix in (MAIN, *SUFFIXES)}
    return [Member(info, owners[info.name]) for info in tensors]


def _check_forms(members: Sequence[Member]) -> None:
    for member in members:
        if not member.wanted.binary and member.wanted.classes is None and member.info.dtype == "bfloat16":
            message = f"{member.name} is BF16, which has no form in JSON"
            raise InvalidOption("", [Problem(member.wanted.pointer, message, "binary_data, or the view dtype", "JSON")])


def _check_sizes(members: Sequence[Member]) -> None:
    """What is written as text is written in one piece."""
    numbers = sum(
        member.info.nbytes for member in members if not member.wanted.binary and member.wanted.classes is None
    )
    if numbers > MAX_JSON_BYTES:
        message, expected = "the outputs are too large for JSON", f"at most {MAX_JSON_BYTES:,} bytes of tensors"
        advice = 'ask for "binary_data": true'
        raise TooLarge("", [Problem("/outputs", message, expected, f"{numbers:,} bytes", advice)])
    classes = sum(_classes(member) for member in members)
    if classes > MAX_CLASSES:
        message, expected = "there are too many classes", f"at most {MAX_CLASSES:,} in one reply"
        raise TooLarge("", [Problem("/outputs", message, expected, f"{classes:,}", "ask for fewer, or for the tensor")])


def _classes(member: Member) -> int:
    """How many classes are asked of a tensor."""
    if member.wanted.classes is None:
        return 0
    rows = member.info.shape[0] if member.info.shape else 1
    return rows * min(member.wanted.classes, prod(member.info.shape[1:]))


async def _arrays(tensors: Sequence[TensorInfo], answer: PendingResult) -> AsyncIterator[Array]:
    """Each tensor over the engine's memory."""
    number = 0
    async for view in answer.tensors():
        info = tensors[number]
        yield np.frombuffer(view, DTYPES[info.dtype]).reshape(info.shape)
        number += 1


def _in_one_piece(
    told: Mapping[str, Any], members: Sequence[Member], arrays: Sequence[Array], encoding: str | None
) -> Response:
    written = [_written(member, array) for member, array in zip(members, arrays, strict=True)]
    head = reply_head(told, [output for output, _ in written])
    buffers = [buffer for output, buffer in written if output.nbytes is not None]
    return _response(head, buffers, encoding)


def _written(member: Member, array: Array) -> tuple[Output, Buffer]:
    """An output, and the bytes that stand for it behind the JSON."""
    if member.wanted.classes is not None:
        return _classified(member, array)
    output = output_of(member.name, member.info)
    if member.wanted.binary:
        return output, array.reshape(-1).view(np.uint8).data
    return Output(output.name, output.datatype, output.shape, None, flat(array)), b""


def _classified(member: Member, array: Array) -> tuple[Output, Buffer]:
    """The k largest values of each item of the batch, as Triton's classification extension has them."""
    assert member.wanted.classes is not None  # noqa: S101 (the caller looked)
    rows = array.reshape(len(array) if array.ndim else 1, -1)
    k = min(member.wanted.classes, rows.shape[1])
    indices, values = Top(k, "").apply(rows)
    words, shape = class_words(values, indices), indices.shape
    if not member.wanted.binary:
        return Output(member.name, BYTES, shape, None, [word.decode() for word in words]), b""
    data = packed(words)
    return Output(member.name, BYTES, shape, len(data)), data


def _response(head: bytes, buffers: Sequence[Buffer], encoding: str | None) -> Response:
    binary = bool(buffers)
    headers = {HEADER: str(len(head))} if binary else {}
    pieces = [head, *buffers]
    if encoding is None or sum(map(len, pieces)) < MIN_BYTES:
        body = b"".join(pieces)
    else:
        body, headers["Content-Encoding"] = compressed(pieces, encoding), encoding
    return Response(body, headers=headers, media_type=(BINARY if binary else JSON).media_type)

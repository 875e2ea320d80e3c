"""Reply of an inference from an engine's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.errors import InvalidOption, TooLarge
from models.ipc.arrays import array_of
from models.ipc.messages import RunResult, TensorInfo
from models.tensors.dtypes import Array
from models.views.labels import Names, labels_after
from models.views.top import Top
from models.views.view import MAIN, SUFFIXES
from service.edge.content_coding import MIN_BYTES
from service.engines.pending_result import PendingResult
from service.open_inference.codec import (
    BYTES,
    HEADER,
    Output,
    class_labels,
    flat_json,
    output_of,
    pack_bytes,
    reply_head,
)
from service.open_inference.compression import compress
from service.open_inference.outputs import RequestedTensor
from service.responses.tensor_stream import tensor_response
from service.wire.format import Format
from service.wire.formats import JSON
from service.wire.json_labels import longest_label
from service.wire.stream import Buffer, HeadThenTensors

MAX_JSON_BYTES = 4 * 1024 * 1024
"""Tensors written as JSON numbers in one reply."""
MAX_CLASSES = 65_536
"""Classes in one reply."""
BINARY = Format("open-inference", "application/octet-stream")


@dataclass(frozen=True)
class Member:
    """One tensor of the result, and the output it belongs to; some views are several tensors."""

    info: TensorInfo
    output: RequestedTensor
    labels: Names | None = None
    """Names of the classes by index, if they have some."""

    @property
    def name(self) -> str:
        """The client's name of the output, and the member's suffix."""
        return self.output.name + self.info.name.removeprefix(self.output.address)

    @property
    def is_raw(self) -> bool:
        """Whether its bytes are sent unchanged."""
        return self.output.binary and self.output.classes is None


async def infer_reply(
    fields: Mapping[str, Any],
    pending: PendingResult[RunResult],
    outputs: Sequence[RequestedTensor],
    encoding: str | None,
) -> Response:
    """Build the reply with the outputs in their requested forms. If all are binary, they are streamed from the engine's
    shared memory.

    Raises:
        InvalidOption: bfloat16 is requested as JSON, which cannot express it.
        TooLarge: the values in JSON would be too many.
    """
    result = await pending.header
    members = _members(result, outputs)
    with pending.cancelled_on_error():
        _check_forms(members)
        _check_sizes(members)
    small = sum(info.nbytes for info in result.tensors) < MIN_BYTES
    if all(member.is_raw for member in members) and (encoding is None or small):
        head = reply_head(fields, [output_of(member.name, member.info) for member in members])
        stream = HeadThenTensors(head, result.tensors)
        response = await tensor_response(stream, pending, BINARY)
        response.headers[HEADER] = str(len(head))
        return response
    views = await pending.all_tensors()
    arrays = [array_of(info, view) for info, view in zip(result.tensors, views, strict=True)]
    return await run_in_threadpool(_whole_reply, fields, members, arrays, encoding)


def _members(result: RunResult, outputs: Sequence[RequestedTensor]) -> list[Member]:
    """Match tensors to outputs: a tensor's name is the address and perhaps a suffix."""
    owners = {output.address + suffix: output for output in outputs for suffix in (MAIN, *SUFFIXES)}
    labels = _labels(result, outputs)
    return [Member(info, owners[info.name], labels.get(info.name)) for info in result.tensors]


def _labels(result: RunResult, outputs: Sequence[RequestedTensor]) -> dict[str, Names]:
    """Return the labels of the tensors whose classes, the values of an item, are the units of the last axis alone."""
    labelled = {output.address: output for output in outputs if output.labels is not None and output.classes}
    shapes = {layer.address: layer.output.shape for layer in result.layers if layer.output} if labelled else {}
    named: dict[str, Names] = {}
    for info in (info for info in result.tensors if info.name in labelled and len(info.shape) > 1):
        output = labelled[info.name]
        names = labels_after(output.view, output.labels or (), shapes[info.name]).along
        if names is not None and len(names) == prod(info.shape[1:]):
            named[info.name] = names
    return named


def _check_forms(members: Sequence[Member]) -> None:
    for member in members:
        if not member.output.binary and member.output.classes is None and member.info.dtype == "bfloat16":
            message = f"{member.name} is BF16, which has no form in JSON"
            raise InvalidOption.at(
                member.output.pointer, message, expected="binary_data, or the view dtype", received="JSON"
            )


def _check_sizes(members: Sequence[Member]) -> None:
    """Check the limits of text, which is written in one piece."""
    numbers = sum(
        member.info.nbytes for member in members if not member.output.binary and member.output.classes is None
    )
    if numbers > MAX_JSON_BYTES:
        message, expected = "the outputs are too large for JSON", f"at most {MAX_JSON_BYTES:,} bytes of tensors"
        advice = 'ask for "binary_data": true'
        raise TooLarge.at("/outputs", message, expected=expected, received=f"{numbers:,} bytes", suggestion=advice)
    classes = sum(_class_count(member) for member in members)
    if classes > MAX_CLASSES:
        message, expected = "there are too many classes", f"at most {MAX_CLASSES:,} in one reply"
        raise TooLarge.at(
            "/outputs",
            message,
            expected=expected,
            received=f"{classes:,}",
            suggestion="ask for fewer, or for the tensor",
        )
    nbytes = sum(_class_count(member) * longest_label(member.labels) for member in members if member.labels)
    if nbytes > MAX_JSON_BYTES:
        message, expected = "the labels of the classes are too long", f"at most {MAX_JSON_BYTES:,} bytes of labels"
        raise TooLarge.at("/outputs", message, expected=expected, received=f"{nbytes:,}", suggestion="ask for fewer")


def _class_count(member: Member) -> int:
    """Return the number of classes requested of a tensor."""
    if member.output.classes is None:
        return 0
    rows = member.info.shape[0] if member.info.shape else 1
    return rows * min(member.output.classes, prod(member.info.shape[1:]))


def _whole_reply(
    fields: Mapping[str, Any], members: Sequence[Member], arrays: Sequence[Array], encoding: str | None
) -> Response:
    encoded = [_output_and_bytes(member, array) for member, array in zip(members, arrays, strict=True)]
    head = reply_head(fields, [output for output, _ in encoded])
    buffers = [buffer for output, buffer in encoded if output.nbytes is not None]
    return _response(head, buffers, encoding)


def _output_and_bytes(member: Member, array: Array) -> tuple[Output, Buffer]:
    """Return an output, and its bytes after the JSON."""
    if member.output.classes is not None:
        return _classes_and_bytes(member, array)
    output = output_of(member.name, member.info)
    if member.output.binary:
        return output, array.reshape(-1).view(np.uint8).data
    return Output(output.name, output.datatype, output.shape, None, flat_json(array)), b""


def _classes_and_bytes(member: Member, array: Array) -> tuple[Output, Buffer]:
    """Return the k largest values of each item of the batch, in the format of Triton's classification extension."""
    assert member.output.classes is not None  # noqa: S101 (the caller has checked)
    rows = array.reshape(len(array) if array.ndim else 1, -1)
    k = min(member.output.classes, rows.shape[1])
    indices, values = Top(k, "").apply(rows)
    words, shape = class_labels(values, indices, member.labels), indices.shape
    if not member.output.binary:
        return Output(member.name, BYTES, shape, None, [word.decode() for word in words]), b""
    data = pack_bytes(words)
    return Output(member.name, BYTES, shape, len(data)), data


def _response(head: bytes, buffers: Sequence[Buffer], encoding: str | None) -> Response:
    binary = bool(buffers)
    headers = {HEADER: str(len(head))} if binary else {}
    pieces = [head, *buffers]
    if encoding is None or sum(map(len, pieces)) < MIN_BYTES:
        body = b"".join(pieces)
    else:
        body, headers["Content-Encoding"] = compress(pieces, encoding), encoding
    return Response(body, headers=headers, media_type=(BINARY if binary else JSON).media_type)

"""Engine process without TensorFlow, for tests: `python -m tests.stub_engine` takes the options of `models.engine`.

Every requested output of a run is its first input. A document whose `name` is one of BEHAVIOURS, with an argument
if that takes one, has the engine do that instead.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import msgspec
from msgspec.structs import replace

from models.child import exit_on_disconnect
from models.ipc import messages as ipc
from models.ipc.arena import Arena
from models.ipc.channel import BlockingChannel
from models.ipc.groups import grouped, starts

MALFORMED = b"\1\0\0\0\xc1"
"""A frame of one byte, which begins no MessagePack value."""


class StubEngine:
    """Engine that serves runs in order, and other requests concurrently, as `models.engine.process` does."""

    def __init__(self, connection: socket.socket, replies: Arena, requests: Arena) -> None:
        self.connection, self.replies, self.requests = connection, replies, requests
        self.channel = BlockingChannel[ipc.FromFront](connection, ipc.FromFront)
        self._background = ThreadPoolExecutor(1)
        self._keys: set[str] = set()
        self.batch_size = 1

    def serve(self) -> None:
        """Handle messages until the front disconnects."""
        for message in self.channel.messages():
            match message:
                case ipc.Release():
                    self.replies.free(message.spans)
                case ipc.Run() | ipc.Weights():
                    self._handle([message])
                case ipc.RunBatch():
                    self._handle(message.runs)
                case _:
                    self._background.submit(self._behave, message)

    def _handle(self, requests: Sequence[ipc.Run | ipc.Weights]) -> None:
        """Handle the requests of one message."""
        self.batch_size = len(requests)
        for request in requests:
            self._behave(request)

    def _behave(self, request: Any) -> None:
        """Do what the name of the request's document says."""
        document = msgspec.json.decode(request.document) if hasattr(request, "document") else {}
        word, _, argument = (document.get("name") or "").partition(" ")
        BEHAVIOURS.get(word, reply)(self, request, argument)

    def send_outputs(self, run: ipc.Run, tensor: ipc.TensorInfo, data: bytes) -> None:
        """Reply to a run with outputs of this kind, which all have these bytes."""
        head = self.head(run, tensor)
        if len(data) * len(head.tensors) <= ipc.INLINE_BYTES:
            self.channel.send(replace(head, payloads=(ipc.Payload(data),) * len(head.tensors)))
            return
        messages, spans = [], []
        for group in grouped(head.tensors):
            *offsets, size = starts([info.nbytes for info in group])
            if (span := self.replies.allocate(size)) is None:  # replies that clients have not read fill the memory
                self.replies.free(spans)
                fail(self, run, "overloaded")
                return
            spans.append(span)
            for offset in offsets:
                self.replies.view(span)[offset : offset + len(data)] = data
            messages.append(ipc.Data(head.id, ipc.Payload(None, span), len(group)))
        for message in (head, *messages):
            self.channel.send(message)

    def head(self, run: ipc.Run, tensor: ipc.TensorInfo) -> ipc.RunResult:
        """Build the head of a reply with outputs of this kind. Its `run_ms` is the number of runs in the batch."""
        outputs = tuple(replace(tensor, name=address) for address in run.outputs)
        layers = tuple(ipc.LayerInfo(output.name, "Stub", output, 0) for output in outputs)
        is_cached, tensors = run.key in self._keys, outputs if run.data else ()
        self._keys.add(run.key)
        return ipc.RunResult(run.id, layers, {}, 0, is_cached, 0.0, self.batch_size, tensors, ())

    def read_input(self, run: ipc.Run) -> bytes:
        """Return the bytes of the first input, and release the shared memory of all."""
        inline, span = run.payloads[0].inline, run.payloads[0].span
        data = inline or b"" if span is None else bytes(self.requests.view(span))
        if spans := tuple(payload.span for payload in run.payloads if payload.span is not None):
            self.channel.send(ipc.Release(spans))
        return data


def reply(engine: StubEngine, request: Any, _: str = "") -> None:
    """Reply to a request; no layer has weights, and networks of keras.applications cannot be constructed."""
    match request:
        case ipc.Run():
            engine.send_outputs(request, request.inputs[0], engine.read_input(request))
        case ipc.Weights():
            engine.channel.send(ipc.RunResult(request.id, (), {}, 0, True, 0.0, 1.0, (), ()))
        case ipc.Plan():
            engine.channel.send(ipc.Planned(request.id, msgspec.json.encode(plan_of(request))))
        case ipc.DescribeWeights():
            engine.channel.send(ipc.WeightsDescribed(request.id, ()))
        case ipc.Construct():
            fail(engine, request, "unsupported")


def plan_of(request: ipc.Plan) -> dict[str, Any]:
    """Build the part of a plan that the front reads; outputs have the shape of the first input."""
    inputs = {name: {"shape": shape, "dtype": "float32", "bytes": None} for name, shape in request.shapes.items()}
    layers = [{"address": address, **next(iter(inputs.values()))} for address in request.outputs]
    return {"inputs": inputs, "layers": layers, "reply_bytes": None, "totals": {"parameters": 0}}


def fail(engine: StubEngine, request: ipc.Request, code: str) -> None:
    """Refuse a request with the error of this code."""
    engine.channel.send(ipc.Failed(request.id, code, ""))


def crash(*_: object) -> None:
    """End the process."""
    os._exit(1)


def stall(engine: StubEngine, request: ipc.Request, seconds: str) -> None:
    """Reply after these seconds for each run of the batch, or never."""
    Event().wait(engine.batch_size * float(seconds) if seconds else None)
    reply(engine, request)


def send_malformed_frame(engine: StubEngine, request: ipc.Request, _: str) -> None:
    """Send a malformed frame before the reply."""
    engine.connection.sendall(MALFORMED)
    reply(engine, request)


def reply_with_wrong_id(engine: StubEngine, request: ipc.Request, _: str) -> None:
    """Reply with the id of the next request."""
    reply(engine, replace(request, id=request.id + 1))


def reply_without_tensors(engine: StubEngine, run: ipc.Run, _: str) -> None:
    """Send the head of the reply, and none of its tensors."""
    engine.read_input(run)
    engine.channel.send(engine.head(run, run.inputs[0]))


def reply_at_length(engine: StubEngine, run: ipc.Run, nbytes: str) -> None:
    """Reply with outputs of this many bytes: the first input, repeated."""
    size, data = int(nbytes), engine.read_input(run)
    tensor = ipc.TensorInfo("", "uint8", (size,), size)
    engine.send_outputs(run, tensor, (data * (size // len(data) + 1))[:size])


BEHAVIOURS: Mapping[str, Callable[[StubEngine, Any, str], None]] = {
    "fail": fail, "crash": crash, "stall": stall, "malformed": send_malformed_frame, "wrong-id": reply_with_wrong_id,
    "incomplete": reply_without_tensors, "large": reply_at_length,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on an inherited socket and two inherited arenas."""
    parser = argparse.ArgumentParser()
    for name in ("socket", "replies", "replies-bytes", "requests", "requests-bytes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options, _ = parser.parse_known_args(arguments)
    exit_on_disconnect(options.socket, 0.0)
    replies, requests = Arena(options.replies, options.replies_bytes), Arena(options.requests, options.requests_bytes)
    engine = StubEngine(socket.socket(fileno=options.socket), replies, requests)
    engine.channel.send(ipc.Ready(({"type": "CPU", "name": "stub", "model": ""},), {}, 0.0))
    engine.serve()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Service of an engine to the front: one request after the other, each with a reply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from traceback import format_exc

import msgspec
import numpy as np

from models.engine.analysis import answer
from models.engine.background import Background
from models.engine.execution import Execution
from models.engine.explaining.edited_run import run_edited
from models.engine.gpu import client_error, require_gpu
from models.engine.reply_buffers import ReplyBuffers
from models.engine.report import Result
from models.engine.send_queue import SendQueue
from models.errors import Internal, LayerscopeError
from models.ipc.arena import Arena
from models.ipc.arrays import read_payload
from models.ipc.channel import BlockingChannel
from models.ipc.messages import (
    Analyse,
    Construct,
    Constructed,
    DescribeWeights,
    Failed,
    FromFront,
    Plan,
    Planned,
    Release,
    Request,
    Run,
    RunBatch,
    RunResult,
    Weights,
    WeightsDescribed,
)

MAX_TRACEBACK = 32_768
"""Most characters of a traceback that the front logs; its end is kept."""


class EngineProcess:
    """Serves engine requests in order; exits when the front disconnects."""

    def __init__(
        self,
        channel: BlockingChannel[FromFront],
        replies: Arena,
        requests: Arena,
        execution: Execution,
        require_gpu: bool = False,
    ) -> None:
        self.channel, self.replies, self.requests, self.execution = channel, replies, requests, execution
        self.require_gpu = require_gpu
        self.send_queue = SendQueue(channel, replies)
        self._plans = ThreadPoolExecutor(1, "plans")
        self._background = execution.background = Background()

    def serve(self) -> None:
        """Handle messages one after the other, until the socket closes."""
        for message in self.channel.messages():
            match message:
                case Release():
                    self.replies.free(message.spans)
                case Run() | RunBatch() | Analyse() | Weights():
                    with self._background.request():
                        self._compute(message)
                case _:
                    self._plans.submit(self._reply, message)
        self._background.close()
        self.send_queue.close()

    def _compute(self, message: Run | RunBatch | Analyse | Weights) -> None:
        match message:
            case Run():
                self._run(message)
            case RunBatch():
                self._run_or_halve(message.runs)
            case Analyse():
                self._analyse(message)
            case Weights():
                self._run_weights(message)

    def _reply(self, request: Plan | DescribeWeights | Construct) -> None:
        """Reply to requests that need no built model, on a thread of its own: a plan of thousands of layers takes
        seconds, and runs of other requests continue. These replies do not depend on the order of other messages.
        """
        with self._report_errors(request, self.channel.send):
            match request:
                case Plan():
                    self.channel.send(Planned(request.id, self.execution.plan(request)))
                case DescribeWeights():
                    self.channel.send(WeightsDescribed(request.id, self.execution.specs(request)))
                case Construct():
                    self.channel.send(Constructed(request.id, *self.execution.construct(request)))

    def _run_weights(self, request: Weights) -> None:
        buffers = self.send_queue.reply_buffers()
        with self._report_errors(request), self.send_queue.release_on_error([buffers]):
            self._check_gpu()
            self._send(request.id, self.execution.weights(request), buffers)

    def _analyse(self, request: Analyse) -> None:
        buffers = self.send_queue.reply_buffers()
        with (
            self._report_errors(request),
            self._releasing_inputs(*request.runs),
            self.send_queue.release_on_error([buffers]),
        ):
            self._check_gpu()
            inputs = [self._inputs(run) for run in request.runs]
            self._send(request.id, answer(self.execution, request, inputs), buffers)

    def _run(self, request: Run) -> None:
        buffers = self.send_queue.reply_buffers()
        with self._report_errors(request), self._releasing_inputs(request), self.send_queue.release_on_error([buffers]):
            self._check_gpu()
            inputs = self._inputs(request)
            result = (
                run_edited(self.execution, request, inputs)
                if request.edits
                else self.execution.run(request, inputs, buffers)
            )
            self._send(request.id, result, buffers, request.texts)

    def _check_gpu(self) -> None:
        """Raise NoGpu rather than silently compute on another device."""
        if self.require_gpu:
            require_gpu()

    def _run_or_halve(self, requests: Sequence[Run]) -> None:
        """Run requests as one batch; if that is refused, as two halves, down to the single request that is at fault."""
        half, reply_buffers = len(requests) // 2, [self.send_queue.reply_buffers() for _ in requests]
        if half == 0:
            self._run(requests[0])
        elif results := self._try_batch(requests, reply_buffers):
            for request, result, buffers in zip(requests, results, reply_buffers, strict=True):
                with (
                    self._report_errors(request),
                    self._releasing_inputs(request),
                    self.send_queue.release_on_error([buffers]),
                ):
                    self._send(request.id, result, buffers, request.texts)
        else:
            self._run_or_halve(requests[:half])
            self._run_or_halve(requests[half:])

    def _try_batch(self, requests: Sequence[Run], reply_buffers: Sequence[ReplyBuffers]) -> Sequence[Result]:
        """Run a batch; returns no results where it cannot be run."""
        inputs = [self._inputs(request) for request in requests]
        try:
            self._check_gpu()
            with self.send_queue.release_on_error(reply_buffers):
                return self.execution.run_batch(requests, inputs, reply_buffers)
        except Exception:  # the cause, and the request at fault, shows when each is run alone
            return ()

    @contextmanager
    def _report_errors(self, request: Request, send: Callable[[msgspec.Struct], None] | None = None) -> Iterator[None]:
        """Reply with the error that ends the block."""
        send = send or self.send_queue.send
        try:
            yield
        except LayerscopeError as error:
            send(_failure(request.id, client_error(error)))
        except Exception as error:  # the front responds 500 without this text, which it logs with the request's id
            defect = Internal(format_exc()[-MAX_TRACEBACK:])
            defect.__cause__ = error
            send(_failure(request.id, client_error(defect)))

    def _inputs(self, request: Run) -> list[np.ndarray]:
        """Return the request's arrays as views of shared memory."""
        pairs = zip(request.inputs, request.payloads, strict=True)
        return [read_payload(info, payload, self.requests) for info, payload in pairs]

    @contextmanager
    def _releasing_inputs(self, *requests: Run) -> Iterator[None]:
        """Release the shared memory of the inputs to the front after the block."""
        try:
            yield
        finally:
            payloads = (payload for request in requests for payload in request.payloads)
            spans = tuple(payload.span for payload in payloads if payload.span is not None)
            if spans:
                self.send_queue.send(Release(spans))

    def _send(self, number: int, result: Result, buffers: ReplyBuffers, texts: bool = False) -> None:
        """Send everything in the head if it is small; otherwise the head, then the tensors."""
        buffers.reserve(result.tensors)
        payloads = result.payloads(texts) if buffers.is_empty else ()
        cached, build_ms, run_ms, seconds = result.timing
        head = RunResult(
            number, result.layers, result.inputs, result.parameters, cached, build_ms, run_ms, result.tensors,
            payloads, texts and buffers.is_empty, seconds, result.macs, self.execution.cache.figures(),
            dict(result.facts),
        )  # fmt: skip
        if buffers.is_empty:
            self.send_queue.send(head)
        else:
            names = (info.name for info in result.tensors)
            self.send_queue.send_reply(head, buffers, dict(zip(names, result.buffers, strict=True)))


def _failure(number: int, error: LayerscopeError) -> Failed:
    return Failed(number, error.code, error.detail, error.problems)

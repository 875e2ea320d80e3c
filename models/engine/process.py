"""The engine process: imports TensorFlow, warms up, then computes one request after the other.

Started by the front as `python -m models.engine`, never forked: a fork after TensorFlow ran hangs.
"""

from __future__ import annotations

import argparse
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from traceback import format_exc

import keras
import ml_dtypes  # noqa: F401  (registers bfloat16 with NumPy)
import msgspec
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context  # private: pinned; TensorFlow 2 has no other way to its configuration

from models.child import exit_on_disconnect
from models.engine import gpu
from models.engine.execution import Execution, Limits
from models.engine.reply_buffers import ReplyBuffers
from models.engine.report import Result
from models.engine.send_queue import SendQueue
from models.engine.warm_up import warm_up
from models.errors import Internal, LayerscopeError
from models.ipc.arena import Arena
from models.ipc.channel import BlockingChannel
from models.ipc.messages import (
    Construct,
    Constructed,
    DescribeWeights,
    Failed,
    FromFront,
    Payload,
    Plan,
    Planned,
    Ready,
    Release,
    Request,
    Run,
    RunBatch,
    RunResult,
    TensorInfo,
    Weights,
    WeightsDescribed,
)
from models.tensors.dtypes import DTYPES
from models.tensors.json_text import json_text

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
        self._background = ThreadPoolExecutor(1, "beside")

    def serve(self) -> None:
        """Handle messages one after the other, until the socket closes."""
        for message in self.channel.messages():
            match message:
                case Release():
                    self.replies.free(message.spans)
                case Run():
                    self._run(message)
                case RunBatch():
                    self._run_together(message.runs)
                case Weights():
                    self._run_weights(message)
                case _:
                    self._background.submit(self._reply, message)
        self.send_queue.close()

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
        with self._report_errors(request), self.send_queue.holding([buffers]):
            self._check_gpu()
            self._send(request.id, self.execution.weights(request), buffers)

    def _run(self, request: Run) -> None:
        buffers = self.send_queue.reply_buffers()
        with self._report_errors(request), self._releasing_inputs(request), self.send_queue.holding([buffers]):
            self._check_gpu()
            result = self.execution.run(request, self._inputs(request), buffers)
            self._send(request.id, result, buffers, request.texts)

    def _check_gpu(self) -> None:
        """Raise NoGpu rather than silently compute on another device."""
        if self.require_gpu:
            gpu.require()

    def _run_together(self, requests: Sequence[Run]) -> None:
        """Run requests as one batch; if that is refused, as two halves, down to the single request that is at fault."""
        half, reply_buffers = len(requests) // 2, [self.send_queue.reply_buffers() for _ in requests]
        if half == 0:
            self._run(requests[0])
        elif results := self._run_batch(requests, reply_buffers):
            for request, result, buffers in zip(requests, results, reply_buffers, strict=True):
                with self._report_errors(request), self._releasing_inputs(request), self.send_queue.holding([buffers]):
                    self._send(request.id, result, buffers, request.texts)
        else:
            self._run_together(requests[:half])
            self._run_together(requests[half:])

    def _run_batch(self, requests: Sequence[Run], reply_buffers: Sequence[ReplyBuffers]) -> Sequence[Result]:
        """Run a batch; returns no results where it cannot be run."""
        inputs = [self._inputs(request) for request in requests]
        try:
            self._check_gpu()
            with self.send_queue.holding(reply_buffers):
                return self.execution.run_together(requests, inputs, reply_buffers)
        except Exception:  # the cause, and the request at fault, shows when each is run alone
            return ()

    @contextmanager
    def _report_errors(self, request: Request, send: Callable[[msgspec.Struct], None] | None = None) -> Iterator[None]:
        """Reply with the error that ends the block."""
        send = send or self.send_queue.send
        try:
            yield
        except LayerscopeError as error:
            send(_failure(request.id, gpu.client_error(error)))
        except Exception as error:  # the front responds 500 without this text, which it logs with the request's id
            defect = Internal(format_exc()[-MAX_TRACEBACK:])
            defect.__cause__ = error
            send(_failure(request.id, gpu.client_error(defect)))

    def _inputs(self, request: Run) -> list[np.ndarray]:
        """Return the request's arrays as views of shared memory."""
        return [self._array(info, payload) for info, payload in zip(request.inputs, request.payloads, strict=True)]

    @contextmanager
    def _releasing_inputs(self, request: Run) -> Iterator[None]:
        """Release the shared memory of the inputs to the front after the block."""
        try:
            yield
        finally:
            spans = tuple(payload.span for payload in request.payloads if payload.span is not None)
            if spans:
                self.send_queue.send(Release(spans))

    def _array(self, info: TensorInfo, payload: Payload) -> np.ndarray:
        data = self.requests.view(payload.span) if payload.span is not None else payload.inline or b""
        return np.frombuffer(data, DTYPES[info.dtype]).reshape(info.shape)

    def _send(self, number: int, result: Result, buffers: ReplyBuffers, texts: bool = False) -> None:
        """Send everything in the head if it is small; otherwise the head, then the tensors."""
        buffers.expect(result.tensors)
        payloads = _inline(result, texts) if buffers.is_empty else ()
        cached, build_ms, run_ms, seconds = result.timing
        head = RunResult(
            number, result.layers, result.inputs, result.parameters, cached, build_ms, run_ms, result.tensors,
            payloads, texts and buffers.is_empty, seconds,
        )  # fmt: skip
        if buffers.is_empty:
            self.send_queue.send(head)
        else:
            names = (info.name for info in result.tensors)
            self.send_queue.send_reply(head, buffers, dict(zip(names, result.buffers, strict=True)))


def _inline(result: Result, texts: bool) -> tuple[Payload, ...]:
    """Return the tensors as bytes or as JSON text."""
    if not texts:
        return tuple(Payload(bytes(buffer)) for buffer in result.buffers)
    pairs = zip(result.tensors, result.buffers, strict=True)
    arrays = (np.frombuffer(buffer, DTYPES[info.dtype]).reshape(info.shape) for info, buffer in pairs)
    return tuple(Payload(json_text(array)) for array in arrays)


def _failure(number: int, error: LayerscopeError) -> Failed:
    rows = tuple((p.pointer, p.message, p.expected, p.received, p.suggestion) for p in error.problems)
    return Failed(number, error.code, error.detail, rows)


def devices() -> tuple[dict[str, str], ...]:
    """Return the devices TensorFlow computes on: `{"type": "GPU", "name": …, "model": …}`."""
    rows = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        rows.append({"type": device.device_type, "name": device.name, "model": details.get("device_name", "")})
    return tuple(rows)


def prepare(gpu_percent: int = 100) -> None:
    """Configure TensorFlow before any operation runs: GPU memory grows on demand, functions are not rewritten, and idle
    threads sleep.

    TensorFlow's optimiser fuses operations whose results are not requested, so that the bits of a layer would depend
    on which others are requested, and takes longer than tracing (decision 0008). Its idle threads busy-wait: a quarter
    of the processor time of six small layers, which the front needs.
    """
    context.context()._config = tf.compat.v1.ConfigProto(
        gpu_options=gpu.options(gpu_percent),
        experimental=tf.compat.v1.ConfigProto.Experimental(disable_thread_spinning=True),
    )
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    gpu.enable_memory_growth()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on an inherited socket and two inherited arenas."""
    parser = argparse.ArgumentParser()
    for name in ("socket", "replies", "replies-bytes", "requests", "requests-bytes", "cache-bytes",
                 "max-working-bytes", "max-model-bytes", "gpu-percent", "require-gpu"):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--deadline", type=float, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the front decides when an engine exits
    exit_on_disconnect(options.socket)
    prepare(options.gpu_percent)
    limits = Limits(options.max_working_bytes, options.max_model_bytes, options.deadline)
    execution = Execution(limits, options.cache_bytes)
    channel = BlockingChannel[FromFront](socket.socket(fileno=options.socket), FromFront)
    replies = Arena(options.replies, options.replies_bytes)
    requests = Arena(options.requests, options.requests_bytes)
    elapsed = warm_up(execution)
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    channel.send(Ready(devices(), versions, elapsed))
    EngineProcess(channel, replies, requests, execution, bool(options.require_gpu)).serve()

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

from models.child import end_at_hangup
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
"""Characters of what the front logs of a defect, its end."""


class EngineProcess:
    """Reads requests, works, answers; ends when the front hangs up."""

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
        self._beside = ThreadPoolExecutor(1, "beside")

    def serve(self) -> None:
        """One message after the other, until the socket closes."""
        for message in self.channel.messages():
            match message:
                case Release():
                    self.replies.free(message.spans)
                case Run():
                    self._run(message)
                case RunBatch():
                    self._run_together(message.runs)
                case Weights():
                    self._give_weights(message)
                case _:
                    self._beside.submit(self._answer, message)
        self.send_queue.close()

    def _answer(self, request: Plan | DescribeWeights | Construct) -> None:
        """Answers what needs no model that is built, on a thread of its own: a plan of thousands of layers takes
        seconds, in which others' runs go on. It says nothing that the order of what else is said matters to.
        """
        with self._reporting_errors(request, self.channel.send):
            match request:
                case Plan():
                    self.channel.send(Planned(request.id, self.execution.plan(request)))
                case DescribeWeights():
                    self.channel.send(WeightsDescribed(request.id, self.execution.specs(request)))
                case Construct():
                    self.channel.send(Constructed(request.id, *self.execution.construct(request)))

    def _give_weights(self, request: Weights) -> None:
        parcel = self.send_queue.parcel()
        with self._reporting_errors(request), self.send_queue.holding([parcel]):
            self._check_gpu()
            self._send(request.id, self.execution.weights(request), parcel)

    def _run(self, request: Run) -> None:
        parcel = self.send_queue.parcel()
        with self._reporting_errors(request), self._releasing_inputs(request), self.send_queue.holding([parcel]):
            self._check_gpu()
            result = self.execution.run(request, self._inputs(request), parcel)
            self._send(request.id, result, parcel, request.texts)

    def _check_gpu(self) -> None:
        """Raises NoGpu: what was asked for is not computed in silence on something else."""
        if self.require_gpu:
            gpu.require()

    def _run_together(self, requests: Sequence[Run]) -> None:
        """As one batch; where that is refused, as two halves, down to the one that is told why."""
        half, parcels = len(requests) // 2, [self.send_queue.parcel() for _ in requests]
        if half == 0:
            self._run(requests[0])
        elif results := self._results(requests, parcels):
            for request, result, parcel in zip(requests, results, parcels, strict=True):
                with (
                    self._reporting_errors(request),
                    self._releasing_inputs(request),
                    self.send_queue.holding([parcel]),
                ):
                    self._send(request.id, result, parcel, request.texts)
        else:
            self._run_together(requests[:half])
            self._run_together(requests[half:])

    def _results(self, requests: Sequence[Run], parcels: Sequence[ReplyBuffers]) -> Sequence[Result]:
        """Of a batch; none where it cannot be run."""
        inputs = [self._inputs(request) for request in requests]
        try:
            self._check_gpu()
            with self.send_queue.holding(parcels):
                return self.execution.run_together(requests, inputs, parcels)
        except Exception:  # what is wrong, and with which of them, shows when it is run alone
            return ()

    @contextmanager
    def _reporting_errors(
        self, request: Request, tell: Callable[[msgspec.Struct], None] | None = None
    ) -> Iterator[None]:
        """Answers with the error that ends the block."""
        tell = tell or self.send_queue.send
        try:
            yield
        except LayerscopeError as error:
            tell(_failed(request.id, gpu.told(error)))
        except Exception as error:  # the front answers 500 without this text, which it logs with the request's id
            defect = Internal(format_exc()[-MAX_TRACEBACK:])
            defect.__cause__ = error
            tell(_failed(request.id, gpu.told(defect)))

    def _inputs(self, request: Run) -> list[np.ndarray]:
        """The request's arrays, straight from shared memory."""
        return [self._array(info, payload) for info, payload in zip(request.inputs, request.payloads, strict=True)]

    @contextmanager
    def _releasing_inputs(self, request: Run) -> Iterator[None]:
        """The shared memory of its inputs is the front's again after the block."""
        try:
            yield
        finally:
            spans = tuple(payload.span for payload in request.payloads if payload.span is not None)
            if spans:
                self.send_queue.send(Release(spans))

    def _array(self, info: TensorInfo, payload: Payload) -> np.ndarray:
        data = self.requests.view(payload.span) if payload.span is not None else payload.inline or b""
        return np.frombuffer(data, DTYPES[info.dtype]).reshape(info.shape)

    def _send(self, number: int, result: Result, parcel: ReplyBuffers, texts: bool = False) -> None:
        """Everything in the head when it is small; else the head, and then a parcel."""
        parcel.expect(result.tensors)
        payloads = _inline(result, texts) if parcel.is_empty else ()
        cached, build_ms, run_ms, seconds = result.timing
        head = RunResult(
            number, result.layers, result.inputs, result.parameters, cached, build_ms, run_ms, result.tensors,
            payloads, texts and parcel.is_empty, seconds,
        )  # fmt: skip
        if parcel.is_empty:
            self.send_queue.send(head)
        else:
            names = (info.name for info in result.tensors)
            self.send_queue.send_parcel(head, parcel, dict(zip(names, result.buffers, strict=True)))


def _inline(result: Result, texts: bool) -> tuple[Payload, ...]:
    """The tensors themselves, as bytes or as JSON text."""
    if not texts:
        return tuple(Payload(bytes(buffer)) for buffer in result.buffers)
    pairs = zip(result.tensors, result.buffers, strict=True)
    arrays = (np.frombuffer(buffer, DTYPES[info.dtype]).reshape(info.shape) for info, buffer in pairs)
    return tuple(Payload(json_text(array)) for array in arrays)


def _failed(number: int, error: LayerscopeError) -> Failed:
    rows = tuple((p.pointer, p.message, p.expected, p.received, p.suggestion) for p in error.problems)
    return Failed(number, error.code, error.detail, rows)


def devices() -> tuple[dict[str, str], ...]:
    """What TensorFlow computes on: `{"type": "GPU", "name": …, "model": …}`."""
    found = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        found.append({"type": device.device_type, "name": device.name, "model": details.get("device_name", "")})
    return tuple(found)


def prepare(gpu_percent: int = 100) -> None:
    """Before any operation runs: GPUs take memory as they need it, not all at once, functions stay as written, and
    threads that have nothing to do sleep.

    TensorFlow's optimiser fuses operations whose results are not asked for, so that the bits of a layer would depend
    on which others are asked for, and takes longer than tracing (decision 0008). Its idle threads look for work as
    busily as others work: a quarter of the processor time of six small layers, which the front needs.
    """
    context.context()._config = tf.compat.v1.ConfigProto(
        gpu_options=gpu.options(gpu_percent),
        experimental=tf.compat.v1.ConfigProto.Experimental(disable_thread_spinning=True),
    )
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    gpu.take_as_needed()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves on an inherited socket and two inherited arenas."""
    parser = argparse.ArgumentParser()
    for name in ("socket", "replies", "replies-bytes", "requests", "requests-bytes", "cache-bytes",
                 "max-working-bytes", "max-model-bytes", "gpu-percent", "require-gpu"):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--deadline", type=float, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the front decides when an engine ends
    end_at_hangup(options.socket)
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

"""Start of an engine process: imports and configures TensorFlow, warms up, then serves.

Started by the front as `python -m models.engine`, never forked: a fork after TensorFlow ran hangs.
"""

from __future__ import annotations

import argparse
import signal
import socket
from collections.abc import Sequence

import ml_dtypes  # noqa: F401  (registers bfloat16 with NumPy)

from models.child import exit_on_disconnect
from models.engine.execution import EngineLimits, Execution
from models.engine.process import EngineProcess
from models.engine.tensorflow_setup import devices, prepare, versions
from models.engine.warm_up import warm_up
from models.ipc.arena import Arena
from models.ipc.channel import BlockingChannel
from models.ipc.messages import FromFront, Ready

NUMBERS = ("socket", "replies", "replies-bytes", "requests", "requests-bytes", "cache-bytes", "max-working-bytes",
           "max-model-bytes", "gpu-percent", "require-gpu")  # fmt: skip
"""Options that are integers; `socket`, `replies` and `requests` are descriptors."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve on an inherited socket and two inherited arenas."""
    options = _parse(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the front decides when an engine exits
    exit_on_disconnect(options.socket)
    prepare(options.gpu_percent)
    limits = EngineLimits(options.max_working_bytes, options.max_model_bytes, options.deadline)
    execution = Execution(limits, options.cache_bytes)
    channel = BlockingChannel[FromFront](socket.socket(fileno=options.socket), FromFront)
    replies = Arena(options.replies, options.replies_bytes)
    requests = Arena(options.requests, options.requests_bytes)
    elapsed = warm_up(execution)
    execution.cache.bound_process()
    channel.send(Ready(devices(), versions(), elapsed))
    EngineProcess(channel, replies, requests, execution, bool(options.require_gpu)).serve()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in NUMBERS:
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--deadline", type=float, required=True)
    return parser.parse_args(arguments)

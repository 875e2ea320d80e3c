"""Launch of engine processes, without what the front needs to talk to them, which it imports after it started them."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from models.child import command
from models.ipc.arena import Arena, anonymous_file
from service.engines.arguments import Descriptors, engine_arguments
from service.engines.gpus import Gpu, assigned_gpus
from service.environment import engine_environment
from service.settings import Settings

PROGRAM = "models.engine"
"""The module that engines run."""
NOT_STARTED = (OSError, MemoryError, ValueError, subprocess.SubprocessError)
"""Errors of a machine without a free descriptor, memory or process."""


@dataclass(frozen=True)
class Launched:
    """An engine process that runs, with the front's ends of what connects them."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    replies: Arena
    requests: Arena
    gpu: Gpu


def environment_of(gpu: Gpu) -> dict[str, str]:
    """Return the environment of an engine process on a GPU."""
    return engine_environment() | gpu.environment


def launch(settings: Settings, gpu: Gpu, program: str, environment: Mapping[str, str]) -> Launched:
    """Start a process with its end of the socket and both arenas, without waiting for it.

    Raises:
        OSError, MemoryError: the machine has no descriptor, memory or process left; nothing stays open.
    """
    requests_bytes = 2 * int(settings.max_input_bytes)
    with ExitStack() as rollback, ExitStack() as child_files:
        ours, theirs = socket.socketpair()
        rollback.callback(ours.close)
        child_files.callback(theirs.close)
        replies, replies_file = _arena(int(settings.reply_memory), rollback, child_files)
        requests, requests_file = _arena(requests_bytes, rollback, child_files)
        inherited = Descriptors(theirs.fileno(), replies_file, requests_file)
        process = subprocess.Popen(  # noqa: S603
            command(program, *engine_arguments(settings, gpu, inherited, requests_bytes)),
            pass_fds=inherited,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
        rollback.pop_all()
    ours.setblocking(False)
    return Launched(process, ours, replies, requests, gpu)


def _arena(nbytes: int, rollback: ExitStack, child_files: ExitStack) -> tuple[Arena, int]:
    """Create an arena of shared memory, and its descriptor for the engine."""
    descriptor = anonymous_file(nbytes)
    child_files.callback(os.close, descriptor)
    arena = Arena(descriptor, nbytes)
    rollback.callback(arena.close)
    return arena, descriptor


def launch_all(settings: Settings, program: str = PROGRAM) -> list[Launched]:
    """Start the engines of the settings, but for spares and those of a cluster. The first that cannot be started ends
    the list: the supervisor tries again, and reports it.
    """
    launched: list[Launched] = []
    try:
        for gpu in () if settings.ray else assigned_gpus(settings)[0]:
            launched.append(launch(settings, gpu, program, environment_of(gpu)))
    except NOT_STARTED:
        pass
    return launched

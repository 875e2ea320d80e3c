"""Ray actor that runs one engine as its child process, and passes messages between it and the front.

The child is the engine of `service.engines.process`: the same program, arguments and environment as beside a front, so
that it computes the same bits. It ends with the actor, whatever it computes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import ray

from models.ipc.arena import Span
from service import cluster
from service.engines.cluster.in_order import InOrder
from service.engines.cluster.messages import Batch, Ended, Hello, WeightsWanted, runs_of, to_actor, weights_of
from service.engines.cluster.node_weights import NodeWeights
from service.engines.cluster.outbox import Outbox
from service.engines.cluster.relayed_process import RelayedProcess
from service.engines.gpus import Gpu
from service.settings import Settings

NODE_DIGITS = 8
"""Digits of a node's id in Ray that are shown: a machine of a test may be several nodes."""
Received = tuple[bytes, tuple[np.ndarray, ...]]


class EngineActor:
    """One engine on a node of the cluster. Its methods are called by one front, in any order: messages are numbered."""

    def __init__(self, values: Mapping[str, Any], program: str) -> None:
        self._settings = Settings.model_construct(**values)
        self._program = program
        self._outbox = Outbox()
        self._received: InOrder[Received] = InOrder()
        self._runs: asyncio.Queue[tuple[Any, tuple[np.ndarray, ...]]] = asyncio.Queue()
        """Messages that wait for weights or for memory, in order."""
        self._weights = NodeWeights(self._settings.ray_folder, self._settings.data_dir, self._bring)
        self._arriving: dict[str, tuple[Path, asyncio.Future[None]]] = {}

    async def start(self) -> Hello:
        """Start the engine, without waiting until it is ready."""
        self._weights.open()
        gpus = tuple(map(str, ray.get_gpu_ids()))
        share = min(1.0, self._settings.ray_gpus or 1.0)
        self._engine = RelayedProcess(self._settings, Gpu(share=share), self._program, self._outbox)
        self._engine.start()
        self._forwarding = asyncio.create_task(self._forward())
        pid = self._engine.state().pid or 0
        node = f"{ray.util.get_node_ip_address()} {ray.get_runtime_context().get_node_id()[:NODE_DIGITS]}"
        return Hello(node, pid, gpus, cluster.versions())

    async def send(self, number: int, data: bytes, *arrays: np.ndarray) -> None:
        """Send a message to the engine, with the arrays of the spans in it."""
        for message, inputs in self._received.add(number, (data, arrays)):
            decoded = to_actor.decode(message)
            if runs_of(decoded) or weights_of(decoded):
                self._runs.put_nowait((decoded, inputs))
            else:
                self._engine.send(decoded)

    async def release(self, spans: tuple[Span, ...]) -> None:
        """Release memory of replies that clients have read."""
        self._engine.release(spans)

    async def receive(self) -> Batch:
        """Wait for messages of the engine, and return them."""
        return await self._outbox.next_batch(self._engine.resident_bytes())

    async def add_weights(self, digest: str, data: np.ndarray, is_last: bool) -> None:
        """Add the next part of a wanted weights file."""
        path, arrived = self._arriving[digest]
        await asyncio.to_thread(_append, path, data)
        if is_last:
            arrived.set_result(None)

    async def _bring(self, digest: str, path: Path) -> None:
        """Ask the front for a weights file, and wait until it is whole."""
        arrived = asyncio.get_running_loop().create_future()
        self._arriving[digest] = path, arrived
        self._outbox.add(WeightsWanted(digest))
        await arrived
        del self._arriving[digest]

    async def _forward(self) -> None:
        """Send runs to the engine as soon as their weights are on this node and memory has room for their inputs."""
        try:
            while True:
                message, arrays = await self._runs.get()
                weights = {digest: await self._weights.local(file) for digest, file in weights_of(message).items()}
                await self._engine.forward(message, arrays, weights)
                del message, arrays
        except OSError as error:  # the disk is full
            self._outbox.add(Ended(f"weights: {error}"))


def _append(path: Path, data: np.ndarray) -> None:
    with path.open("ab") as file:
        file.write(data.data)

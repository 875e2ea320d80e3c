"""The engine of a worker: one process, to which the worker's threads send batches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Thread

from models.errors import DeadlineExceeded, Draining, EngineLost
from models.ipc.arrays import array_of
from models.ipc.messages import TensorInfo
from models.tensors.dtypes import Array
from service.engines.pool import EnginePool
from service.engines.request_builders import ModelSource, RunSpec, run_request
from service.settings import Settings

PATIENCE = 3600.0
"""Seconds that a batch may run and wait: nobody waits for it but this worker."""


def settings_of_worker(settings: Settings) -> Settings:
    """Return the settings of a pool with one engine, whose batches are what the worker makes them."""
    own = {"engines": 1, "spare_engines": 0, "batch_requests": 1, "deadline": PATIENCE, "queue_seconds": PATIENCE}
    return settings.model_copy(update=own)


@dataclass
class Target:
    """The rows of a shard's arrays that a batch fills, by name; tensors of `whole` have no axis of batches."""

    rows: Mapping[str, Array]
    whole: Mapping[str, Array]

    def copy(self, info: TensorInfo, data: memoryview) -> None:
        """Copy one tensor of a reply."""
        if info.name in self.rows:
            self.rows[info.name][:] = array_of(info, data)
        else:
            self.whole[info.name][0] = array_of(info, data)


class Engine:
    """An engine, and the event loop on a thread of its own that talks to it. An engine that dies is started again."""

    def __init__(
        self, model: ModelSource, names: Sequence[str], run: RunSpec, settings: Settings, program: str
    ) -> None:
        self._model, self._names, self._spec, self._program = model, names, run, program
        self._settings = settings_of_worker(settings)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()

    def run(self, arrays: Sequence[Array], target: Target) -> None:
        """Run a batch, and copy its tensors; may be called on several threads.

        Raises:
            LayerscopeError: the batch is refused, or the engine dies of it.
        """
        asyncio.run_coroutine_threadsafe(self._run(arrays, target), self._loop).result()

    def close(self) -> None:
        """Stop the engine and the thread."""
        asyncio.run_coroutine_threadsafe(self._pool.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._pool = EnginePool(self._settings, self._program)
        await self._pool.start()

    async def _run(self, arrays: Sequence[Array], target: Target) -> None:
        while True:
            pool = self._pool
            try:
                return await self._run_once(pool, arrays, target)
            except (EngineLost, DeadlineExceeded):
                await self._replace(pool)
                raise
            except Draining:
                if pool is self._pool:
                    raise

    async def _run_once(self, pool: EnginePool, arrays: Sequence[Array], target: Target) -> None:
        request = run_request(self._model, self._names, arrays, self._settings, self._spec)
        pending = await pool.submit(request)
        header = await pending.header
        with pending.cancelled_on_error():
            infos = iter(header.tensors)
            async for data in pending.tensors():
                target.copy(next(infos), data)

    async def _replace(self, pool: EnginePool) -> None:
        """Replace a pool whose engine died: it would refuse the model after the next death, whose inputs are others."""
        if pool is self._pool:
            await self._start()
            await pool.stop()

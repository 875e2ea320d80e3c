"""ImageNet weights: fetched and converted once by a separate process, cached on disk under their digest.

<SHA-256 of the arguments and of Keras' version>.json    {"digest", "bytes"}: a manifest
<digest>.safetensors                                     canonical weights, which several manifests may share
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import msgspec
from starlette.concurrency import run_in_threadpool

from models.child import command
from models.errors import DeadlineExceeded, Internal, Overloaded, WeightsUnavailable, error_of
from models.ipc.pretrained_messages import WEIGHTS, Fetched, FetchJob, Outcome
from models.store.errors import writing
from models.store.storage import rename_durably
from models.store.store import ModelStore
from models.weights.specs import WeightsFile
from service.environment import fetch_environment
from service.registry.negative_cache import NegativeCache
from service.settings import Settings

log = logging.getLogger("layerscope.pretrained")

FOLDER = "pretrained"
MAX_WAITING = 8
"""Most fetches that run or wait; one runs at a time."""
MAX_CACHED_MANIFESTS = 256
"""Manifests kept on disk. The weights files are bounded by the number that Keras offers, whatever the requests."""


class Manifest(msgspec.Struct, frozen=True):
    """The weights file of a network, and its size."""

    digest: str
    bytes: int


class Pretrained:
    """The weights that Keras offers for the networks of keras.applications."""

    def __init__(self, settings: Settings, store: ModelStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._store = settings, store
        self._failures = NegativeCache(clock)
        self._lock = asyncio.Lock()
        self._pending = 0
        """Fetches that run or wait."""

    async def cached(self, arguments: bytes) -> WeightsFile | None:
        """Return the weights of a network if they are complete on this machine."""
        return await run_in_threadpool(self._cached, arguments)

    async def get(self, arguments: bytes, file: str) -> WeightsFile:
        """Return the weights of a network, fetching their file of Keras if needed, unless that failed recently.

        Raises:
            WeightsUnavailable: the file is neither on this machine nor can it be downloaded.
            DeadlineExceeded, Overloaded
        """
        cached = await self.cached(arguments)
        if cached is not None:
            return cached
        self._failures.check(file)
        async with self._fetch_permit():
            self._failures.check(file)
            return await self._fetch(arguments, file)

    @asynccontextmanager
    async def _fetch_permit(self) -> AsyncIterator[None]:
        """Hold the permit of the only running fetch; MAX_WAITING bounds the waiters, `deadline` their wait."""
        if self._pending >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} networks are being fetched already.")
        self._pending += 1
        try:
            await self._acquire()
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._pending -= 1

    async def _acquire(self) -> None:
        seconds = self._settings.deadline
        try:
            async with asyncio.timeout(seconds):
                await self._lock.acquire()
        except TimeoutError:
            raise Overloaded(f"Other networks were being fetched for {seconds:g} s.") from None

    def _cached(self, arguments: bytes) -> WeightsFile | None:
        try:
            manifest = msgspec.json.decode(self._manifest_path(arguments).read_bytes(), type=Manifest)
            weights = self._weights_path(manifest.digest)
            is_complete = weights.stat().st_size == manifest.bytes
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return WeightsFile(str(weights), manifest.digest) if is_complete else None

    def _manifest_path(self, arguments: bytes) -> Path:
        name = sha256(arguments + version("keras").encode()).hexdigest()
        return self._store.local_folder(FOLDER) / f"{name}.json"

    def _weights_path(self, digest: str) -> Path:
        return self._store.local_folder(FOLDER) / f"{digest}.safetensors"

    async def _fetch(self, arguments: bytes, file: str) -> WeightsFile:
        with await run_in_threadpool(self._store.scratch.folder) as folder:
            outcome = await self._run(FetchJob(arguments, folder))
            if isinstance(outcome, Fetched):
                return await run_in_threadpool(self._save, arguments, outcome, Path(folder))
        error = error_of(outcome.code, outcome.detail, outcome.problems)
        if isinstance(error, WeightsUnavailable):
            self._failures.add(file, error)
        raise error

    @writing()
    def _save(self, arguments: bytes, fetched: Fetched, folder: Path) -> WeightsFile:
        """Move both files into place, the weights first, so that a manifest never names a missing file."""
        weights, manifest, scratch = (
            self._weights_path(fetched.digest),
            self._manifest_path(arguments),
            folder / "manifest",
        )
        scratch.write_bytes(msgspec.json.encode(Manifest(fetched.digest, (folder / WEIGHTS).stat().st_size)))
        rename_durably(folder / WEIGHTS, weights)
        rename_durably(scratch, manifest)
        manifests = sorted(manifest.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for old in manifests[:-MAX_CACHED_MANIFESTS]:
            old.unlink(missing_ok=True)
        return WeightsFile(str(weights), fetched.digest)

    async def _run(self, job: FetchJob) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            *command("models.engine.pretrained"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True, env=fetch_environment(self._settings),
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._settings.fetch_seconds):
                output, errors = await _communicate(process, msgspec.json.encode(job))
        except TimeoutError:
            seconds = self._settings.fetch_seconds
            raise DeadlineExceeded(f"The weights did not come within {seconds:g} s.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            log.error("conversion of pretrained weights failed: %s", errors.decode("utf-8", "replace")[-4000:])
            raise Internal()
        outcome: Outcome = msgspec.json.decode(output, type=Outcome)
        return outcome


async def _communicate(process: asyncio.subprocess.Process, job: bytes) -> tuple[bytes, bytes]:
    """Return standard output and error of a process. Its input is kept open, as the process ends when that closes."""
    assert process.stdin is not None  # noqa: S101 (pipes, as are the next)
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    process.stdin.write(job + b"\n")
    output, errors = await asyncio.gather(process.stdout.read(), process.stderr.read())
    await process.wait()
    process.stdin.close()
    return output, errors

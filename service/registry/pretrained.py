"""Weights of ImageNet: fetched by a process of their own, converted once, kept under their digest.

<SHA-256 of the arguments and of Keras' version>.json    {"digest", "bytes"}: a note
<digest>.safetensors                                     canonical weights, which several notes may share
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
from models.errors import DeadlineExceeded, Internal, Overloaded, Problem, WeightsUnavailable, error_of
from models.ipc.pretrained_messages import WEIGHTS, Fetched, Job, Outcome
from models.store.errors import writing
from models.store.storage import rename_durably
from models.store.store import ModelStore
from models.weights.specs import WeightsFile
from service.registry.negative_cache import NegativeCache
from service.settings import Settings, fetch_environment

log = logging.getLogger("layerscope.pretrained")

FOLDER = "pretrained"
MAX_WAITING = 8
"""Networks that may be fetched or wait for it; one is fetched at a time."""
KEPT = 256
"""Notes kept on disk. Files of weights are as many as Keras offers, whatever is asked."""


class Note(msgspec.Struct, frozen=True):
    """The file of weights of a network, and its size."""

    digest: str
    bytes: int


class Pretrained:
    """The weights that Keras offers for the networks of keras.applications."""

    def __init__(self, settings: Settings, store: ModelStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._store = settings, store
        self._failures = NegativeCache(clock)
        self._fetching = asyncio.Lock()
        self._waiting = 0

    async def kept(self, arguments: bytes) -> WeightsFile | None:
        """The weights of a network, if they are on this machine, whole."""
        return await run_in_threadpool(self._kept, arguments)

    async def get(self, arguments: bytes, file: str) -> WeightsFile:
        """The weights of a network, which are in this file of Keras'; a file that just failed is not tried again.

        Raises:
            WeightsUnavailable: the file is neither there nor to be had.
            DeadlineExceeded, Overloaded
        """
        kept = await self.kept(arguments)
        if kept is not None:
            return kept
        self._failures.check(file)
        async with self._turn():
            self._failures.check(file)
            return await self._fetched(arguments, file)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One is fetched at a time; a few wait for it, as long as a request may wait."""
        if self._waiting >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} networks are being fetched already.")
        self._waiting += 1
        try:
            await self._in_line()
            try:
                yield
            finally:
                self._fetching.release()
        finally:
            self._waiting -= 1

    async def _in_line(self) -> None:
        seconds = self._settings.deadline
        try:
            async with asyncio.timeout(seconds):
                await self._fetching.acquire()
        except TimeoutError:
            raise Overloaded(f"Other networks were being fetched for {seconds:g} s.") from None

    def _kept(self, arguments: bytes) -> WeightsFile | None:
        try:
            note = msgspec.json.decode(self._note(arguments).read_bytes(), type=Note)
            weights = self._weights(note.digest)
            whole = weights.stat().st_size == note.bytes
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return WeightsFile(str(weights), note.digest) if whole else None

    def _note(self, arguments: bytes) -> Path:
        name = sha256(arguments + version("keras").encode()).hexdigest()
        return self._store.local_folder(FOLDER) / f"{name}.json"

    def _weights(self, digest: str) -> Path:
        return self._store.local_folder(FOLDER) / f"{digest}.safetensors"

    async def _fetched(self, arguments: bytes, file: str) -> WeightsFile:
        with await run_in_threadpool(self._store.scratch.folder) as folder:
            outcome = await self._run(Job(arguments, folder))
            if isinstance(outcome, Fetched):
                return await run_in_threadpool(self._keep, arguments, outcome, Path(folder))
        error = error_of(outcome.code, outcome.detail, [Problem(*row) for row in outcome.problems])
        if isinstance(error, WeightsUnavailable):
            self._failures.remember(file, error)
        raise error

    @writing()
    def _keep(self, arguments: bytes, fetched: Fetched, folder: Path) -> WeightsFile:
        """Moves both into place, the weights first, so that what a note names is there."""
        weights, note, written = self._weights(fetched.digest), self._note(arguments), folder / "note"
        written.write_bytes(msgspec.json.encode(Note(fetched.digest, (folder / WEIGHTS).stat().st_size)))
        rename_durably(folder / WEIGHTS, weights)
        rename_durably(written, note)
        notes = sorted(note.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for old in notes[:-KEPT]:
            old.unlink(missing_ok=True)
        return WeightsFile(str(weights), fetched.digest)

    async def _run(self, job: Job) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            *command("models.engine.pretrained"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True, env=fetch_environment(self._settings),
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._settings.fetch_seconds):
                answer, notes = await _said(process, msgspec.json.encode(job))
        except TimeoutError:
            seconds = self._settings.fetch_seconds
            raise DeadlineExceeded(f"The weights did not come within {seconds:g} s.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            log.error("the weights cannot be converted: %s", notes.decode("utf-8", "replace")[-4000:])
            raise Internal()
        outcome: Outcome = msgspec.json.decode(answer, type=Outcome)
        return outcome


async def _said(process: asyncio.subprocess.Process, job: bytes) -> tuple[bytes, bytes]:
    """What a process writes on its standard output and error. Its input stays open: it ends when that closes."""
    assert process.stdin is not None  # noqa: S101 (pipes, as are the next)
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    process.stdin.write(job + b"\n")
    answer, notes = await asyncio.gather(process.stdout.read(), process.stderr.read())
    await process.wait()
    process.stdin.close()
    return answer, notes

"""Weights of ImageNet: fetched by a process of their own, converted once, kept under their digest.

<SHA-256 of the arguments and of Keras' version>.json    {"document", "digest"}
<digest>.safetensors                                     canonical weights, which several documents may share
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import msgspec
from starlette.concurrency import run_in_threadpool

from models.engine.pretrained_messages import WEIGHTS, Fetched, Job, NotFetched, Outcome
from models.errors import DeadlineExceeded, Internal, Overloaded, Problem, error_of
from models.store import ModelStore
from models.weights.specs import WeightsFile
from service.settings import Settings, fetch_environment

log = logging.getLogger("layerscope.pretrained")

FOLDER = "pretrained"
MAX_WAITING = 8
"""Networks that may be fetched or wait for it; one is fetched at a time."""
KEPT = 256
"""Converted documents kept on disk. Files of weights are as many as Keras offers, whatever is asked."""


class Pretrained:
    """The networks of keras.applications with the weights that Keras offers."""

    def __init__(self, settings: Settings, store: ModelStore) -> None:
        self._settings, self._store = settings, store
        self._fetching = asyncio.Lock()
        self._waiting = 0

    async def get(self, arguments: bytes) -> tuple[bytes, WeightsFile]:
        """The canonical document and the weights of a network.

        Raises:
            InvalidDocument: what Keras refuses.
            WeightsUnavailable: the file is neither there nor to be had.
            DeadlineExceeded, Overloaded
        """
        kept = await run_in_threadpool(self._kept, arguments)
        if kept is None:
            if self._waiting >= MAX_WAITING:
                raise Overloaded(f"{MAX_WAITING} networks are being fetched already.")
            self._waiting += 1
            try:
                async with self._fetching:
                    kept = await self._fetched(arguments)
            finally:
                self._waiting -= 1
        return kept

    def _kept(self, arguments: bytes) -> tuple[bytes, WeightsFile] | None:
        try:
            fetched = msgspec.json.decode(self._note(arguments).read_bytes(), type=Fetched)
        except FileNotFoundError:
            return None
        weights = self._weights(fetched.digest)
        return (fetched.document, WeightsFile(str(weights), fetched.digest)) if weights.exists() else None

    def _note(self, arguments: bytes) -> Path:
        name = sha256(arguments + version("keras").encode()).hexdigest()
        return self._store.local_folder(FOLDER) / f"{name}.json"

    def _weights(self, digest: str) -> Path:
        return self._store.local_folder(FOLDER) / f"{digest}.safetensors"

    async def _fetched(self, arguments: bytes) -> tuple[bytes, WeightsFile]:
        with await run_in_threadpool(self._store.scratch.folder) as folder:
            outcome = await self._run(Job(arguments, folder))
            if isinstance(outcome, NotFetched):
                raise error_of(outcome.code, outcome.detail, [Problem(*row) for row in outcome.problems])
            return await run_in_threadpool(self._keep, arguments, outcome, Path(folder))

    def _keep(self, arguments: bytes, fetched: Fetched, folder: Path) -> tuple[bytes, WeightsFile]:
        """Moves both into place, the weights first, so that what a document names is there."""
        weights, note, written = self._weights(fetched.digest), self._note(arguments), folder / "note"
        os.replace(folder / WEIGHTS, weights)
        written.write_bytes(msgspec.json.encode(fetched))
        os.replace(written, note)
        notes = sorted(note.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for old in notes[:-KEPT]:
            old.unlink(missing_ok=True)
        return fetched.document, WeightsFile(str(weights), fetched.digest)

    async def _run(self, job: Job) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "models.engine.pretrained",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True, env=fetch_environment(self._settings),
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._settings.fetch_seconds):
                answer, notes = await process.communicate(msgspec.json.encode(job))
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

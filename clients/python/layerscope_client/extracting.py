"""Features of many files: a batch of them a request, its arrays kept beside `out` until all are there."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscope_client import errors
from layerscope_client.calls import Array
from layerscope_client.features import WRITERS, Features, Part, Parts
from layerscope_client.inputs import Named, file_of, plain
from layerscope_client.models import AsyncModel, Selectors
from layerscope_client.sending import result

if TYPE_CHECKING:
    from layerscope_client.client import AsyncLayerscope

OF_ONE_FILE = (errors.InvalidImage, errors.InvalidTensor, errors.Unparsable, errors.TooLarge)
"""What one file of a batch can be the reason of: then each is sent alone."""


async def extraction(
    service: AsyncLayerscope, /, files: Sequence[str | PathLike[str]], *, model: Named | str, layers: Selectors = None,
    out: str | PathLike[str] = "features.npz", batch: int = 32, concurrency: int = 4, **options: Any,
) -> Job:  # fmt: skip
    """Run a model on many files, and write the arrays of `layers` to `out`: .npz, .parquet (pyarrow) or .zarr.

    Options are those of `activations`. Files that cannot be read are left out, and named with the reason. What an
    interrupted call with the same arguments has done is not done again; until the end it is kept in `out`.parts.

    Raises:
        LayerscopeError: another call was interrupted at this `out`, `out` has another ending, or the service says no.
    """
    target = Path(fspath(out))
    if target.suffix not in WRITERS:
        raise errors.LayerscopeError(f"write to one of {', '.join(WRITERS)}: there is no format {target.suffix!r}")
    summary = await service[model if isinstance(model, str) else model.name].summary()
    asked = {"stats": False, **options, "layers": layers}
    job = Job(service[summary.head["id"]], [fspath(file) for file in files], asked, target, batch, concurrency)
    job.begin()
    return job


@dataclass
class Job:
    """Batches of files; what is known of each that is done is in `folder`."""

    model: AsyncModel
    files: list[str]
    asked: Mapping[str, Any]
    out: Path
    size: int
    concurrency: int
    tick: Callable[[], Any] = lambda: None

    @property
    def folder(self) -> Path:
        """Where arrays are kept until all are there."""
        return self.out.with_name(f"{self.out.name}.parts")

    def begin(self) -> None:
        """Make the folder, or find that of this job. Raises LayerscopeError if it is another's."""
        facts = [self.model.name, plain(self.asked), self.size, [_known_by(file) for file in self.files]]
        path, text = self.folder / "job", json.dumps(facts)
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif path.read_text() != text:
            advice = f"delete {self.folder}, or write to another file"
            raise errors.LayerscopeError(f"{advice}: a call with another model, files or options was interrupted there")

    @property
    def parts(self) -> list[Part]:
        """Every batch, done or not."""
        return [Part(self.folder / f"{number:06}.npz") for number in range(-(-len(self.files) // self.size))]

    def in_threads(self) -> Features:
        """Do what is not done, and return what was written."""
        with self._progress() as pending, ThreadPoolExecutor(self.concurrency) as pool:
            try:
                for _ in pool.map(lambda number: result(self.run(number)), pending):
                    pass
            finally:
                pool.shutdown(cancel_futures=True)
        return self._finished()

    async def in_tasks(self) -> Features:
        """Do what is not done, and return what was written."""
        with self._progress() as pending:
            tasks = [asyncio.create_task(self._work(pending)) for _ in range(self.concurrency)]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
        return self._finished()

    async def _work(self, pending: Iterator[int]) -> None:
        for number in pending:
            await self.run(number)

    async def run(self, number: int) -> None:
        """Run one batch and keep its arrays. Raises Refused for what is not the fault of one file."""
        read, failed = list[tuple[str, bytes]](), dict[str, str]()
        for file in self.files[number * self.size : (number + 1) * self.size]:
            try:
                read.append((file, file_of(file)))
            except OSError as error:
                failed[file] = str(error)
        rows = await self._arrays(read, failed)
        arrays = {name: np.concatenate([row[name] for row in rows]) for name in (rows[0] if rows else ())}
        self.parts[number].write(arrays, [file for file, _ in read if file not in failed], failed)
        self.tick()

    async def _arrays(self, read: list[tuple[str, bytes]], failed: dict[str, str]) -> list[Mapping[str, Array]]:
        """Return the arrays of files, in one request if none is at fault, and add those that are to `failed`."""
        if not read:
            return []
        try:
            return [await self.model.activations([data for _, data in read], **self.asked)]
        except OF_ONE_FILE as error:
            if len(read) > 1:
                return [row for one in read for row in await self._arrays([one], failed)]
            failed[read[0][0]] = str(error)
            return []

    @contextmanager
    def _progress(self) -> Iterator[Iterator[int]]:
        """Yield what is to be done, with a bar where tqdm is installed."""
        pending = [number for number, part in enumerate(self.parts) if not part.path.exists()]
        try:
            from tqdm.auto import tqdm
        except ImportError:
            yield iter(pending)
            return
        with tqdm(total=len(self.parts), initial=len(self.parts) - len(pending), unit="batch") as bar:
            self.tick = bar.update
            yield iter(pending)

    def _finished(self) -> Features:
        features = Parts(self.parts).written(self.out)
        shutil.rmtree(self.folder)
        return features


def _known_by(file: str) -> list[Any]:
    """Return a file's name, size and time, by which it is known again."""
    try:
        status = os.stat(file)
    except OSError:
        return [file]
    return [file, status.st_size, status.st_mtime_ns]

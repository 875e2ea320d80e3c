"""An extraction from its beginning to its tables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from service.engines.launch import PROGRAM
from service.extracting.asked import Asked
from service.extracting.formats import WRITERS
from service.extracting.job import Job
from service.extracting.manifest import Facts, begin, finish, records_in
from service.extracting.model import planned_model
from service.extracting.partial_results import PARTS, Partial, done
from service.extracting.planning import facts_of, job_of
from service.extracting.running import run_shards
from service.extracting.shards import Shard, shards_of
from service.extracting.sources import absolute, sources_of
from service.extracting.tables import write_tables
from service.settings import Settings


class Extracted(NamedTuple):
    """How many inputs there are, and how many of them failed."""

    inputs: int
    failed: int


def extract(asked: Asked, settings: Settings, program: str = PROGRAM) -> Extracted:
    """Write the activations of a data set, as far as that is not done; `program` is the module that engines run.

    Raises:
        ExtractionFailed: it cannot begin, or go on.
    """
    absolute(asked.out)
    with TemporaryDirectory(prefix="layerscope-") as folder:
        model = asyncio.run(planned_model(asked, settings, Path(folder), program))
        ranks = {name: len(spec.shape) for name, spec in model.architecture.network.inputs.items()}
        sources = sources_of(asked.inputs, ranks, asked.out)
        job = job_of(asked, settings, model, sources, program)
        facts, shards = facts_of(asked, job, model, sources), shards_of(sources, job.rows)
        if not begin(job.out, facts):
            WRITERS[job.format](job).prepare()
            is_done = done(job.out)
            run_shards(asked, job, model, [shard for shard in shards if shard.number not in is_done], job.count)
            _finish(job, facts, shards)
        job.out.remove(PARTS)
        return Extracted(job.count, sum(record["failed"] for record in records_in(job.out)))


def _finish(job: Job, facts: Facts, shards: Sequence[Shard]) -> None:
    """Merge what is known of the shards, in their order, and write it; last the manifest: then all is done."""
    merged, records, failed = Partial({}), [], []
    for shard in shards:
        part = Partial.read(job.out, shard.number)
        merged.add(part)
        failed += part.record["failed"]
        records.append({**part.record, "failed": len(part.record["failed"])})
    write_tables(job, shards, merged, failed)
    finish(job.out, facts, records)

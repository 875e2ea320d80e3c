"""The run of shards on Ray Data: tasks read and decode, actors with an engine each run and write."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from service.cluster import ClusterUnavailable, check_nodes, connected
from service.extracting.asked import Asked
from service.extracting.decoding import Decoder
from service.extracting.failure import ExtractionFailed, WrongOption
from service.extracting.job import Job
from service.extracting.model import PlannedModel
from service.extracting.planning import bytes_of_input
from service.extracting.reading import Reader
from service.extracting.shards import Shard
from service.extracting.worker import ShardWorker

READER_CPUS = 0.5
"""CPUs that Ray sets aside for a task that reads and decodes. It differs from an engine's: Ray would join the two."""
AT_ONCE = 2
"""Shards that a worker has at the same time: one is run while the other is written."""
AT_ONCE_READ = 64
"""Shards for each engine whose inputs may be in Ray's object store; it gives one operation a quarter of that."""
KEPT = "What is done is kept: the same command goes on with it."


def run_shards(asked: Asked, job: Job, model: PlannedModel, shards: Sequence[Shard], count: int) -> None:
    """Run shards, of a data set of `count` inputs, and show how far it is.

    Raises:
        ExtractionFailed: there is no cluster, or a worker fails for another reason than its inputs.
    """
    if not shards:
        return
    try:
        with connected(asked.ray) as ray, _bar(asked, count, sum(shard.rows for shard in shards)) as bar:
            if asked.ray:
                check_nodes({"CPU": asked.num_cpus, "GPU": asked.num_gpus or 0})
            for block in _results(ray, asked, job, model, shards):
                _check(block.column("error").to_pylist())
                bar.update(sum(block.column("rows").to_pylist()))
    except ImportError as error:
        raise ExtractionFailed(f"{error}: pip install 'layerscope[ray]'") from None
    except ClusterUnavailable as error:
        raise ExtractionFailed(f"--ray: {error}" if asked.ray else str(error)) from None


def _results(ray: Any, asked: Asked, job: Job, model: PlannedModel, shards: Sequence[Shard]) -> Iterator[Any]:
    """Yield what workers return, as they finish shards."""
    from service.extracting.datasource import ShardReading, ShardSource  # noqa: PLC0415 (imports Ray)

    reading = ShardReading(Reader(job.names, asked.column), Decoder(model.document, asked.options, job.settings))
    source = ShardSource(shards, reading, bytes_of_input(model))
    engines = min(_engines(ray, asked), len(shards))
    _check_room(ray, asked, engines)
    _configure(ray, engines * AT_ONCE_READ * shards[0].rows * bytes_of_input(model))
    pool = ray.data.ActorPoolStrategy(
        size=engines, max_concurrent_calls_per_actor=AT_ONCE,
        enable_true_multi_threading=True,
    )  # fmt: skip
    read = ray.data.read_datasource(source, override_num_blocks=len(shards), num_cpus=READER_CPUS)
    data = read.map_batches(
        ShardWorker, fn_constructor_args=(job, _weights(ray, asked, job)), batch_size=None, batch_format="pyarrow",
        compute=pool, num_cpus=asked.num_cpus, num_gpus=_gpus(ray, asked), zero_copy_batch=True,
    )  # fmt: skip
    try:
        yield from data.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ExtractionFailed(f"{reason}\n{KEPT}") from error


def _configure(ray: Any, nbytes: int) -> None:
    """Keep shards whole, and Ray Data quiet; read no further ahead than inputs have so many bytes: Ray's own bound is a
    part of the machine's memory, which a large data set would fill.
    """
    context = ray.data.DataContext.get_current()
    limits = ray.data.ExecutionResources.for_limits(object_store_memory=nbytes)
    context.execution_options.resource_limits = limits
    context.target_max_block_size = None
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _engines(ray: Any, asked: Asked) -> int:
    return asked.engines or int(ray.cluster_resources().get("GPU", 0)) or 1


def _check_room(ray: Any, asked: Asked, engines: int) -> None:
    """Raise WrongOption if this machine has not the CPUs of all engines and a reader, which would wait for ever; a
    cluster may grow.
    """
    needed, there = engines * asked.num_cpus + READER_CPUS, ray.cluster_resources().get("CPU", 0)
    if asked.ray is None and needed > there:
        fits = (there - READER_CPUS) / engines
        raise WrongOption(
            f"--engines: {engines} of {asked.num_cpus:g} CPUs and a reader take {needed:g}, and Ray has {there:g}; "
            f"write --num-cpus {fits:.2g}, or fewer --engines"
        )


def _gpus(ray: Any, asked: Asked) -> float:
    if asked.num_gpus is not None:
        return asked.num_gpus
    return 1.0 if ray.cluster_resources().get("GPU", 0) >= 1 else 0.0


def _weights(ray: Any, asked: Asked, job: Job) -> bytes | None:
    """Return the weights for machines that do not have this one's files; None on this machine."""
    del ray
    if asked.ray is None or job.model.weights is None:
        return None
    return Path(job.model.weights.path).read_bytes()


def _check(errors: Sequence[str | None]) -> None:
    """Raise ExtractionFailed for the first shard that could not be done."""
    for error in errors:
        if error is not None:
            raise ExtractionFailed(f"{error}\n{KEPT}")


def _bar(asked: Asked, count: int, missing: int) -> Any:
    from tqdm import tqdm  # noqa: PLC0415 (an extra)

    return tqdm(total=count, initial=count - missing, unit=" inputs", disable=asked.quiet, file=sys.stderr)

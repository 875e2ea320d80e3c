"""The job of an extraction, and the facts that determine its results."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from math import prod

from models.tensors.dtypes import DTYPES
from service.engines.request_builders import RunSpec
from service.extracting.asked import OPTIONS, RENAMED, Asked
from service.extracting.columns import check_units, columns_of, is_of_whole_batches
from service.extracting.failure import ExtractionFailed
from service.extracting.folder import Folder
from service.extracting.job import Job
from service.extracting.manifest import Facts
from service.extracting.model import PlannedModel
from service.extracting.shards import rows_of_shards
from service.extracting.sources import Source, absolute, digest_of
from service.settings import Settings

GUESSED_BYTES = 1 << 20
"""Bytes of an input whose size is free."""
NO_SECRETS = {"key", "keys"}


def job_of(asked: Asked, settings: Settings, model: PlannedModel, sources: Sequence[Source], program: str) -> Job:
    """Return the job.

    Raises:
        ExtractionFailed: a batch would be over a limit, or the tensors do not fit together.
    """
    columns = columns_of(model)
    check_units(columns, asked.top, asked.summary)
    batch = 1 if runs_alone(model) else asked.batch
    input_bytes, output_bytes = bytes_of_input(model), sum(column.row_bytes for column in columns)
    _check_batch(batch, output_bytes, settings.reply_limit, "activations", "--batch, fewer --layers or views")
    _check_batch(batch, input_bytes, int(settings.max_input_bytes), "inputs", "--batch")
    names = tuple(model.architecture.network.inputs)
    own = settings.model_copy(update={name: type(settings).model_fields[name].default for name in NO_SECRETS})
    return Job(
        model.source, names, RunSpec(model.outputs, views=model.views), columns, batch,
        sum(source.rows for source in sources), asked.shard or rows_of_shards(batch, input_bytes, output_bytes),
        Folder(absolute(asked.out)), asked.format, asked.top, asked.summary, own, program,
    )  # fmt: skip


def runs_alone(model: PlannedModel) -> bool:
    """Whether each input needs a run of its own: a layer mixes the rows of a batch, or a view is one of all of them."""
    if any(node.layer.mixes_batch() for node in model.architecture.network.nodes):
        return True
    rows = {row["address"]: row for row in model.plan["layers"]}
    return any(
        is_of_whole_batches(view, tuple(rows[address]["shape"]), rows[address]["dtype"], address)
        for address, view in model.views.items()
    )


def bytes_of_input(model: PlannedModel) -> int:
    """Return the bytes of one input, all tensors together."""
    specs = model.architecture.network.inputs.values()
    sizes = [[length or 0 for length in spec.shape] for spec in specs]
    return sum(
        prod(size) * DTYPES[spec.dtype].itemsize or GUESSED_BYTES for size, spec in zip(sizes, specs, strict=True)
    )


def _check_batch(batch: int, row_bytes: int, limit: int, what: str, advice: str) -> None:
    if batch * row_bytes > limit:
        fits = limit // row_bytes
        raise ExtractionFailed(
            f"--batch: the {what} of {batch} inputs take {batch * row_bytes:,} bytes; expected at most {limit:,}; "
            f"write a --batch of at most {fits}"
            if fits
            else f"{what} of one input take {row_bytes:,} bytes; {advice}"
        )


def facts_of(asked: Asked, job: Job, model: PlannedModel, sources: Sequence[Source]) -> Facts:
    """Return the facts of the manifest."""
    options = asked.options.model_dump(include=set(OPTIONS), exclude_none=True)
    return {
        "model": {"id": job.model.key, "name": asked.model[:200]},
        "options": {RENAMED.get(name, name): value for name, value in options.items()},
        "layers": {
            column.name: {"address": column.address, "shape": list(column.shape), "dtype": column.written.name}
            for column in job.columns
        },
        "format": job.format, "batch": job.batch, "shard": job.rows, "top": job.top, "summary": job.summary,
        "column": asked.column,
        "inputs": {"count": job.count, "files": len(sources), "sha256": digest_of(sources)},
        "versions": {
            "layerscope": version("layerscope"), "python": platform.python_version(), "numpy": version("numpy"),
            "pillow": version("pillow"), **model.versions,
        },
    }  # fmt: skip

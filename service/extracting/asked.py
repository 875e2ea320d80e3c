"""What is asked of an extraction: the command line, validated."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import Any

from models.errors import InvalidOption
from models.errors.suggestions import Words
from service.extracting.failure import WrongOption, text_of
from service.extracting.formats import WRITERS
from service.options.activation import ActivationOptions, from_pairs, options_from

RENAMED = {"top": "top-units"}
"""Options of requests that have another name here."""
OPTIONS = ("layers", "slice", "reduce", "top", "histogram", "dtype", "resize", "scale")
"""Those of requests for activations that are options here."""
DEFAULT_BATCH, DEFAULT_FORMAT = 32, "parquet"


@dataclass(frozen=True)
class Asked:
    """The options of an extraction, as `add_options` describes them."""

    inputs: tuple[str, ...]
    model: str
    out: str
    options: ActivationOptions
    format: str = DEFAULT_FORMAT
    weights: str | None = None
    store: str | None = None
    column: str | None = None
    top: int = 0
    summary: bool = False
    batch: int = DEFAULT_BATCH
    shard: int | None = None
    ray: str | None = None
    engines: int | None = None
    num_cpus: float = 1
    num_gpus: float | None = None
    quiet: bool = False


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="pictures, .npy, .npz, .parquet: files, folders, globs, s3://…",
    )
    add("--model", required=True, help="a .keras, .h5 or .json file, a SavedModel folder, a document, a name in the "
        "store, or a network of keras.applications: MobileNetV2")  # fmt: skip
    add("--weights", help="a weights file for a document or an application; of an application also imagenet (default) "
        "or none")  # fmt: skip
    add("--store", metavar="URL", help="the store with the registered name; default: LAYERSCOPE_DATA_DIR")
    add("--out", required=True, help="a folder or s3://… to write to; its ending may say the format")
    add("--format", choices=list(WRITERS), help=f"of the shards; default: the ending of --out, else {DEFAULT_FORMAT}")
    add("--layers", action="append", metavar="SELECTORS", help="selectors, separated by commas; default: every layer")
    for name in ("slice", "reduce", "histogram", "dtype"):
        add(f"--{name}", help="a view, as in requests")
    add("--top-units", metavar="K", help="the view `top` of requests: the K largest units of each input")
    add("--resize", help="bilinear, nearest or none")
    add("--scale", help="none, unit, signed, caffe or torch; default: as the document says")
    add("--top", type=int, default=0, metavar="K", help="keep the K inputs to which each unit responds most")
    add("--summary", action="store_true", help="keep mean, variance, range and histogram of each channel")
    add("--column", help="the column of Parquet files that has the inputs")
    add(
        "--batch",
        type=int,
        default=DEFAULT_BATCH,
        help=f"inputs of a run; default: {DEFAULT_BATCH}. 1: bits of requests",
    )
    add("--shard", type=int, metavar="INPUTS", help="inputs of a shard; default: as many as take 64 MiB, at most 1024")
    add("--ray", metavar="ADDRESS", help="a Ray cluster: auto, host:port, ray://host:port; default: this machine alone")
    add("--engines", type=int, help="engines; default: one a GPU, else one")
    add("--num-cpus", type=float, default=1, help="CPUs that Ray sets aside for an engine; default: 1")
    add("--num-gpus", type=float, help="GPUs of an engine; default: 1 where there are any, else 0")
    add("--quiet", action="store_true", help="no progress bar")


def asked_of(arguments: dict[str, Any]) -> Asked:
    """Return the validated options of a command line.

    Raises:
        WrongOption
    """
    given = {name: arguments.pop(RENAMED.get(name, name).replace("-", "_"), None) for name in OPTIONS if name != "top"}
    given["top"] = arguments.pop("top_units", None)
    pairs = [("layers", selectors) for selectors in given.pop("layers") or []]
    pairs += [(name, value) for name, value in given.items() if value is not None]
    try:
        options = options_from(ActivationOptions, from_pairs(pairs), words=Words({"": OPTIONS}))
    except InvalidOption as error:
        raise WrongOption(as_options(text_of(error))) from None
    arguments["format"] = arguments["format"] or _format_of(arguments["out"])
    asked = Asked(tuple(arguments.pop("inputs")), options=options, **arguments)
    _check(asked)
    return asked


def as_options(text: str) -> str:
    """Return a message with the names of options in place of pointers into a request."""
    names = "|".join(OPTIONS)
    return re.sub(rf"(?m)^/({names})\b", lambda found: f"--{RENAMED.get(found[1], found[1])}", text)


def _format_of(out: str) -> str:
    ending = out.rstrip("/").rpartition(".")[2].lower()
    return ending if ending in WRITERS else DEFAULT_FORMAT


def _check(asked: Asked) -> None:
    """Raise WrongOption for numbers out of range and shards that are no batches."""
    for name, least in (("batch", 1), ("shard", 1), ("engines", 1), ("top", 0), ("num_cpus", 0), ("num_gpus", 0)):
        value = getattr(asked, name)
        if value is not None and value < least:
            raise WrongOption(f"--{name.replace('_', '-')}: expected {least} or more, received {value:g}")
    if asked.shard is not None and asked.shard % asked.batch:
        raise WrongOption(f"--shard: expected a multiple of --batch {asked.batch}, received {asked.shard}")

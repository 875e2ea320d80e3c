"""A server as the comparison sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.replies import Reader
from benchmarks.samples import Sample

JSON = {"Content-Type": "application/json"}
BYTES = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Request:
    """One POST, and how its reply is read."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    reader: Reader
    own_weights: bool = False
    """The server makes the weights up: shapes can be compared with Keras, values cannot."""


def own_server(module: str) -> Callable[[str, Sample, int], list[str]]:
    """The command that serves a sample with a program of `benchmarks.servers`."""
    return lambda python, sample, port: [python, "-m", f"benchmarks.servers.{module}", str(sample.folder), str(port)]


def json_body(sample: Sample, **others: Any) -> bytes:
    """`{"inputs": [[…]]}`."""
    return orjson.dumps({"inputs": sample.picture, **others}, option=orjson.OPT_SERIALIZE_NUMPY)


def nothing(_: str, __: Sample) -> None:
    """Most servers have the model from the start."""


@dataclass(frozen=True)
class Peer:
    """How a server is started and asked.

    `requests` gives one for each encoding that the server knows; `environment` names the requirements that are
    installed for it, none being the project's own; `prepare(url, sample)` is called when it is ready.
    """

    command: Callable[[str, Sample, int], list[str]]
    requests: Callable[[Sample], dict[str, Request]]
    ready: str = "/ready"
    environment: str | None = None
    prepare: Callable[[str, Sample], None] = nothing
    variables: Mapping[str, str] = field(default_factory=dict)
    workloads: tuple[str, ...] = ("tiny", "mnv2", "mnv2all", "hd")

"""Messages to and from the short-lived process that fetches ImageNet weights. Imports nothing heavy."""

from __future__ import annotations

import msgspec

from models.errors.problem import Problem


class FetchJob(msgspec.Struct, frozen=True):
    """A network with ImageNet weights, as `models.reading.applications` writes it, and a folder."""

    arguments: bytes
    folder: str


class Fetched(msgspec.Struct, frozen=True, tag="fetched"):
    """`WEIGHTS` in the folder is the network's canonical weights file, of this digest."""

    digest: str


class NotFetched(msgspec.Struct, frozen=True, tag="not_fetched"):
    """Refused or impossible; rebuilt as an error by `models.errors.error_of`."""

    code: str
    detail: str
    problems: tuple[Problem, ...]


Outcome = Fetched | NotFetched
WEIGHTS = "weights.safetensors"

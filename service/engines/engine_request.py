"""Requests to an engine, before an engine is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from models.ipc.messages import Reply, Request
from service.observing.engine_trace import EngineTrace

ReplyT = TypeVar("ReplyT", bound=Reply)


@dataclass(eq=False)
class EngineRequest(Generic[ReplyT]):
    """A request without a number: a function that builds its message, and the arrays of the message."""

    key: str
    """The id of the model, or a digest of another subject of the request."""
    build_message: Callable[[int, tuple[Any, ...]], Request]
    """Builds the message from a number and the payloads of the arrays."""
    reply: type[ReplyT]
    """The class of its reply message, unless it fails."""
    arrays: tuple[np.ndarray, ...] = ()
    document: bytes | None = None
    """The document of the model, if the request has one."""
    batch_key: object = None
    """Runs whose keys are equal may be computed as one batch; None: this one is computed alone."""
    trace: EngineTrace = field(default_factory=EngineTrace)
    is_concurrent: bool = False
    """Whether engines process it concurrently with a run: it needs none of their built models."""
    use: str = ""
    """What else than a run it is."""
    nbytes: int = field(init=False)
    """Bytes of its arrays."""
    kind: tuple[str, int] = field(init=False)
    """Runs of one kind take about the same time."""

    @property
    def size(self) -> int:
        """The unit of its cost estimate: bytes of the document for concurrent requests, and 1 for runs."""
        return len(self.document or self.key) if self.is_concurrent else 1

    def __post_init__(self) -> None:
        self.nbytes = sum(array.nbytes for array in self.arrays)
        self.kind = f"{self.key} {self.use}".rstrip(), self.nbytes

"""Inputs in Ray's object store, until the engine has read them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError

from models.ipc.arena import Span
from models.ipc.messages import INLINE_BYTES, Payload

log = logging.getLogger("layerscope.engines")


class StoredInputs:
    """References to arrays in the object store, numbered by the offsets of spans, bounded by bytes as an arena is."""

    def __init__(self, nbytes: int) -> None:
        self.used = 0
        """Bytes that the engine has not read."""
        self._nbytes = nbytes
        self._numbers = count()
        self._references: dict[int, Any] = {}

    def payloads(self, arrays: Sequence[np.ndarray]) -> tuple[Payload, ...] | None:
        """Build payloads, with large arrays put into the object store; None while there is no room."""
        total = sum(array.nbytes for array in arrays if array.nbytes > INLINE_BYTES)
        if self.used + total > self._nbytes:
            return None
        payloads: list[Payload] = []
        try:
            for array in arrays:
                payloads.append(self._payload(array))
        except RayError as error:
            log.warning("the object store takes no inputs: %s", str(error).partition("\n")[0])
            self.free(payload.span for payload in payloads if payload.span is not None)
            return None
        return tuple(payloads)

    def _payload(self, array: np.ndarray) -> Payload:
        if array.nbytes <= INLINE_BYTES:
            return Payload(array.tobytes())
        reference = ray.put(np.ascontiguousarray(array))
        span = Span(next(self._numbers), array.nbytes)
        self._references[span.offset] = reference
        self.used += span.nbytes
        return Payload(None, span)

    def references(self, spans: Iterable[Span]) -> list[Any]:
        """Return the references of spans, to be arguments of a call."""
        return [self._references[span.offset] for span in spans]

    def free(self, spans: Iterable[Span]) -> None:
        """Drop arrays that the engine has read."""
        for span in spans:
            self.used -= span.nbytes
            del self._references[span.offset]

"""Requests and replies without a network: what both clients send, and how both read what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import IO, Any

import numpy as np

from layerscope_client.errors import BY_CODE
from layerscope_client.failures import BrokenReply, ConnectionLost, LayerscopeError, OverBudget, Refused, TimedOut

Array = np.ndarray[Any, Any]
Part = tuple[str, tuple[str | None, str | bytes | IO[bytes]]]
"""A part of a form: its name, then its file's name (None: a field) and content."""
JSON, JSON_LINES, PNG = "application/json", "application/jsonl", "image/png"
SAFETENSORS = "application/vnd.safetensors"
PAUSES = (0.5, 2.0)
"""Seconds before a call is tried for the second and the third time, where the reply does not say."""
LONGEST_PAUSE = 60.0
"""A call that could be tried again only later than this fails at once; `retry_after` has the seconds."""
BUSY = (429, 503)


@dataclass(frozen=True)
class Call:
    """One request. Its body is a form of `parts`, or `json`, a text; a reply over `max_bytes` is not read."""

    method: str
    path: str
    accept: str = JSON
    parts: Sequence[Part] = ()
    json: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int | None = None

    def pauses(self) -> Sequence[float]:
        """The seconds before it is tried again. DELETE is not: what it removed would be missing."""
        return () if self.method == "DELETE" else PAUSES


@dataclass(frozen=True)
class Reply:
    """The status, headers and body (uint8) of a response."""

    status: int
    headers: Mapping[str, str]
    body: Array

    def json(self) -> Any:
        """Return the body as parsed JSON. Raises BrokenReply if it is none."""
        try:
            return json.loads(self.body.tobytes())
        except ValueError:
            raise BrokenReply("ask the service itself, not a page in front of it: the reply is not JSON") from None

    def accepted(self) -> Reply:
        """Return the reply itself. Raises Refused, of a kind for each code, if it is an error."""
        if self.status < 300:
            return self
        try:
            document = self.json()
        except BrokenReply:
            document = None
        if not isinstance(document, Mapping):  # of a proxy, or something that is no Layerscope
            document = {"detail": f"check the URL: there is a {self.status} without a reason"}
        raise refusal(document, self.status, seconds_of(self.headers.get("retry-after")))


def refusal(document: Mapping[str, Any], status: int = 500, retry_after: float | None = None) -> Refused:
    """Return the error of a problem document. An unknown code, of a later version, is a plain Refused."""
    return BY_CODE.get(str(document.get("code")), Refused)(status, document, retry_after)


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After (RFC 9110 section 10.2.3): a number or a date; None if it is neither."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(retry_after or "")
    except ValueError:
        return None
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds()) if date.tzinfo else None


def seconds_before_another(error: LayerscopeError, pause: float) -> float | None:
    """Return how long to wait before the same call again, `pause` if nothing says so; None where it would not help."""
    if isinstance(error, Refused):
        wanted = pause if error.retry_after is None else error.retry_after
        return wanted if error.status in BUSY and wanted <= LONGEST_PAUSE else None
    return pause if isinstance(error, ConnectionLost) else None


class Body:
    """The bytes of a reply: one buffer where its length is known, so that nothing is joined."""

    def __init__(self, headers: Mapping[str, str], max_bytes: int | None) -> None:
        length = None if "content-encoding" in headers else headers.get("content-length")
        self._limit, self._length, self._grown = max_bytes, 0, bytearray()
        self._check(int(length or 0))
        self._buffer = None if length is None else np.empty(int(length), np.uint8)

    def add(self, chunk: bytes) -> None:
        """Append bytes. Raises OverBudget for more than `max_bytes`."""
        end = self._length + len(chunk)
        self._check(end)
        if self._buffer is None:
            self._grown += chunk
        else:
            self._buffer[self._length : end] = np.frombuffer(chunk, np.uint8)
        self._length = end

    def whole(self) -> Array:
        """Return all bytes (uint8). Raises ConnectionLost if there are fewer than the reply announced."""
        if self._buffer is None:
            return np.frombuffer(self._grown, np.uint8)
        if self._length < self._buffer.size:
            raise ConnectionLost(f"ask again: {self._length:,} of {self._buffer.size:,} bytes came")
        return self._buffer

    def _check(self, length: int) -> None:
        if self._limit is not None and length > self._limit:
            advice = "ask for fewer layers or a view (reduce, slice, dtype), or allow more"
            raise OverBudget(f"{advice}: the reply has {length:,} bytes or more, over max_bytes={self._limit:,}")


class JsonLines:
    """Parser of JSON lines that come in pieces. (Splitting text would also split at U+2028 within strings.)"""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Any]:
        """Return the values of the lines that this piece completes. Raises Refused for a line that says why the reply
        ends early.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        for row in rows:
            if isinstance(row, Mapping) and isinstance(problem := row.get("error"), Mapping):
                raise refusal(problem, int(problem.get("status", 500)))
        return rows


def known_error(error: Exception) -> LayerscopeError | None:
    """Return the error for one of httpx or httpx2, told by the names that both give their classes; None for others."""
    names = {kind.__name__ for kind in type(error).__mro__}
    why = f"{type(error).__name__}: {error}"
    if "TimeoutException" in names:
        return TimedOut(f"give it more time (timeout=), or ask for less: {why}")
    if names & {"NetworkError", "RemoteProtocolError"}:
        return ConnectionLost(f"see whether the service runs, and ask again: {why}")
    return LayerscopeError(f"check the URL and what it is reached through: {why}") if "HTTPError" in names else None

"""Access log: a line per request, written in batches a few times a second, so that a line costs a request microseconds
and a stuck reader of the log blocks no request.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

import orjson
from starlette.types import Scope

from service.observing.clock import timestamp
from service.observing.engine_trace import EngineTrace
from service.observing.log import LogForm
from service.observing.records import Record
from service.observing.route_templates import NONE, RouteTemplates

STDERR = 2
FLUSH_SECONDS = 0.1
CLOSE_SECONDS = 2.0
"""Timeout for writing the last lines."""
MAX_WAITING = 20_000
"""Most lines waiting to be written; further ones are counted and dropped."""
Observer = Callable[[Scope, Record], None]
"""Told of each request that has ended: the metrics and the traces."""
NO_ENGINE = EngineTrace()
"""Trace of a request without an engine run."""


class Batch(NamedTuple):
    """Records to write at once, the number of those that were dropped after them, and the loop to notify."""

    loop: asyncio.AbstractEventLoop
    records: list[Record]
    dropped: int


class AccessLog:
    """Buffered log of completed requests."""

    def __init__(
        self,
        form: LogForm,
        write: Callable[[bytes], object] | None = None,
        observers: Sequence[Observer] = (),
        templates: RouteTemplates | None = None,
    ) -> None:
        self._form, self._observers, self._templates = form, observers, templates or RouteTemplates()
        self._line = LINES[form]
        self._write = write if write is not None else _to_stderr
        self._waiting: list[Record] = []
        self._dropped = 0
        self._writing = False
        self._thread: Thread | None = None
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()
        """Batches for the thread to write; None ends it."""

    def add(self, scope: Scope, record: Record) -> None:
        """Log a request that has ended, with or without a response, and tell it to the observers."""
        record.end(scope)
        if record.route == NONE:  # refused before it was routed
            record.route = self._templates.of_path(scope["path"])
        for observe in self._observers:
            observe(scope, record)
        if self._line is None:
            return
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(record)
        else:
            self._dropped += 1
        if not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._start_writing)

    def _start_writing(self) -> None:
        """Have the buffered records written, on a daemon thread, which process exit does not wait for. The thread
        lasts: to start one takes half a millisecond of the event loop's time.
        """
        if self._thread is None:
            self._thread = Thread(target=self._write_batches, daemon=True)
            self._thread.start()
        self._batches.put(Batch(asyncio.get_running_loop(), self._waiting, self._dropped))
        self._waiting, self._dropped = [], 0

    def _write_batches(self) -> None:
        while (batch := self._batches.get()) is not None:
            with suppress(OSError):  # the log's reader has closed it
                self._write_records(batch)
            with suppress(RuntimeError):  # the loop has been closed
                batch.loop.call_soon_threadsafe(self._on_written)

    def _on_written(self) -> None:
        self._writing = bool(self._waiting)
        if self._writing:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._start_writing)

    def _write_records(self, batch: Batch) -> None:
        assert self._line is not None  # noqa: S101 (without a format nothing is buffered)
        lines = [self._line(record) for record in batch.records]
        if batch.dropped:
            lines.append(LOST[self._form](timestamp(time.time()), batch.dropped))
        self._write(b"".join(lines))

    async def close(self) -> None:
        """Write the buffered records; does not wait for a stuck reader."""
        if self._waiting:
            self._start_writing()
        if self._thread is not None:
            self._batches.put(None)
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)
            self._thread = None


def text_line(record: Record) -> bytes:
    """Format `time request_id method route status code`, then other known values as `name=value`."""
    line = (
        f"{timestamp(record.ended)} {record.request_id} {record.method or '-'} {record.route} {record.status or '-'}"
        f" {record.code or '-'} bytes_in={record.bytes_in} bytes_out={record.bytes_out} total_ms={record.total_ms:.3f}"
    )
    line += "" if record.key is None else f" key={record.key}"
    line += "" if record.complete else " complete=false"
    return f"{line}{'' if record.trace is None else record.trace.text()}\n".encode()


def json_line(record: Record) -> bytes:
    """Format one JSON object, always with every name; null if a value is unknown or does not apply."""
    values: dict[str, Any] = {
        "time": timestamp(record.ended),
        "request_id": record.request_id,
        "key": record.key,
        "method": record.method or None,
        "route": record.route,
        "status": record.status or None,
        "code": record.code,
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "complete": record.complete,
        "total_ms": round(record.total_ms, 3),
        **(NO_ENGINE if record.trace is None else record.trace).fields(),
    }
    return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)


def lost_text(now: str, lost: int) -> bytes:
    """Format the line that replaces dropped lines."""
    return f"{now} {lost} more requests, not logged\n".encode()


def lost_json(now: str, lost: int) -> bytes:
    """Format the line that replaces dropped lines, as a JSON object."""
    return orjson.dumps({"time": now, "lost": lost}, option=orjson.OPT_APPEND_NEWLINE)


LINES: dict[LogForm, Callable[[Record], bytes] | None] = {"text": text_line, "json": json_line, "off": None}
LOST: dict[LogForm, Callable[[str, int], bytes]] = {"text": lost_text, "json": lost_json, "off": lost_text}


def _to_stderr(lines: bytes) -> None:
    """Bypass Python's buffer, whose lock a stuck reader would hold at process exit."""
    remaining = memoryview(lines)
    while remaining:
        remaining = remaining[os.write(STDERR, remaining) :]

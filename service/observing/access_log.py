"""The log of requests: a line each, written together a few times a second, so that a line costs a request
microseconds, and a reader of the log that is stuck stops nobody.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import orjson
from starlette.types import Scope

from service.observing.clock import timestamp
from service.observing.engine_trace import EngineTrace
from service.observing.log import LogForm
from service.observing.records import Record

STDERR = 2
FLUSH_SECONDS = 0.1
CLOSE_SECONDS = 2.0
"""How long the last lines may take."""
MAX_WAITING = 20_000
"""Lines that wait to be written; what comes beyond is counted, not kept."""
NO_ENGINE = EngineTrace()
"""Of a request that asks no engine to run anything."""


class AccessLog:
    """Takes requests that have ended."""

    def __init__(self, form: LogForm, write: Callable[[bytes], object] | None = None) -> None:
        self._form = form
        self._line = LINES[form]
        self._write = write if write is not None else _to_stderr
        self._waiting: list[Record] = []
        self._lost = 0
        self._writing = False

    def add(self, scope: Scope, record: Record) -> None:
        """A request that has ended, however it did."""
        if self._line is None:
            return
        if len(self._waiting) < MAX_WAITING:
            record.end(scope)
            self._waiting.append(record)
        else:
            self._lost += 1
        if not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._begin)

    def _begin(self) -> None:
        """Writes what has gathered, on a thread that the end of the process does not wait for."""
        Thread(target=self._write_and_tell, args=(asyncio.get_running_loop(), *self._taken()), daemon=True).start()

    def _write_and_tell(self, loop: asyncio.AbstractEventLoop, records: list[Record], lost: int) -> None:
        with suppress(OSError):  # nobody reads the log any more
            self._write_down(records, lost)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._written)

    def _written(self) -> None:
        self._writing = bool(self._waiting)
        if self._writing:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._begin)

    def _taken(self) -> tuple[list[Record], int]:
        records, lost = self._waiting, self._lost
        self._waiting, self._lost = [], 0
        return records, lost

    def _write_down(self, records: list[Record], lost: int) -> None:
        assert self._line is not None  # noqa: S101 (else nothing is taken)
        lines = [self._line(record) for record in records]
        if lost:
            lines.append(LOST[self._form](timestamp(time.time()), lost))
        self._write(b"".join(lines))

    async def close(self) -> None:
        """Writes what has gathered since; a reader that is stuck is not waited for."""
        if self._waiting:
            last = Thread(target=self._write_down, args=self._taken(), daemon=True)  # which the end does not wait for
            last.start()
            await asyncio.to_thread(last.join, CLOSE_SECONDS)


def text_line(record: Record) -> bytes:
    """`time request_id method route status code`, then what else is known as `name=value`."""
    line = (
        f"{timestamp(record.ended)} {record.request_id} {record.method or '-'} {record.route} {record.status or '-'}"
        f" {record.code or '-'} bytes_in={record.bytes_in} bytes_out={record.bytes_out} total_ms={record.total_ms:.3f}"
    )
    line += "" if record.complete else " complete=false"
    return f"{line}{'' if record.trace is None else record.trace.text()}\n".encode()


def json_line(record: Record) -> bytes:
    """One object, with every name each time; null is what is not known or does not apply."""
    told: dict[str, Any] = {
        "time": timestamp(record.ended),
        "request_id": record.request_id,
        "method": record.method or None,
        "route": record.route,
        "status": record.status or None,
        "code": record.code,
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "complete": record.complete,
        "total_ms": round(record.total_ms, 3),
        **(NO_ENGINE if record.trace is None else record.trace).told(),
    }
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def lost_text(now: str, lost: int) -> bytes:
    """In the place of requests whose lines there was no room for."""
    return f"{now} {lost} more requests, not logged\n".encode()


def lost_json(now: str, lost: int) -> bytes:
    """The same as an object."""
    return orjson.dumps({"time": now, "lost": lost}, option=orjson.OPT_APPEND_NEWLINE)


LINES: dict[LogForm, Callable[[Record], bytes] | None] = {"text": text_line, "json": json_line, "off": None}
LOST: dict[LogForm, Callable[[str, int], bytes]] = {"text": lost_text, "json": lost_json, "off": lost_text}


def _to_stderr(lines: bytes) -> None:
    """Past Python's own buffer, whose lock a stuck reader would hold when the process ends."""
    left = memoryview(lines)
    while left:
        left = left[os.write(STDERR, left) :]

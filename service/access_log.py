"""The log of requests: a line each, written together a few times a second, so that a line costs a request
microseconds, and a reader of the log that is stuck stops nobody.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
from starlette.types import Scope

from service.clock import timestamp
from service.courses import Course
from service.log import LogForm
from service.records import Record

FLUSH_SECONDS = 0.1
MAX_WAITING = 20_000
"""Lines that wait to be written; what comes beyond is counted, not kept."""
NO_ENGINE = Course()
"""Of a request that asks no engine to run anything."""


class AccessLog:
    """Takes requests that have ended."""

    def __init__(self, form: LogForm, write: Callable[[bytes], object] | None = None) -> None:
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
        """Writes what has gathered, on a thread."""
        written = asyncio.get_running_loop().run_in_executor(None, self._write_down, *self._taken())
        written.add_done_callback(self._written)

    def _written(self, written: asyncio.Future[None]) -> None:
        self._writing = not written.cancelled() and written.exception() is None and bool(self._waiting)
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
            lines.append(f"{timestamp(time.time())} {lost} more requests, which nobody noted\n".encode())
        self._write(b"".join(lines))

    def close(self) -> None:
        """Writes what has gathered since."""
        if self._waiting:
            self._write_down(*self._taken())


def text_line(record: Record) -> bytes:
    """`time request_id method route status code`, then what else is known as `name=value`."""
    line = (
        f"{timestamp(record.ended)} {record.request_id} {record.method or '-'} {record.route} {record.status or '-'}"
        f" {record.code or '-'} bytes_in={record.bytes_in} bytes_out={record.bytes_out} total_ms={record.total_ms:.3f}"
    )
    line += "" if record.complete else " complete=false"
    return f"{line}{'' if record.course is None else record.course.text()}\n".encode()


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
        **(NO_ENGINE if record.course is None else record.course).told(),
    }
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


LINES: dict[LogForm, Callable[[Record], bytes] | None] = {"text": text_line, "json": json_line, "off": None}


def _to_stderr(lines: bytes) -> None:
    sys.stderr.buffer.write(lines)
    sys.stderr.buffer.flush()

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
from service.records import Record, bytes_in, route_of

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
        self._waiting: list[bytes] = []
        self._lost = 0
        self._writing = False

    def add(self, scope: Scope, record: Record) -> None:
        """A request that has ended, however it did."""
        if self._line is None:
            return
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(self._line(scope, record))
        else:
            self._lost += 1
        if not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._begin)

    def _begin(self) -> None:
        """Writes what has gathered, on a thread."""
        written = asyncio.get_running_loop().run_in_executor(None, self._write, self._taken())
        written.add_done_callback(self._written)

    def _written(self, written: asyncio.Future[object]) -> None:
        self._writing = not written.cancelled() and written.exception() is None and bool(self._waiting)
        if self._writing:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._begin)

    def _taken(self) -> bytes:
        if self._lost:
            self._waiting.append(f"{timestamp(time.time())} {self._lost} more requests, which nobody noted\n".encode())
        lines, self._waiting, self._lost = self._waiting, [], 0
        return b"".join(lines)

    def close(self) -> None:
        """Writes what has gathered since."""
        if self._waiting:
            self._write(self._taken())


def text_line(scope: Scope, record: Record) -> bytes:
    """`time request_id method route status code`, then what else is known as `name=value`."""
    total, method, status, code = elapsed_ms(record), record.method or "-", record.status or "-", record.code or "-"
    line = (
        f"{timestamp(time.time())} {record.request_id} {method} {route_of(scope)} {status} {code}"
        f" bytes_in={bytes_in(scope)} bytes_out={record.bytes_out} total_ms={total:.3f}"
    )
    line += "" if record.complete else " complete=false"
    return f"{line}{'' if record.course is None else record.course.text()}\n".encode()


def json_line(scope: Scope, record: Record) -> bytes:
    """One object, with every name each time; null is what is not known or does not apply."""
    told: dict[str, Any] = {
        "time": timestamp(time.time()),
        "request_id": record.request_id,
        "method": record.method or None,
        "route": route_of(scope),
        "status": record.status or None,
        "code": record.code,
        "bytes_in": bytes_in(scope),
        "bytes_out": record.bytes_out,
        "complete": record.complete,
        "total_ms": round(elapsed_ms(record), 3),
        **(NO_ENGINE if record.course is None else record.course).told(),
    }
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


LINES: dict[LogForm, Callable[[Scope, Record], bytes] | None] = {"text": text_line, "json": json_line, "off": None}


def elapsed_ms(record: Record) -> float:
    """Since the request came."""
    return (time.perf_counter() - record.started) * 1e3


def _to_stderr(lines: bytes) -> None:
    sys.stderr.buffer.write(lines)
    sys.stderr.buffer.flush()

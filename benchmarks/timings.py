"""Figures of what is timed call by call instead of loaded by wrk; programs print them, the harness reads them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import mean, median, quantiles
from typing import Any

from benchmarks.samples import ROOT


class Client:
    """One connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()

    def post(self, path: str, body: bytes, accept: str = "application/json", kind: str = "application/json") -> bytes:
        """A reply.

        Raises:
            RuntimeError: its status is not 200.
        """
        return self.send("POST", path, body, accept, kind)

    def send(
        self, method: str, path: str, body: bytes, accept: str = "application/json", kind: str = "application/json"
    ) -> bytes:
        """A reply to another method.

        Raises:
            RuntimeError: its status is neither 200 nor 201.
        """
        self._connection.request(method, path, body, {"Content-Type": kind, "Accept": accept})
        reply = self._connection.getresponse()
        content = reply.read()
        if reply.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            raise RuntimeError(content[:300])
        return content


def timed(call: Callable[..., object], *arguments: Any) -> float:
    """Milliseconds of a call."""
    begun = time.perf_counter()
    call(*arguments)
    return (time.perf_counter() - begun) * 1000


def cell(times: Sequence[float]) -> dict[str, Any]:
    """The cell of calls made one after the other, from their milliseconds."""
    return {
        "requests": len(times),
        "requests_per_second": 1000 / mean(times),
        "p50_ms": median(times),
        "p99_ms": quantiles(times, n=100, method="inclusive")[98] if len(times) > 1 else times[0],
        "errors": 0,
    }


def print_cells(cells: Mapping[str, Any]) -> None:
    """The last line that a program writes."""
    sys.stdout.write(json.dumps({"cells": cells}) + "\n")


def printed(module: str, *arguments: object) -> dict[str, Any]:
    """The record that a program of this package prints."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]

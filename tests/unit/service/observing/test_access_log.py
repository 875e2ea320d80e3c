"""Access log: the contents of its lines, and that a slow reader does not block the service."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from starlette.requests import ClientDisconnect

from models.errors import EngineLost
from models.ipc.messages import RunResult
from service.access.authentication import Authenticator
from service.access.control import AccessControl
from service.access.hosts import Hosts
from service.access.origins import Origins
from service.access.quotas import Quotas
from service.app import create_app
from service.edge.middleware import EdgeMiddleware
from service.edge.unhandled import UnhandledErrors
from service.engines.engine_request import EngineRequest
from service.engines.pending_result import PendingResult
from service.observing.access_log import MAX_WAITING, AccessLog, lost_json
from service.observing.engine_trace import EngineTrace
from service.observing.log import JsonLines, TextLines
from service.observing.records import Record
from service.settings import Settings

MODEL: dict[str, Any] = {"input": [4], "layers": [{"type": "ReLU", "name": "secret"}]}
RUN = {"model": MODEL, "inputs": [1, 2, 3, 4]}


class Engines:
    """An engine pool whose engine crashes on each request."""

    draining = False

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def states(self) -> list[Any]:
        """Raise an unexpected exception."""
        raise RuntimeError("a secret")

    async def submit(self, request: EngineRequest[Any]) -> PendingResult[Any]:
        """Fail with the loss of an engine."""
        result, request.trace.engine = PendingResult(request.reply, request.trace), 3
        result.fail(EngineLost())
        await result.header
        return result


async def log_lines(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], form: str) -> list[bytes]:
    """Return the lines of a few requests, and the body of the last response."""
    app = create_app(Settings(data_dir=str(tmp_path), log=form), Engines())  # type: ignore[arg-type]
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.head("/v1/models/secret?as=keras", headers={"X-Request-ID": "a.B-9_" * 21})
            await client.post("/v1/activations?layers=secret", json=RUN)
            await client.get("/secret")
            await client.get("/v1/models", headers={"Host": "secret"})
            await client.get("/readyz", headers={"X-Request-ID": "mine"})
    return capfdbinary.readouterr().err.splitlines()


async def test_json_lines_contain_no_client_data(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """One per request with its known facts; names, values and paths of clients are not logged."""
    lines = [json.loads(line) for line in await log_lines(tmp_path, capfdbinary, "json")]
    assert [(line["method"], line["route"], line["status"], line["code"]) for line in lines] == [
        ("HEAD", "/v1/models/{name}", 404, "not_found"),
        ("POST", "/v1/activations", 503, "engine_lost"),
        ("GET", "-", 404, "not_found"),
        ("GET", "/v1/models", 421, "misdirected"),
        ("GET", "/readyz", 500, "internal"),
    ]
    run = lines[1]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", run["time"])
    assert (run["engine"], len(run["model"]), run["bytes_in"]) == (3, 12, len(json.dumps(RUN).replace(" ", "")))
    assert run["total_ms"] > run["queue_ms"] >= 0
    assert (run["complete"], run["bytes_out"] > 100, run["build_ms"], run["run_ms"]) == (True, True, None, None)
    assert [line["request_id"] for line in lines[::4]] == ["a.B-9_" * 21, "mine"]
    assert "secret" not in json.dumps(lines)
    assert {tuple(line) for line in lines} == {tuple(run)}


async def test_text_lines_contain_the_same_facts(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """In a human-readable form; `off` has none."""
    lines = await log_lines(tmp_path, capfdbinary, "text")
    assert len(lines) == 5
    assert re.fullmatch(
        rb"\S+Z [0-9a-f]{32} POST /v1/activations 503 engine_lost bytes_in=\d+ bytes_out=\d+ total_ms=[\d.]+"
        rb" queue_ms=[\d.]+ engine=3 model=[0-9a-f]{12}", lines[1],
    )  # fmt: skip
    assert await log_lines(tmp_path, capfdbinary, "off") == []


async def test_a_traceback_is_logged_with_its_request_id(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """The id that the client received, in both formats."""
    await log_lines(tmp_path, capfdbinary, "off")
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    text, reported = TextLines().format(record), json.loads(JsonLines().format(record))
    assert text.splitlines()[0].endswith("ERROR layerscope: request mine (GET /readyz) failed")
    assert (reported["request_id"], reported["level"]) == ("mine", "ERROR")
    for written in (text, reported["traceback"]):
        assert written.endswith("RuntimeError: a secret")


@pytest.mark.parametrize("error", [ClientDisconnect(), RuntimeError("broken")])
async def test_interrupted_replies_are_logged_with_the_bytes_sent(error: Exception) -> None:
    """Whether the client disconnected or the service failed."""
    written: list[bytes] = []
    log = AccessLog("json", written.append)

    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
        raise error

    async def send(message: Any) -> None:
        """Discard the message."""

    access = AccessControl(Origins(frozenset()), Hosts(frozenset(), ""), Authenticator(None), Quotas())
    edge = EdgeMiddleware(UnhandledErrors(breaks), access, log)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"a")], "http_version": "1.1"}
    await edge(scope, None, send)  # type: ignore[arg-type]
    await log.close()
    reported = json.loads(written[0])
    assert (reported["status"], reported["bytes_out"], reported["complete"]) == (200, 1000, False)


def test_queue_time_excludes_build_and_run() -> None:
    """It is the rest of the engine's time."""
    trace = EngineTrace(model="sha256:0123456789abcdef", engine=0)
    trace.submitted -= 1
    trace.end(RunResult(1, (), {}, 0, False, 100.0, 200.0, (), ()))
    reported = trace.fields()
    assert 700 <= reported.pop("queue_ms") < 60_000
    assert reported == {"build_ms": 100.0, "run_ms": 200.0, "engine": 0, "model": "0123456789ab"}


@pytest.fixture
async def stuck() -> AsyncIterator[tuple[AccessLog, list[bytes], Event, Event]]:
    """A log whose reader blocks until an event, after another that says so."""
    blocked, read, lines = Event(), Event(), []

    def write(data: bytes) -> None:
        blocked.set()
        assert read.wait(60)
        lines.append(data)

    yield AccessLog("text", write), lines, blocked, read
    read.set()


async def test_a_blocked_reader_does_not_block_requests(stuck: tuple[AccessLog, list[bytes], Event, Event]) -> None:
    """A bounded number of lines is buffered; the number of dropped lines is logged later."""
    log, lines, blocked, read = stuck
    log.add({"path": "/"}, Record("first", "GET"))
    assert await asyncio.to_thread(blocked.wait, 60)
    for number in range(MAX_WAITING + 5):
        log.add({"path": "/"}, Record(str(number), "GET"))
    read.set()
    async with asyncio.timeout(60):
        while len(lines) < 2:  # noqa: ASYNC110 (there is no event for it)
            await asyncio.sleep(0.01)
    assert b" first GET - - - " in lines[0]
    assert lines[1].count(b"\n") == MAX_WAITING + 1
    assert lines[1].endswith(b" 5 more requests, not logged\n")
    lost_line = json.loads(lost_json("2026-01-01T00:00:00.000Z", 5))
    assert lost_line == {"time": "2026-01-01T00:00:00.000Z", "lost": 5}


async def test_a_blocked_reader_does_not_block_shutdown(
    stuck: tuple[AccessLog, list[bytes], Event, Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing gives up after a timeout."""
    log, lines, *_ = stuck
    monkeypatch.setattr("service.observing.access_log.CLOSE_SECONDS", 0.05)
    log.add({"path": "/"}, Record("last", "GET"))
    await log.close()
    assert lines == []


def test_a_line_costs_microseconds() -> None:
    """A hundredth of the smallest request, even on slow machines."""
    log, scope = AccessLog("text", lambda _: None), {"route": None, "path": "/"}
    log._writing = True
    record = Record("0" * 32, "POST", trace=EngineTrace("sha256:" + "0" * 64, 0))
    started = time.process_time()
    for _ in range(5000):
        log.add(scope, record)
    assert (time.process_time() - started) / 5000 < 100e-6

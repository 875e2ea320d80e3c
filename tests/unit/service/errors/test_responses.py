"""Responses to errors of the store and of the disk, as clients and the log see them."""

from __future__ import annotations

import errno
import logging

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from models.errors import Internal, StoreUnreachable, TooLarge
from service.errors.handlers import install, problem_of


async def reply_to(error: Exception) -> httpx.Response:
    """Return the response of an application whose only route raises this."""
    app = FastAPI()
    install(app)

    @app.get("/v1/raise")
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get("/v1/raise")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OSError(errno.ENOSPC, "no space left on device"), 503, "store_full"),
        (OSError(errno.EROFS, "read-only file system"), 503, "store_read_only"),
        (PermissionError(errno.EACCES, "secret"), 500, "internal"),
        (OSError(errno.EBADF, "secret"), 500, "internal"),
    ],
)
async def test_a_full_disk_is_no_defect(error: OSError, status: int, code: str) -> None:
    """Nor a read-only one: what is left of OSError is, and tells clients nothing."""
    reply = await reply_to(error)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert ("retry-after" in reply.headers) is (status == 503)
    assert "secret" not in reply.text


async def test_the_reason_of_an_unreachable_store_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """In one short line; the client does not see it."""
    error = StoreUnreachable()
    error.__cause__ = OSError("secret\n" + "x" * 1000)
    with caplog.at_level(logging.WARNING, "layerscope"):
        reply = await reply_to(error)
    assert (reply.status_code, reply.json()["code"]) == (503, "store_unreachable")
    assert "secret" not in reply.text
    (line,) = [record.getMessage() for record in caplog.records if record.name == "layerscope"]
    assert "store unreachable: OSError('secret" in line
    assert len(line) < 400
    assert "\n" not in line


def test_errors_in_started_responses_are_the_same_documents() -> None:
    """A stream ends with one; that of a defect discloses nothing either."""
    request = Request({"type": "http", "method": "GET", "path": "/v1/x", "headers": [], "query_string": b""})
    document = problem_of(request, TooLarge.at("/x", "it is large", expected="less", received="more"))
    assert (document["status"], document["code"]) == (413, "too_large")
    assert document["errors"][0]["pointer"] == "/x"
    document = problem_of(request, Internal("secret"))
    assert (document["status"], document["code"]) == (500, "internal")
    assert "secret" not in str(document)

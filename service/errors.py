"""Domain errors as RFC 9457 problem+json, one shape on every path; the only place that knows status codes."""

from __future__ import annotations

import errno
import logging
from math import ceil
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from models.errors import (
    DeadlineExceeded,
    Internal,
    Invalid,
    InvalidOption,
    LayerscopeError,
    NotFound,
    Problem,
    SlowBody,
    StoreFull,
    TooLarge,
    Unacceptable,
    Unavailable,
    Unparsable,
    Unsupported,
    UnsupportedEncoding,
    UnsupportedMedia,
)
from models.validation import problems_in
from service.elsewhere import told
from service.methods import allowed
from service.open_inference.problems import in_one_line, protocol_status, speaks_protocol
from service.request_id import HEADER as REQUEST_ID

log = logging.getLogger("layerscope")

PROBLEM_TYPE = "application/problem+json"
PROBLEM_REF = {"$ref": "#/components/schemas/ProblemDocument"}
HEADERS = {415: {"Accept-Encoding": "identity"}}
"""What a status says besides: the content codings of bodies that are read (RFC 9110 section 12.5.3)."""
JSON_TYPE = "application/json"
OPEN_INFERENCE_REF = {"$ref": "#/components/schemas/OpenInferenceProblem"}
MAX_ECHO = 1024
"""Characters of a path or pointer that are sent back."""
STATUS: dict[type[LayerscopeError], int] = {
    Unparsable: 400,
    NotFound: 404,
    Unacceptable: 406,
    SlowBody: 408,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Invalid: 422,
    Internal: 500,
    Unsupported: 501,
    Unavailable: 503,
    DeadlineExceeded: 504,
}
"""By class; a subclass has its parent's status unless it has its own."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
FRAMEWORK = {
    400: ("bad_request", "The request cannot be understood"),
    404: (NotFound.code, NotFound.title),
    405: ("method_not_allowed", "This address does not take this method"),
    413: (TooLarge.code, TooLarge.title),
    415: (UnsupportedMedia.code, UnsupportedMedia.title),
}


class ProblemItem(BaseModel):
    """One thing wrong with one field."""

    pointer: str = Field(
        description="JSON pointer (RFC 6901) into what was sent.", examples=["/model/layers/3/kernel_size"]
    )
    message: str
    expected: str | None = None
    received: str | None = None
    suggestion: str | None = Field(None, description="What to write instead.")


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="Names the error; stable.", examples=["urn:layerscope:error:invalid_document"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="The error's name alone; stable.", examples=["invalid_document"])
    request_id: str
    errors: list[ProblemItem]


class OpenInferenceProblem(ProblemDocument):
    """The same, as clients of the Open Inference Protocol read it."""

    error: str = Field(description="All of it in one line.")


def status_of(error: type[LayerscopeError]) -> int:
    """The HTTP status of an error class: its own, or that of its nearest ancestor."""
    return next(STATUS[ancestor] for ancestor in error.__mro__ if ancestor in STATUS)


def unforeseen(request: Request, error: Exception) -> Response:
    """The reply for a defect of ours: the log has it, the client does not."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _response(request, 500, Internal.code, Internal.title, "This is a defect; the log has the details.", ())


def raises(*errors: type[LayerscopeError], open_inference: bool = False) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of a route that raises these."""
    described: dict[int | str, dict[str, Any]] = {}
    every: tuple[type[LayerscopeError], ...] = (*errors, Internal)
    media_type, schema = (JSON_TYPE, OPEN_INFERENCE_REF) if open_inference else (PROBLEM_TYPE, PROBLEM_REF)
    for error in every:
        status = status_of(error)
        entry = described.setdefault(
            protocol_status(status) if open_inference else status,
            {"content": {media_type: {"schema": schema}}, "description": ""},
        )
        entry["description"] = "; ".join(filter(None, (entry["description"], f"`{error.code}`: {error.title}")))
    return described


def install(app: FastAPI) -> None:
    """Every error of every path in the one shape."""
    app.add_exception_handler(LayerscopeError, _domain)
    app.add_exception_handler(OSError, _no_room)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(RequestValidationError, _validation)


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, LayerscopeError)  # noqa: S101 (registered for this class alone)
    return problem_response(request, error)


async def _no_room(request: Request, error: Exception) -> Response:
    """A full disk is nobody's defect; what was being written is not there."""
    full = isinstance(error, OSError) and error.errno in NO_ROOM
    return problem_response(request, StoreFull()) if full else unforeseen(request, error)


def problem_response(request: Request, error: LayerscopeError) -> Response:
    """The reply for a domain error."""
    error = _public(request, error)
    response = _response(request, status_of(type(error)), error.code, error.title, error.detail, error.problems)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = whole_seconds(error.seconds)
    return response


def whole_seconds(seconds: float) -> str:
    """A time as `Retry-After` says it (RFC 9110 section 10.2.3): at least one second."""
    return str(max(1, ceil(seconds)))


def problem_of(request: Request, error: LayerscopeError) -> dict[str, Any]:
    """The problem document of a domain error, for a reply that has begun already."""
    error = _public(request, error)
    return _body(request, status_of(type(error)), error.code, error.title, error.detail, error.problems)


def _public(request: Request, error: LayerscopeError) -> LayerscopeError:
    """The error as a client may see it; the log has a defect's text."""
    if status_of(type(error)) != 500:
        return error
    log.error("%s %s: %s", request.method, request.url.path, error.detail)
    return Internal()


async def _framework(request: Request, error: Exception) -> Response:
    """What the framework itself raises: unknown paths, wrong methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class alone)
    status, problems = told(request, error.status_code)
    code, title = FRAMEWORK.get(status, ("error", "The request cannot be served"))
    response = _response(request, status, code, title, title + ".", problems)
    response.headers.update(error.headers or {} if status == error.status_code else {})
    if status == 405 and (methods := allowed(request)):
        response.headers["Allow"] = methods  # the framework names those of one route
    return response


async def _validation(request: Request, error: Exception) -> Response:
    """A query parameter that FastAPI refused. Its own reply would echo the input, and fail on NaN."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for this class alone)
    details: list[Any] = [{**item, "loc": item["loc"][1:]} for item in error.errors()]  # without "query"
    return problem_response(request, InvalidOption("", problems_in(details, dict(request.query_params))))


def _response(request: Request, status: int, *members: Any) -> Response:
    """The reply of a problem; `members` are those of `_body`. Below /v2 it has the protocol's `error` besides."""
    body = _body(request, status, *members)
    headers = {REQUEST_ID: body["request_id"], **HEADERS.get(body["status"], {})}
    if not speaks_protocol(request.url.path):
        return Response(orjson.dumps(body), status, headers, PROBLEM_TYPE)
    if body["code"] == UnsupportedEncoding.code:
        headers["Accept-Encoding"] = "gzip, deflate"
    error = _printable(in_one_line(body["detail"], members[3]))
    return Response(orjson.dumps({**body, "error": error}), body["status"], headers, JSON_TYPE)


def _body(  # noqa: PLR0913, PLR0917 (the members of one reply)
    request: Request, status: int, code: str, title: str, detail: str, problems: tuple[Problem, ...] | list[Problem]
) -> dict[str, Any]:
    path = request.url.path
    status = protocol_status(status) if speaks_protocol(path) else status
    return {
        **_head(status, code, title, detail),
        "instance": _printable(path if len(path) <= MAX_ECHO else path[:MAX_ECHO] + "…"),
        "code": code,
        "request_id": request.scope.get("request_id", ""),
        "errors": [_item(problem) for problem in problems],
    }


def not_http(request_id: str) -> bytes:
    """The body for what came instead of a request."""
    code, title = FRAMEWORK[400]
    head = _head(400, code, title, "This is not HTTP/1.1.")
    return orjson.dumps({**head, "instance": "", "code": code, "request_id": request_id, "errors": []})


def _head(status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    return {"type": f"urn:layerscope:error:{code}", "title": title, "status": status, "detail": _printable(detail)}


def _item(problem: Problem) -> dict[str, str]:
    fields = {"pointer": _short(problem.pointer)} | {key: getattr(problem, key) for key in Problem.__slots__[1:]}
    return {key: _printable(value) for key, value in fields.items() if value is not None}


def _short(pointer: str) -> str:
    """A pointer, to the nearest enclosing value where a name in it is longer than is sent back."""
    while len(pointer) > MAX_ECHO:
        pointer = pointer.rpartition("/")[0]
    return pointer


def _printable(text: str) -> str:
    """Text that UTF-8 can carry, whatever a client put into a name."""
    return text.encode("utf-8", "backslashreplace").decode()

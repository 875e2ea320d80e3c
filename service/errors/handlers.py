"""Domain errors as RFC 9457 problem+json, one shape on every path; the only place that knows status codes."""

from __future__ import annotations

import logging
from math import ceil
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from models.documents.validation import problems_in
from models.errors import (
    BadRequest,
    ClientDisconnected,
    CrossSite,
    DeadlineExceeded,
    Internal,
    Invalid,
    InvalidOption,
    LargeHead,
    LayerscopeError,
    LongAddress,
    Misdirected,
    NotFound,
    SlowBody,
    StoreUnreachable,
    TooLarge,
    Unacceptable,
    Unavailable,
    Unparsable,
    Unsupported,
    UnsupportedEncoding,
    UnsupportedMedia,
)
from models.store.errors import refusal
from service.errors.allow import allowed
from service.errors.elsewhere import told
from service.errors.open_inference import protocol_status, speaks_protocol
from service.errors.problem import (
    JSON_TYPE,
    OPEN_INFERENCE_REF,
    PROBLEM_REF,
    PROBLEM_TYPE,
    media_type_of,
    problem_document,
)
from service.observing.records import about, named, record_of

log = logging.getLogger("layerscope")

CODINGS, PROTOCOL_CODINGS = "identity", "gzip, deflate"
"""What bodies may be coded as, here and under the Open Inference Protocol (RFC 9110 section 12.5.3)."""
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
STATUS: dict[type[LayerscopeError], int] = {
    BadRequest: 400,
    Unparsable: 400,
    CrossSite: 403,
    NotFound: 404,
    Unacceptable: 406,
    SlowBody: 408,
    TooLarge: 413,
    LongAddress: 414,
    UnsupportedMedia: 415,
    Misdirected: 421,
    Invalid: 422,
    LargeHead: 431,
    ClientDisconnected: 499,
    Internal: 500,
    Unsupported: 501,
    Unavailable: 503,
    DeadlineExceeded: 504,
}
"""By class; a subclass has its parent's status unless it has its own."""
FRAMEWORK = {
    400: (BadRequest.code, BadRequest.title),
    404: (NotFound.code, NotFound.title),
    405: ("method_not_allowed", "This address does not take this method"),
    413: (TooLarge.code, TooLarge.title),
    415: (UnsupportedMedia.code, UnsupportedMedia.title),
}


def status_of(error: type[LayerscopeError]) -> int:
    """The HTTP status of an error class: its own, or that of its nearest ancestor."""
    return next(STATUS[ancestor] for ancestor in error.__mro__ if ancestor in STATUS)


def internal_error(request: Request, error: Exception) -> Response:
    """The reply for a defect of ours: the log has it, the client does not."""
    log.error("%s failed", named(request.scope), exc_info=error, extra=about(request.scope))
    return _response(request, 500, Internal.code, Internal.title, "This is a defect; the log has the details.", ())


def raises(*errors: type[LayerscopeError], open_inference: bool = False) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of a route that raises these."""
    described: dict[int | str, dict[str, Any]] = {}
    every: dict[type[LayerscopeError], None] = dict.fromkeys((*errors, Internal))
    media_type, schema = (JSON_TYPE, OPEN_INFERENCE_REF) if open_inference else (PROBLEM_TYPE, PROBLEM_REF)
    for error in every:
        status = status_of(error)
        entry = described.setdefault(
            protocol_status(status) if open_inference else status,
            {"content": {media_type: {"schema": schema}}, "description": ""},
        )
        if issubclass(error, Unavailable):
            entry["headers"] = RETRY_AFTER
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
    if isinstance(error, StoreUnreachable):
        why = " ".join(repr(error.__cause__).split())[:300]
        log.warning("%s: the store does not answer: %s", named(request.scope), why, extra=about(request.scope))
    return problem_response(request, error)


async def _no_room(request: Request, error: Exception) -> Response:
    """A disk that takes no more is nobody's defect; what was being written is not there."""
    refused = refusal(error) if isinstance(error, OSError) and not isinstance(error, PermissionError) else None
    return problem_response(request, refused) if refused is not None else internal_error(request, error)


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
    return _told(request, status_of(type(error)), error.code, error.title, error.detail, error.problems)


def _public(request: Request, error: LayerscopeError) -> LayerscopeError:
    """The error as a client may see it; the log has a defect's text."""
    if status_of(type(error)) != 500:
        return error
    log.error("%s failed: %s", named(request.scope), error.detail, extra=about(request.scope))
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
    """The reply of a problem; `members` are those of `problem_document`."""
    body = _told(request, status, *members)
    headers = {}
    if body["status"] == 415 and request.headers.get("content-encoding", CODINGS) != CODINGS:  # looked at first
        headers["Accept-Encoding"] = CODINGS
    elif body["code"] == UnsupportedEncoding.code and speaks_protocol(request.url.path):
        headers["Accept-Encoding"] = PROTOCOL_CODINGS
    return Response(orjson.dumps(body), body["status"], headers, media_type_of(request.url.path))


def _told(request: Request, status: int, code: str, *members: Any) -> dict[str, Any]:
    """The problem document; the log has its code."""
    if (record := record_of(request.scope)) is not None:
        record.code = code
    return problem_document(request, status, code, *members)

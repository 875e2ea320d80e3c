"""Exception handlers that build RFC 9457 problem documents; the one table from error classes to status codes."""

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
    FixedModel,
    Forbidden,
    Internal,
    Invalid,
    InvalidOption,
    LargeHead,
    LayerscopeError,
    LongAddress,
    Misdirected,
    NotFound,
    RateLimited,
    SlowBody,
    StoreUnreachable,
    TooLarge,
    Unacceptable,
    Unauthorized,
    Unavailable,
    Unparsable,
    Unsupported,
    UnsupportedEncoding,
    UnsupportedMedia,
)
from models.store.errors import refusal
from service.errors.allow import allowed
from service.errors.dialect import CODING, dialect_of
from service.errors.open_inference import protocol_status
from service.errors.problem import (
    JSON_TYPE,
    METHOD_NOT_ALLOWED,
    OPEN_INFERENCE_REF,
    PROBLEM_REF,
    PROBLEM_TYPE,
    media_type_of,
    problem_document,
)
from service.errors.unrouted import describe_unrouted
from service.observing.records import extra_of, label_of, record_of

log = logging.getLogger("layerscope")

CODINGS, PROTOCOL_CODINGS = "gzip, zstd", "gzip, deflate"
"""Content codings of request bodies, here and under the Open Inference Protocol (RFC 9110 section 12.5.3)."""
CHALLENGE = 'Bearer realm="layerscope"'
"""How to authenticate (RFC 6750 section 3)."""
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
STATUS: dict[type[LayerscopeError], int] = {
    BadRequest: 400,
    Unparsable: 400,
    Unauthorized: 401,
    CrossSite: 403,
    Forbidden: 403,
    NotFound: 404,
    Unacceptable: 406,
    SlowBody: 408,
    FixedModel: 409,
    TooLarge: 413,
    LongAddress: 414,
    UnsupportedMedia: 415,
    Misdirected: 421,
    Invalid: 422,
    RateLimited: 429,
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
    405: (METHOD_NOT_ALLOWED, "This address does not take this method"),
    413: (TooLarge.code, TooLarge.title),
    415: (UnsupportedMedia.code, UnsupportedMedia.title),
}


def status_of(error: type[LayerscopeError]) -> int:
    """Return the HTTP status of an error class: its own, or that of its nearest ancestor."""
    return next(STATUS[ancestor] for ancestor in error.__mro__ if ancestor in STATUS)


def internal_error(request: Request, error: Exception) -> Response:
    """Build the response to an unexpected exception: details go to the log, not to the client."""
    log.error("%s failed", label_of(request.scope), exc_info=error, extra=extra_of(request.scope))
    return _response(request, 500, Internal.code, Internal.title, "This is a defect; the log has the details.", ())


def raises(*errors: type[LayerscopeError], open_inference: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that raises these errors."""
    responses: dict[int | str, dict[str, Any]] = {}
    unique: dict[type[LayerscopeError], None] = dict.fromkeys((*errors, Internal))
    media_type, schema = (JSON_TYPE, OPEN_INFERENCE_REF) if open_inference else (PROBLEM_TYPE, PROBLEM_REF)
    for error in unique:
        status = status_of(error)
        entry = responses.setdefault(
            protocol_status(status) if open_inference else status,
            {"content": {media_type: {"schema": schema}}, "description": ""},
        )
        if issubclass(error, Unavailable):
            entry["headers"] = RETRY_AFTER
        entry["description"] = "; ".join(filter(None, (entry["description"], f"`{error.code}`: {error.title}")))
    return responses


def install(app: FastAPI) -> None:
    """Register the exception handlers."""
    app.add_exception_handler(LayerscopeError, _handle_domain)
    app.add_exception_handler(OSError, _handle_os_error)
    app.add_exception_handler(HTTPException, _handle_framework)
    app.add_exception_handler(RequestValidationError, _handle_validation)


async def _handle_domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, LayerscopeError)  # noqa: S101 (registered for this class only)
    if isinstance(error, StoreUnreachable):
        why = " ".join(repr(error.__cause__).split())[:300]
        log.warning("%s: store unreachable: %s", label_of(request.scope), why, extra=extra_of(request.scope))
    return problem_response(request, error)


async def _handle_os_error(request: Request, error: Exception) -> Response:
    """Handle a full or read-only disk as a store error, not a defect; the incomplete write leaves nothing behind."""
    store_error = refusal(error) if isinstance(error, OSError) and not isinstance(error, PermissionError) else None
    return problem_response(request, store_error) if store_error is not None else internal_error(request, error)


def problem_response(request: Request, error: LayerscopeError) -> Response:
    """Build the response to a domain error."""
    error = _public(request, error)
    response = _response(request, status_of(type(error)), error.code, error.title, error.detail, error.problems)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = whole_seconds(error.seconds)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def whole_seconds(seconds: float) -> str:
    """Format a duration for `Retry-After` (RFC 9110 section 10.2.3): at least one second."""
    return str(max(1, ceil(seconds)))


def problem_of(request: Request, error: LayerscopeError) -> dict[str, Any]:
    """Build the problem document of a domain error, for a response that has started already."""
    error = _public(request, error)
    return _document(request, status_of(type(error)), error.code, error.title, error.detail, error.problems)


def _public(request: Request, error: LayerscopeError) -> LayerscopeError:
    """Return the error as clients may see it; the detail of an internal error goes to the log."""
    if status_of(type(error)) != 500:
        return error
    log.error("%s failed: %s", label_of(request.scope), error.detail, extra=extra_of(request.scope))
    return Internal()


async def _handle_framework(request: Request, error: Exception) -> Response:
    """Handle errors of the framework itself: unknown paths, wrong methods."""
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class only)
    status, problems = describe_unrouted(request, error.status_code)
    code, title = FRAMEWORK.get(status, ("error", "The request cannot be served"))
    response = _response(request, status, code, title, title + ".", problems)
    response.headers.update(error.headers or {} if status == error.status_code else {})
    if status == 405 and (methods := allowed(request)):
        response.headers["Allow"] = methods  # the framework lists those of one route only
    return response


async def _handle_validation(request: Request, error: Exception) -> Response:
    """Handle a query parameter that FastAPI rejected. Its default response would echo the input, and fail on NaN."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for this class only)
    details: list[Any] = [{**item, "loc": item["loc"][1:]} for item in error.errors()]  # without "query"
    return problem_response(request, InvalidOption("", problems_in(details, dict(request.query_params))))


def _response(request: Request, status: int, *members: Any) -> Response:
    """Build the response; `members` are those of `problem_document`."""
    body, dialect = _document(request, status, *members), dialect_of(request.scope)
    headers = {}
    if body["status"] == 415 and request.scope.get(CODING, "gzip") not in CODINGS.split(", "):
        headers["Accept-Encoding"] = CODINGS
    elif body["code"] == UnsupportedEncoding.code and dialect.is_open_inference:
        headers["Accept-Encoding"] = PROTOCOL_CODINGS
    return Response(orjson.dumps(body), body["status"], headers, media_type_of(dialect))


def _document(request: Request, status: int, code: str, *members: Any) -> dict[str, Any]:
    """Build the problem document and set its code in the request's record."""
    if (record := record_of(request.scope)) is not None:
        record.code = code
    return problem_document(request, status, code, *members)

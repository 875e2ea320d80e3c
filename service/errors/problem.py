"""RFC 9457 problem documents, bounded in size whatever the request contained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

import orjson
from pydantic import BaseModel, Field
from starlette.requests import Request

from models.errors import Problem, all_errors
from models.errors.problem import cut, without_long_words
from service.errors.dialect import Dialect, dialect_of
from service.errors.open_inference import in_one_line, protocol_status

PROBLEM_TYPE = "application/problem+json"
JSON_TYPE = "application/json"
PROBLEM_REF = {"$ref": "#/components/schemas/ProblemDocument"}
OPEN_INFERENCE_REF = {"$ref": "#/components/schemas/OpenInferenceProblem"}
METHOD_NOT_ALLOWED = "method_not_allowed"
"""The code of the framework's own error that no class has."""
CODES = sorted({METHOD_NOT_ALLOWED, *(error.code for error in all_errors())})
MAX_TEXT = 1024
"""Characters of a path, a pointer or one text. In JSON each takes at most seven bytes."""
MAX_READ = 8 * MAX_TEXT
"""Characters of a text in which words are cut; the rest would not be shown."""
MAX_NAME = 128
"""Characters of one name in a pointer: those of the longest layer."""
MAX_ERROR = 2048
"""Characters of the protocol's `error`, which repeats the problems."""
MAX_ITEM_BYTES = 32 * 1024
"""Of all problems; the first always fits. With its other members, a document stays below 64 KiB."""


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
    code: str = Field(
        description="The error's name alone; stable. Later versions may have more.",
        examples=["invalid_document"],
        json_schema_extra={"enum": [*CODES]},
    )
    request_id: str
    errors: list[ProblemItem]


class OpenInferenceProblem(ProblemDocument):
    """The same, as clients of the Open Inference Protocol read it."""

    error: str = Field(description="All of it in one line.")


def problem_document(  # noqa: PLR0913, PLR0917 (its members)
    request: Request, status: int, code: str, title: str, detail: str, problems: Sequence[Problem]
) -> dict[str, Any]:
    """Build the document of an error. Below /v2 it has the protocol's status, and its `error`."""
    speaks_protocol = dialect_of(request.scope).is_open_inference
    items = _fitting([_item(problem) for problem in problems])
    document: dict[str, Any] = {
        "type": f"urn:layerscope:error:{code}",
        "title": title,
        "status": protocol_status(status) if speaks_protocol else status,
        "detail": _safe(detail),
        "instance": _instance(request.url.path),
        "code": code,
        "request_id": request.scope.get("request_id", ""),
        "errors": items,
    }
    if not speaks_protocol:
        return document
    return document | {"error": cut(in_one_line(document["detail"], [Problem(**item) for item in items]), MAX_ERROR)}


def media_type_of(dialect: Dialect) -> str:
    """Return the media type of problem documents."""
    return JSON_TYPE if dialect.is_open_inference else PROBLEM_TYPE


def _item(problem: Problem) -> dict[str, str]:
    texts = {key: getattr(problem, key) for key in Problem.__slots__[1:]}
    return {"pointer": _printable(_short(problem.pointer))} | {
        key: _safe(text) for key, text in texts.items() if text is not None
    }


def _fitting(items: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Return as many problems as fit, from the first."""
    fitting: list[dict[str, str]] = []
    remaining = MAX_ITEM_BYTES
    for item in items:
        remaining -= len(orjson.dumps(item))
        if remaining < 0 and fitting:
            break
        fitting.append(item)
    return fitting


def _short(pointer: str) -> str:
    """Shorten a pointer to the nearest enclosing value if a name in it is over the limit."""
    whole = pointer if len(pointer) <= MAX_TEXT else pointer[:MAX_TEXT].rpartition("/")[0]
    return "/".join(takewhile(lambda name: len(name) <= MAX_NAME, whole.split("/")))


def _instance(path: str) -> str:
    return _printable(cut("/".join(map(cut, path[:MAX_READ].split("/"))), MAX_TEXT))


def _safe(text: str) -> str:
    """Cut overlong words and the text itself."""
    return _printable(cut(without_long_words(text[:MAX_READ]), MAX_TEXT))


def _printable(text: str) -> str:
    """Escape lone surrogates, which UTF-8 cannot encode."""
    return text.encode("utf-8", "backslashreplace").decode()

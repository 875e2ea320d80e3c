"""Rows of the table of reported faults: a request, the right answer to it, and what a service answers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from acceptance.live_service import Service, relative_error
from acceptance.raw_http import once

Array = np.ndarray[Any, Any]
Json = Any
Ask = Callable[[Service], "Answer"]
TOLERANCE = 1e-5
SHOWN = 100
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """An answer: a status or what came in its place, the text or value, and the headers."""

    status: int | str
    text: str = ""
    value: Array | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def shown(self) -> str:
        """Return it for the table: the status, and the number or the beginning of the error."""
        told = self._said() if self.value is None else f"{self.value.dtype} {rounded(self.value)}"
        return f"{self.status} {' '.join(told.split())[:SHOWN]}".rstrip()

    def _said(self) -> str:
        try:
            told = json.loads(self.text)
        except ValueError:
            return self.text
        if not isinstance(told, dict) or not isinstance(self.status, int) or self.status < 400:
            return ""
        problem = (told.get("errors") or [{}])[0]
        parts = (problem.get("pointer"), problem.get("message") or told.get("detail") or told.get("error"))
        return " ".join(str(part) for part in (*parts, problem.get("suggestion")) if part)


def rounded(value: Array) -> Json:
    """Return numbers for the table."""
    return (value.astype("f8").round(4) if value.dtype.kind == "f" else value).tolist()


@dataclass(frozen=True)
class Right:
    """The right answer: one of some statuses, patterns that its text has and has not, headers, a value."""

    statuses: tuple[int | str, ...]
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    value: Array | None = None
    tolerance: float = TOLERANCE
    is_problem: bool = False
    most_bytes: int | None = None

    def fits(self, answer: Answer) -> bool:
        """Whether an answer is right."""
        text = answer.text.replace('\\"', '"')
        return (
            answer.status in self.statuses
            and all(re.search(word, text) for word in self.says)
            and not any(re.search(word, text) for word in self.never)
            and all(re.search(word, answer.headers.get(name, "")) for name, word in self.headers.items())
            and (not self.is_problem or answer.headers.get("content-type") == PROBLEM)
            and (self.most_bytes is None or len(answer.text.encode()) <= self.most_bytes)
            and (self.value is None or self._has_value(answer.value))
        )

    def _has_value(self, found: Array | None) -> bool:
        expected = self.value
        if found is None or expected is None or (found.shape, found.dtype) != (expected.shape, expected.dtype):
            return False
        return relative_error(found, expected) <= self.tolerance


@dataclass(frozen=True)
class Row:
    """A reported fault: its section and letter, the request in words, the right answer, and how to ask."""

    kind: str
    request: str
    right: Right
    ask: Ask

    def answer(self, service: Service) -> Answer:
        """Ask a service; an answer that does not come, or that Keras cannot use, is an answer, too."""
        try:
            return self.ask(service)
        except (Exception, SystemExit) as error:
            return Answer("no answer:", f"{type(error).__name__}: {error}")


def right(*statuses: int | str, says: str | tuple[str, ...] = (), never: str | tuple[str, ...] = (),
          **more: Any) -> Right:  # fmt: skip
    """Return a right answer; one pattern may stand without its tuple."""
    return Right(statuses, *((words,) if isinstance(words, str) else words for words in (says, never)), **more)


def answered(reply: httpx.Response) -> Answer:
    """Return a reply as an answer; its value is that of the last layer of a run."""
    value = None
    if reply.status_code == 200 and '"layers"' in reply.text:
        value = value_of(reply.json()["layers"][-1])
    return Answer(reply.status_code, reply.text, value, reply.headers)


def value_of(layer: Json) -> Array | None:
    """Return the value of a layer in a reply; bfloat16 as float32."""
    dtype = layer.get("dtype", "float32").replace("bfloat16", "float32")
    return np.array(layer["data"], dtype) if "data" in layer else None


def asked(method: str, path: str, **arguments: Any) -> Ask:
    """Return a request, as httpx takes it, to be sent to a service."""
    return lambda service: answered(service.client.request(method, path, **arguments))


def posted(path: str, body: Json) -> Ask:
    """Return a POST of JSON."""
    return asked("POST", path, json=body)


def text_posted(path: str, text: str | bytes) -> Ask:
    """Return a POST of JSON that is text already."""
    return asked("POST", path, content=text, headers={"Content-Type": "application/json"})


def of_bytes(sent: bytes) -> Ask:
    """Return a request of these bytes on a connection of its own."""

    def ask(service: Service) -> Answer:
        reply = asyncio.run(once(service.port, sent))
        return Answer(reply.status, reply.body.decode(errors="replace"), None, reply.headers)

    return ask


def in_turn(*steps: Ask) -> Ask:
    """Return requests that are sent one after the other; the answer is the first error, or the last answer."""

    def ask(service: Service) -> Answer:
        answer = Answer("nothing was sent")
        for step in steps:
            answer = step(service)
            if not isinstance(answer.status, int) or answer.status >= 400:
                break
        return answer

    return ask

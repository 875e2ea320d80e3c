"""What can go wrong for a client.

LayerscopeError
├── Refused         what the service refuses or cannot do: a subclass for each `code`, in layerscope_client/errors.py
├── ConnectionLost  the service cannot be reached, or the connection broke
├── TimedOut        there was no reply in time
├── BrokenReply     a reply is not what its type says
├── OverBudget      a reply would be larger than `max_bytes`
├── OnlyCode        what a model computes is only said by its code, and it is none of Keras 3, which can be traced
├── Untraceable     it cannot be traced, in layerscope_client/keras/untraceable.py
└── NotStarted      a service of this machine did not start
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class LayerscopeError(Exception):
    """Any error of this package; the text says what to do."""


class ConnectionLost(LayerscopeError):
    """The service cannot be reached, or the connection broke before the whole reply was here."""


class TimedOut(LayerscopeError):
    """There was no reply in time; the service may still be at work."""


class BrokenReply(LayerscopeError):
    """A reply is not what its type says, or holds what this version of the client does not know."""


class OverBudget(LayerscopeError):
    """A reply would be larger than `max_bytes`."""


class OnlyCode(LayerscopeError):
    """What a model computes is only said by its code: it has to be traced, and this one cannot be."""


class NotStarted(LayerscopeError):
    """A service of this machine did not start."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one field: `pointer` is a JSON pointer into what was sent."""

    pointer: str = ""
    message: str = ""
    expected: str | None = None
    received: str | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        """What to do, why, and where."""
        advice = self.suggestion or (f"send {self.expected}" if self.expected else "")
        because = f"{advice}: {self.message}" if advice else self.message
        facts = [f"at {self.pointer}" if self.pointer else "", f"expected {self.expected}" if self.suggestion else "",
                 f"received {self.received}" if self.received else ""]  # fmt: skip
        return f"{because} ({'; '.join(filter(None, facts))})" if any(facts) else because


class Refused(LayerscopeError):
    """A problem document (RFC 9457). `expected`, `received` and `suggestion` are those of the first of its `errors`."""

    code = ""

    def __init__(self, status: int, document: Mapping[str, Any], retry_after: float | None = None) -> None:
        super().__init__(status, document, retry_after)
        self.status, self.document, self.retry_after = status, document, retry_after
        self.code = str(document.get("code") or self.code)
        self.request_id = str(document.get("request_id", ""))
        names = Problem.__dataclass_fields__
        rows = [row for row in document.get("errors") or () if isinstance(row, Mapping)]
        self.errors = [Problem(**{key: row[key] for key in names if key in row}) for row in rows]
        first = self.errors[0] if self.errors else Problem()
        self.expected, self.received, self.suggestion = first.expected, first.received, first.suggestion

    @property
    def pointers(self) -> list[str]:
        """The JSON pointer of each problem."""
        return [problem.pointer for problem in self.errors]

    def __str__(self) -> str:
        """What to do about each problem, then what it is."""
        said = str(self.document.get("detail") or self.document.get("title") or "the service gave no reason")
        waiting = f"; try again in {self.retry_after:g} s" if self.retry_after else ""
        lines = "\n".join(map(str, self.errors)) or said + waiting
        return f"{lines}\n[{self.status} {self.code}, request {self.request_id}]"

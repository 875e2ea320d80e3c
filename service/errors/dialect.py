"""Dialects of HTTP that paths speak: Layerscope's own below /v1, the Open Inference Protocol below /v2."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

SCOPE_KEY = "layerscope.dialect"
CODING = "layerscope.coding"
"""Scope key of the Content-Encoding that a body arrived with, which the application does not see."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Conventions of the requests and replies below one path."""

    root: str
    is_open_inference: bool = False
    """Whether problems have the protocol's statuses, and its member `error`."""
    compresses_replies: bool = False
    """Whether replies are compressed by Accept-Encoding; the protocol's clients cannot read compressed metadata."""
    decompresses_bodies: bool = False
    """Whether bodies with a Content-Encoding are decompressed as they arrive; the protocol does so itself."""
    checks_queries: bool = False
    """Whether every query parameter must be declared."""

    def includes(self, path: str) -> bool:
        """Whether a path is below the root."""
        return path == self.root or path.startswith(self.root + "/")


V1 = Dialect("/v1", compresses_replies=True, decompresses_bodies=True, checks_queries=True)
V2 = Dialect("/v2", is_open_inference=True)
OTHER = Dialect("")
"""Dialect of pages and probes."""


def dialect_of_path(path: str) -> Dialect:
    """Return the dialect of a path."""
    return next((dialect for dialect in (V1, V2) if dialect.includes(path)), OTHER)


def dialect_of(scope: MutableMapping[str, Any]) -> Dialect:
    """Return the dialect of a request, which is determined once."""
    if SCOPE_KEY not in scope:
        scope[SCOPE_KEY] = dialect_of_path(scope["path"])
    dialect: Dialect = scope[SCOPE_KEY]
    return dialect

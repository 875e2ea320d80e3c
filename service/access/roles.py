"""Roles that routes ask for, by method and path; known before a request is routed, so that nothing of it is read."""

from __future__ import annotations

import re

from service.access.keys import Role

OPEN = re.compile(r"/(healthz|readyz|docs|openapi\.json|favicon\.ico|swagger/.*|assets/.*|v2/health/(live|ready))?")
"""Paths that need no key: the page and its files, and whether the service is well."""
METRICS = "/metrics"
LOADING = re.compile(r"/v2/repository/models/[^/]+/(load|unload)")
"""Requests that change what others can run, though they are posted like runs."""
CHANGES = frozenset(("PUT", "DELETE", "PATCH"))


def role_for(method: str, path: str) -> Role | None:
    """Return the least role for a request; None if it needs no key."""
    path = path.removesuffix("\n")  # which the patterns of routes pass over: their $ stands before it, too
    if method == "OPTIONS" or (method in ("GET", "HEAD") and OPEN.fullmatch(path)):
        return None
    if path == METRICS:
        return Role.ADMIN
    if method in CHANGES or (method == "POST" and LOADING.fullmatch(path)):
        return Role.REGISTER
    return Role.USE

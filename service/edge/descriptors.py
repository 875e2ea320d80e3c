"""File descriptor budget: the connection limit that leaves enough descriptors for engines, the store and files."""

from __future__ import annotations

import resource
from contextlib import suppress

from service.settings import PREFIX, Settings

OWN, ENGINE, UPLOAD = 40, 10, 4
"""Descriptors of the front, of one engine while it starts, and of one upload with the process that reads it."""
REFUSED = 24
"""Connections over the limit that are accepted to reply with an error."""
MIN_CONNECTIONS = 8
"""Connections below which the service does not start."""


def raise_limit() -> None:
    """Raise the soft descriptor limit to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # some systems report "unlimited" but allow less
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connection_limit(settings: Settings, engines: int) -> int:
    """Return the configured number of connections, or what the descriptor limit allows if that is less.

    Raises:
        SystemExit: with a one-line message, if the descriptor limit is too low.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return settings.connections
    processes = engines + settings.spare_engines + 1  # and the successor of one
    reserved = OWN + ENGINE * processes + UPLOAD * min(settings.max_uploads, limit // 32) + REFUSED
    if limit - reserved < MIN_CONNECTIONS:
        raise SystemExit(
            f"layerscope: {limit} files may be open at once (ulimit -n), and {PREFIX}ENGINES and {PREFIX}SPARE_ENGINES "
            f"need {reserved + MIN_CONNECTIONS}"
        )
    return min(settings.connections, limit - reserved)

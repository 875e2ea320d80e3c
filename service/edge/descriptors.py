"""How many connections there can be, so that descriptors are left for engines, the store and files."""

from __future__ import annotations

import resource
from contextlib import suppress

from service.settings import PREFIX, Settings

OWN, ENGINE, UPLOAD = 40, 10, 4
"""What the front, one engine while it starts, and one upload with the process that reads it hold."""
REFUSED = 24
"""Connections beyond those that are served, which are told so."""
FEWEST = 8
"""Connections without which it makes no sense to start."""


def raise_limit() -> None:
    """As many descriptors as this process may have without asking anybody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # some systems say "unlimited" and mean less
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def served_connections(settings: Settings, engines: int) -> int:
    """As many as are set, or for as many as there are descriptors.

    Raises:
        SystemExit: with one clear line, where there are hardly any.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return settings.connections
    started = engines + settings.spare_engines + 1  # and the successor of one
    reserved = OWN + ENGINE * started + UPLOAD * min(settings.max_uploads, limit // 32) + REFUSED
    if limit - reserved < FEWEST:
        raise SystemExit(
            f"layerscope: {limit} files may be open at once (ulimit -n), and {PREFIX}ENGINES and {PREFIX}SPARE_ENGINES "
            f"need {reserved + FEWEST}"
        )
    return min(settings.connections, limit - reserved)

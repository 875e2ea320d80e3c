"""Connections for which the limit of open files leaves room."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from service.edge.descriptors import MIN_CONNECTIONS, connection_limit, raise_limit
from service.settings import Settings


@pytest.fixture
def hard() -> Iterator[int]:
    """The hard limit; the soft one is restored at the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_limit_is_raised_as_far_as_it_may(hard: int) -> None:
    """Shells and service managers begin with a low one."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard))
    raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_connections_get_what_engines_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as configured where there is room or no limit; with too few the service does not start."""
    limits = [0]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limits[0], limits[0]))
    settings = Settings(connections=500, max_uploads=8)
    assert [_limited(settings, limits, files) for files in (resource.RLIM_INFINITY, 10_000, 200)] == [500, 500, 92]
    assert _limited(settings, limits, 200, engines=2) == 82
    assert _limited(settings, limits, 104) == MIN_CONNECTIONS
    with pytest.raises(SystemExit) as ended:
        _limited(settings, limits, 103)
    assert str(ended.value).startswith("layerscope: 103 files may be open at once (ulimit -n), and LAYERSCOPE_ENGINES")


def _limited(settings: Settings, limits: list[int], files: int, engines: int = 1) -> int:
    """Return the connections with this limit of open files."""
    limits[0] = files
    return connection_limit(settings, engines)

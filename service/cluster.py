"""Connection of this process to a Ray cluster, or to one of its own on this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.settings import set_ray_environment

MIN_CPUS = 2
"""CPUs that Ray is told of at least: readers and an engine take one each, and wait for each other on less."""


def connect(address: str | None = None) -> Any:
    """Connect to the cluster at an address (`auto`, `host:port`, `ray://host:port`), or start one on this machine that
    ends with this process; returns the module `ray`. Nothing is reported to anybody, and there is no dashboard.

    Raises:
        ConnectionError: there is no cluster at the address.
    """
    set_ray_environment()
    import ray  # noqa: PLC0415 (an extra, which takes a second)

    if ray.is_initialized():
        return ray
    own = {} if address else {"include_dashboard": False, "num_cpus": max(MIN_CPUS, os.cpu_count() or 1)}
    try:
        ray.init(address or "local", logging_level=logging.ERROR, log_to_driver=False, **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConnectionError(f"there is no cluster at {address or 'this machine'}: {error}"[:500]) from error
    return ray


@contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Connect as `connect` does, and disconnect at the end of the block if this call connected."""
    import ray  # noqa: PLC0415

    was_connected = ray.is_initialized()
    try:
        yield connect(address)
    finally:
        if not was_connected:
            ray.shutdown()

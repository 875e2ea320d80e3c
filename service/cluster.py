"""Connection of this process to a Ray cluster, or to one of its own on this machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from service.environment import set_ray_environment

PACKAGES = ("layerscope", "ray", "tensorflow", "keras")
"""Packages of which all nodes need the version of the front: numbers, messages and pickles depend on them."""
CHECK_SECONDS = 60.0
"""Time for all nodes to tell their versions."""
MIN_CPUS = 2
"""CPUs that Ray is told of at least, on this machine alone: readers and an engine wait for each other on less."""


class ClusterUnavailable(ConnectionError):
    """The cluster cannot be used; says why in a sentence."""


def connect(address: str | None = None) -> Any:
    """Connect to a cluster, unless this process is connected, and return the module `ray`. The address is `auto` (the
    cluster of this machine), `HOST:PORT` or `ray://HOST:PORT`; without one, Ray is started on this machine and ends
    with this process. Nothing is reported to anybody, and there is no dashboard.

    Raises:
        ClusterUnavailable: Ray is not installed, or there is no cluster.
    """
    ray = _module()
    if ray.is_initialized():
        return ray
    own = {} if address else {"include_dashboard": False, "num_cpus": max(MIN_CPUS, os.cpu_count() or 1)}
    try:
        ray.init(address or "local", namespace="layerscope", log_to_driver=False, configure_logging=False, **own)
    except Exception as error:  # of gRPC, of sockets, of Ray
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ClusterUnavailable(f"there is no cluster at {address or 'this machine'}: {reason}") from error
    return ray


def disconnect() -> None:
    """Disconnect; Ray ends the actors of this process."""
    _module().shutdown()


@contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Connect as `connect` does, and disconnect at the end of the block if this call connected."""
    was_connected = _module().is_initialized()
    try:
        yield connect(address)
    finally:
        if not was_connected:
            disconnect()


def _module() -> Any:
    set_ray_environment()
    try:
        import ray  # noqa: PLC0415 (an extra; whoever does not ask for a cluster does not pay for it)
    except ImportError:
        raise ClusterUnavailable("ray is not installed; install the extra: layerscope[ray]") from None
    return ray


def versions() -> dict[str, str]:
    """Return the versions of this environment that all nodes must have."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **{package: version(package) for package in PACKAGES}}


def differences(found: dict[str, str]) -> str:
    """Return what of another environment's versions differs from this one's, in words; empty if nothing does."""
    own = versions()
    wrong = [f"{name} {found[name]}, and not {own[name]}" for name in own if name in found and found[name] != own[name]]
    return "; ".join(wrong)


def check_nodes(resources: dict[str, float]) -> None:
    """Check that every node that has these resources has the versions of this process.

    Raises:
        ClusterUnavailable: one has others, or lacks Layerscope.
    """
    import ray  # noqa: PLC0415 (as above)
    from ray.exceptions import RayError  # noqa: PLC0415
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    task: Any = ray.remote(versions)
    nodes = [node for node in ray.nodes() if node["Alive"] and _has(node["Resources"], resources)]
    found = {}
    for node in nodes:
        where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        found[node["NodeManagerAddress"]] = task.options(num_cpus=0, scheduling_strategy=where).remote()
    for address, reference in found.items():
        try:
            wrong = differences(ray.get(reference, timeout=CHECK_SECONDS))
        except RayError as error:
            reason = str(error).strip().rpartition("\n")[2]
            raise ClusterUnavailable(f"Layerscope cannot run on node {address}: {reason}") from None
        if wrong:
            raise ClusterUnavailable(f"node {address} has {wrong}; install the same versions everywhere")


def _has(available: dict[str, float], wanted: dict[str, float]) -> bool:
    """Whether a node has these resources at all."""
    return all(available.get(name, 0.0) >= amount for name, amount in wanted.items())

"""A Ray cluster of several nodes on this machine, for tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service import cluster

NODE = {"num_cpus": 2, "object_store_memory": 100 << 20, "include_dashboard": False}


@contextmanager
def running_cluster(nodes: int, **head: Any) -> Iterator[Any]:
    """Run a cluster whose nodes have room for two engines each, and connect this process to it."""
    from ray._common.usage.usage_lib import set_usage_stats_enabled_via_env_var  # noqa: PLC0415
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    set_usage_stats_enabled_via_env_var(False)
    with tempfile.TemporaryDirectory(prefix="ls-", dir="/tmp") as folder:  # paths of sockets are short
        running = Cluster(initialize_head=True, head_node_args={"temp_dir": folder, **NODE, **head})
        try:
            for _ in range(nodes - 1):
                running.add_node(**NODE)
            cluster.connect(running.address)
            yield running
        finally:
            cluster.disconnect()
            running.shutdown()

"""Instances on one store, each at a loopback address of its own, behind HAProxy as deploy/replicas configures it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from acceptance.live_service import ROOT, START_SECONDS, free_port
from tests.unit.deploy.proxied import NameServer, name_server, proxy

HOSTS = ("127.0.1.1", "127.0.1.2", "127.0.1.3")


class Instances:
    """Instances of a module that serves, by address, and the name server that tells the proxy of them."""

    def __init__(self, folder: Path, module: str, names: NameServer) -> None:
        self.port, self._instance_port = free_port(), free_port()
        self._folder, self._module, self._names = folder, module, names
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def hosts(self) -> Sequence[str]:
        """The addresses of those that run."""
        return tuple(self._processes)

    @property
    def instance_port(self) -> int:
        """The port that all listen on."""
        return self._instance_port

    def urls(self) -> list[str]:
        """Return the base of each one's URLs."""
        return [f"http://{host}:{self._instance_port}" for host in self._processes]

    def start(self, host: str) -> None:
        """Start one, and tell of it once it is ready."""
        given = {
            "HOST": host, "INSTANCE": host, "PORT": str(self._instance_port), "DATA_DIR": str(self._folder / "store"),
            "STORE_SHARED": "true", "CLIENT_CONNECTIONS": "1000", "QUEUE_SECONDS": "30", "LOG": "off",
        }  # fmt: skip
        environment = os.environ | {f"LAYERSCOPE_{name}": value for name, value in given.items()}
        with (self._folder / f"{host}.log").open("ab") as log:
            command = [sys.executable, "-m", self._module, "serve"]
            self._processes[host] = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
        until_ready(f"http://{host}:{self._instance_port}")
        if host not in self._names.addresses:
            self._names.addresses.append(host)

    def end(self, host: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End one, and tell no more of it then."""
        process = self._processes.pop(host)
        process.send_signal(number)
        process.wait(timeout=60)
        self._names.addresses.remove(host)

    def end_all(self) -> None:
        """End every one, waiting for none."""
        for process in self._processes.values():
            process.kill()
            process.wait()


def until_ready(url: str) -> None:
    """Wait until a service or a proxy before one is ready."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/readyz", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"{url} is not ready")


@contextmanager
def running_instances(folder: Path, module: str) -> Iterator[Instances]:
    """Run three instances and the proxy, which has found all, until the end of the block."""
    with name_server() as names:
        instances = Instances(folder, module, names)
        try:
            for host in HOSTS:
                instances.start(host)
            with proxy(names, instances.port, instances.instance_port, folder / "haproxy.log"):
                until_ready(f"http://127.0.0.1:{instances.port}")
                time.sleep(2.0)  # for the checks of all
                yield instances
        finally:
            instances.end_all()

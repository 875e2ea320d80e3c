"""HAProxy as deploy/replicas/haproxy.cfg configures it, and the name server that tells it of instances."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rdatatype
import dns.rrset

CONFIGURATION = Path(__file__).parents[3] / "deploy/replicas/haproxy.cfg"
SYSTEM_FOLDERS = ":/usr/sbin:/usr/local/sbin"
"""Where Debian has it, which is not on the PATH of everyone."""


class NameServer(socketserver.UDPServer):
    """A name server on loopback that answers every question with `addresses`, which may change: IPv4, of instances."""

    def __init__(self, addresses: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.addresses = list(addresses)

    @property
    def address(self) -> str:
        """Its address and port."""
        host, port = self.socket.getsockname()
        return f"{host}:{port}"


class Answer(socketserver.BaseRequestHandler):
    """The answer to one question."""

    def handle(self) -> None:
        """Send it."""
        question, socket = self.request
        asked = dns.message.from_wire(question)
        answer = dns.message.make_response(asked)
        if asked.question[0].rdtype == dns.rdatatype.A and self.server.addresses:
            answer.answer.append(dns.rrset.from_text(asked.question[0].name, 1, "IN", "A", *self.server.addresses))
        socket.sendto(answer.to_wire(), self.client_address)


@contextmanager
def name_server(*addresses: str) -> Iterator[NameServer]:
    """Run a name server that knows these addresses."""
    with NameServer(addresses) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def haproxy_program() -> str:
    """Return the path of HAProxy."""
    found = shutil.which("haproxy", path=os.environ["PATH"] + SYSTEM_FOLDERS)
    assert found, "HAProxy is not installed: run scripts/haproxy"
    return found


@contextmanager
def proxy(names: NameServer, port: int, instance_port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run HAProxy on a port of 127.0.0.1, before the instances of a name server, which all listen on one port."""
    environment = os.environ | {
        "LAYERSCOPE_BIND": f"127.0.0.1:{port}",
        "LAYERSCOPE_DNS": names.address,
        "LAYERSCOPE_INSTANCES": f"layerscope.test:{instance_port}",
    }
    with log.open("wb") as file:
        command = [haproxy_program(), "-db", "-f", str(CONFIGURATION)]
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.kill()
        process.wait()

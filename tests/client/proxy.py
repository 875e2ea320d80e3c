"""A server between client and service that fails as it is told: busy, gone, cut short, of a later version."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SKIPPED = ("transfer-encoding", "connection", "content-length", "date", "server")


@dataclass
class Proxy:
    """Its address, what it does with the next requests, and when those that it received came."""

    url: str = ""
    faults: list[str] = field(default_factory=list)
    """One for each of the next requests: `503 2`, a status and Retry-After; `hang up`; `half`, of the reply."""
    times: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    """The proxy's own server, which knows the service."""

    daemon_threads = True

    def __init__(self, service: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = Proxy(f"http://127.0.0.1:{self.server_port}")
        self.target = urlsplit(service)


class _Handler(BaseHTTPRequestHandler):
    """Fails as it is told, or passes a request on."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def answer(self) -> None:
        """Fail, or send the request to the service and its reply back."""
        proxy, body = self.server.proxy, self._body()
        proxy.times.append(time.monotonic())
        proxy.bodies.append(body)
        fault = proxy.faults.pop(0) if proxy.faults else ""
        if fault == "hang up":
            self.close_connection = True
        elif fault[:3].isdigit():
            self._busy(*fault.split())
        else:
            self._pass_on(body, is_half=fault == "half")

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 (the base class' names)

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while length := int(self.rfile.readline(), 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _busy(self, status: str, after: str = "") -> None:
        self.send_response(int(status))
        if after:
            self.send_header("Retry-After", after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _pass_on(self, body: bytes, is_half: bool) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in SKIPPED}
        target = self.server.target
        with closing(http.client.HTTPConnection(target.hostname or "", target.port)) as connection:
            connection.request(self.command, self.path, body, headers)
            reply = connection.getresponse()
            self._send(reply, reply.read(), is_half)

    def _send(self, reply: http.client.HTTPResponse, data: bytes, is_half: bool) -> None:
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in SKIPPED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if is_half else data)
        self.close_connection = is_half


@contextmanager
def proxy_to(service: str) -> Iterator[Proxy]:
    """Run a proxy to a service."""
    server = _Server(service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

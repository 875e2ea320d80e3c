"""Verification of a request's `Content-Digest` (RFC 9530).

The digest covers the body as transferred, including any compression. Other algorithms are ignored, as the RFC says; so
is the header of a request whose body is not read.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from starlette.types import Message, Receive, Scope, Send

from models.errors import WrongDigest, shown
from service.edge.http_middleware import HttpMiddleware

HEADER = b"content-digest"
ALGORITHMS: Mapping[str, Callable[[], hashlib._Hash]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
"""The algorithms that RFC 9530 recommends."""
BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):(?:;.*)?")
"""A byte sequence of RFC 9651 with parameters, which are ignored."""


class ContentDigest(HttpMiddleware):
    """ASGI middleware that raises where the application reads the end of the body, for the usual error handling."""

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Verify the digest of a request that has one."""
        if HEADER in dict(scope["headers"]):
            header = b",".join(value for name, value in scope["headers"] if name == HEADER)
            members = _members(header.decode("latin-1"))
            receive = _checking(receive, members) if members else receive
        return self.app(scope, receive, send)


def _members(header: str) -> list[tuple[str, str]]:
    """Return the members of the header with a supported algorithm, as name and value."""
    members = [tuple(part.strip() for part in member.partition("=")[::2]) for member in header.split(",")]
    return [(name, value) for name, value in members if name in ALGORITHMS]


def _checking(receive: Receive, members: Sequence[tuple[str, str]]) -> Receive:
    """Wrap `receive` to raise at the end of a body that does not match its digest."""
    hashes = {name: ALGORITHMS[name]() for name, _ in members}

    async def receive_checked() -> Message:
        message = await receive()
        for digest in hashes.values():
            digest.update(message.get("body", b""))
        if message["type"] == "http.request" and not message.get("more_body", False):
            _check(members, {name: digest.digest() for name, digest in hashes.items()})
            hashes.clear()
        return message

    return receive_checked


def _check(members: Iterable[tuple[str, str]], digests: Mapping[str, bytes]) -> None:
    """Raise WrongDigest if the header has a digest that is malformed or not the body's."""
    for name, value in members:
        if _digest(name, value) != digests[name]:
            expected, received = f"the {name} of the body", f"that of another body: {shown(value, 100)}"
            advice = "compute it over the very bytes that are sent, or send the body again"
            message = "the body is not the one that Content-Digest tells"
            raise WrongDigest.at("", message, expected=expected, received=received, suggestion=advice)


def _digest(name: str, value: str) -> bytes:
    """Return the digest in a member of the header.

    Raises:
        WrongDigest: it is not in the syntax of RFC 9530.
    """
    match = BYTES.fullmatch(value)
    try:
        if match is not None:
            return b64decode(match[1], validate=True)
    except NotBase64:
        pass
    expected = f"Content-Digest: {name}=:<base64>: (RFC 9530)"
    raise WrongDigest.at("", "Content-Digest cannot be read", expected=expected, received=shown(value, 100))

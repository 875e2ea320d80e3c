"""`Content-Digest` of a request (RFC 9530): what came is what was sent, or is refused.

The digest is that of the body as it travels, compressed where it is. Algorithms other than these are passed over, as
the RFC has it; so is the header of a request whose body nobody reads.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Mapping, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import Problem, WrongDigest, shown

HEADER = b"content-digest"
ALGORITHMS: Mapping[str, Callable[[], hashlib._Hash]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
"""Those that RFC 9530 recommends."""
BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):(?:;.*)?")
"""A byte sequence of RFC 9651, and parameters, which mean nothing here."""


class ContentDigest:
    """Raises where the application reads the last of a body, so that the refusal looks like every other error."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and HEADER in dict(scope["headers"]):
            sent = b",".join(value for name, value in scope["headers"] if name == HEADER)
            named = _named(sent.decode("latin-1"))
            receive = _checking(receive, named) if named else receive
        await self.app(scope, receive, send)


def _named(header: str) -> list[tuple[str, str]]:
    """The members of the header that have an algorithm of ours, and what they say."""
    members = [tuple(part.strip() for part in member.partition("=")[::2]) for member in header.split(",")]
    return [(name, value) for name, value in members if name in ALGORITHMS]


def _checking(receive: Receive, named: Sequence[tuple[str, str]]) -> Receive:
    """The same body, whose end is an error where its digest is another."""
    hashes = {name: ALGORITHMS[name]() for name, _ in named}

    async def checked() -> Message:
        message = await receive()
        for one in hashes.values():
            one.update(message.get("body", b""))
        if message["type"] == "http.request" and not message.get("more_body", False):
            _check(named, {name: one.digest() for name, one in hashes.items()})
            hashes.clear()
        return message

    return checked


def _check(named: Iterable[tuple[str, str]], found: Mapping[str, bytes]) -> None:
    """Raises WrongDigest: the header has a digest that is not the body's, or is none."""
    for name, value in named:
        if _digest(name, value) != found[name]:
            expected, received = f"the {name} of the body", f"that of another body: {shown(value, 100)}"
            advice = "compute it over the very bytes that are sent, or send the body again"
            message = "the body is not the one that Content-Digest tells"
            raise WrongDigest("", [Problem("", message, expected, received, advice)])


def _digest(name: str, value: str) -> bytes:
    """The bytes that a member of the header holds.

    Raises:
        WrongDigest: it is not written as RFC 9530 has it.
    """
    written = BYTES.fullmatch(value)
    try:
        if written is not None:
            return b64decode(written[1], validate=True)
    except NotBase64:
        pass
    expected = f"Content-Digest: {name}=:<base64>: (RFC 9530)"
    raise WrongDigest("", [Problem("", "Content-Digest cannot be read", expected, shown(value, 100))])

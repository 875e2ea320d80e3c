"""Which pages may ask: by origin, from browsers, which say where a page is from (RFC 6454, the Fetch standard)."""

from __future__ import annotations

import re
from functools import lru_cache

from service.access.hosts import is_loopback

LOCAL = tuple(f"{scheme}://{host}:*" for scheme in ("http", "https") for host in ("localhost", "127.0.0.1", "[::1]"))
"""What `local` stands for: pages of this machine, on any port."""
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:(\d{1,5}|\*))?")
ANY, NONE = "*", "none"
METHODS = "GET, HEAD, POST, PUT, DELETE"
SENT = "*, Authorization, Accept, Content-Type, If-None-Match, Inference-Header-Content-Length, X-API-Key, X-Request-ID"
"""Headers that a page may send: any. `*` does not stand for Authorization; browsers of before 2022 know no `*`."""
READ = (
    "Allow, Content-Encoding, Content-Length, ETag, Inference-Header-Content-Length, Location, Retry-After,"
    " X-Layerscope-Clipped, X-Layerscope-Nonfinite, X-Layerscope-Normalize, X-Layerscope-Range, X-Request-ID"
)
"""Headers of replies that a page may read."""
PREFLIGHT_SECONDS = 7200
"""How long a browser remembers what it was told; Chromium takes no more."""
KEPT = 256
"""Most origins whose headers are remembered."""
Headers = tuple[tuple[bytes, bytes], ...]


def origins_in(text: str) -> frozenset[str]:
    """The origins of a setting; `https://host:*` has any port.

    Raises:
        ValueError: one is none, in one line.
    """
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if len(words) > 1 and {ANY, NONE} & set(words):
        raise ValueError(f"{ANY} and {NONE} stand alone")
    for word in words:
        if word not in (ANY, NONE, "local") and not ORIGIN.fullmatch(word):
            raise ValueError(
                f'"{word[:100]}" is no origin; write https://host, https://host:port, local, {ANY} or {NONE}'
            )
    spelled = [origin for word in words for origin in (LOCAL if word == "local" else (word,))]
    return frozenset(spelled) - {NONE}


def origins_of(text: str, listens_on: str) -> frozenset[str]:
    """Those that hold for a service that listens there: what is said; where nothing is, what is harmless."""
    return origins_in(text or ("local" if is_loopback(listens_on) else NONE))


class Origins:
    """Who may read replies, and who may have something done."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._all = ANY in allowed
        self._allowed = allowed
        self.headers = lru_cache(KEPT)(self._headers)

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this origin may ask."""
        text = origin.decode("latin-1").lower()
        return self._all or text in self._allowed or f"{re.sub(r':[0-9]+$', '', text)}:*" in self._allowed

    def _headers(self, origin: bytes) -> Headers:
        """What every reply to a page of this origin says, so that the page may read it; nothing, if it may not."""
        if not self.allows(origin):
            return ()
        return (
            (b"access-control-allow-origin", b"*" if self._all else origin),
            (b"access-control-expose-headers", READ.encode()),
        )

    def preflight(self, private_network: bool) -> Headers:
        """What the answer says besides to a browser that asks before it sends what an allowed page wants it to."""
        headers = (
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", SENT.encode()),
            (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
        )
        return (*headers, (b"access-control-allow-private-network", b"true")) if private_network else headers

    def may_act(self, origin: bytes | None, site: bytes, host: bytes) -> bool:
        """Whether a request may change or run something: it is of an allowed page, of one of ours, or of no page.

        `site` is its `Sec-Fetch-Site`, which no page can forge, but which browsers send over HTTPS and to this machine
        only; an allowed page may be of another site.
        """
        if origin is not None and self.allows(origin):
            return True
        if b"cross-site" in site:
            return False
        return origin is None or site in (b"same-origin", b"none") or _is_own(origin, host)


def _is_own(origin: bytes, host: bytes) -> bool:
    """Whether a page is of this service, by the name that it was asked for by. A proxy may have taken HTTPS off."""
    scheme, _, authority = origin.lower().partition(b"://")
    port = b":443" if scheme == b"https" else b":80"
    return bool(host) and authority.removesuffix(port) == host.lower().removesuffix(port)

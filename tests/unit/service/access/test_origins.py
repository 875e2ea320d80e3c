"""Allowed origins and host names."""

from __future__ import annotations

from typing import Any

import pytest

from service.access.hosts import Hosts, hosts_in, is_loopback, is_well_formed
from service.access.origins import Origins, origins_in, origins_of

LOCAL = ["http://localhost", "http://localhost:5173", "https://127.0.0.1:1", "http://[::1]:65535", "HTTP://LOCALHOST:1"]
STRANGE = [
    "https://evil.example", "http://localhost.evil.example", "http://evil.example:5173", "http://localhost:1.evil",
    "http://localhost@evil", "http://localhost:5173/", "localhost", "null", "", "http://127.0.0.1.evil.example",
]  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "listens_on", "allowed", "refused"),
    [
        ("", "127.0.0.1", LOCAL, STRANGE),
        ("", "::1", LOCAL, STRANGE),
        ("", "0.0.0.0", [], LOCAL + STRANGE),  # noqa: S104 (nothing listens)
        ("none", "localhost", [], LOCAL + STRANGE),
        ("*", "0.0.0.0", LOCAL + STRANGE, []),  # noqa: S104 (nothing listens)
        ("https://App.example, local", "box", ["https://app.example", *LOCAL], ["http://app.example", *STRANGE]),
        ("http://a:80, http://b:*", "::1", ["http://a:80", "http://b", "http://b:9"], ["http://a", *LOCAL]),
        ("chrome-extension://abc", "::1", ["chrome-extension://abc"], ["http://abc"]),
    ],
)  # fmt: skip
def test_origins_match_the_setting(setting: str, listens_on: str, allowed: list[str], refused: list[str]) -> None:
    """By default those of this machine, as long as the service listens on loopback only."""
    origins = Origins(origins_of(setting, listens_on))
    assert [origin for origin in allowed if not origins.allows(origin.encode())] == []
    assert [origin for origin in refused if origins.allows(origin.encode())] == []
    assert [origin for origin in refused if origins.headers(origin.encode())] == []


@pytest.mark.parametrize("word", ["null", "localhost", "http://", "http://a/b", "http://*.a", "http://a b", "*, local"])
def test_invalid_origins_are_rejected(word: str) -> None:
    """In one line; `null` is invalid since any site's sandboxes have it."""
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        origins_in(f"https://good.example, {word}" if "," not in word else word)


ACTS: list[tuple[Any, bytes, bytes, bool]] = [
    (None, b"", b"h:8000", True),  # not a browser
    (b"http://app", b"", b"h:8000", True),
    (b"http://app", b"cross-site", b"h:8000", True),
    (b"http://h:8000", b"", b"h:8000", True),  # the service's own page, on a network where browsers send nothing more
    (b"https://h", b"", b"H:443", True),  # behind a TLS-terminating proxy
    (b"http://h", b"", b"h:80", True),
    (b"https://outside", b"same-origin", b"inside:8000", True),  # behind a proxy that forwards under another name
    (b"null", b"same-origin", b"h:8000", True),
    (None, b"none", b"h:8000", True),
    (None, b"cross-site", b"h:8000", False),
    (None, b"cross-site, same-origin", b"h:8000", False),
    (b"null", b"", b"h:8000", False),
    (b"null", b"cross-site", b"h:8000", False),
    (b"http://h:8001", b"same-site", b"h:8000", False),
    (b"http://evil", b"", b"h:8000", False),
    (b"http://evil", b"", b"", False),
    (b"http://", b"", b"", False),
    (b"http://h:8000", b"cross-site", b"h:8000", False),
    (b"", b"", b"h:8000", False),
]


def test_cross_site_requests_are_rejected() -> None:
    """By the Origin and Sec-Fetch-Site headers."""
    origins = Origins(origins_in("http://app"))
    assert [case for case in ACTS if origins.may_act(*case[:3]) is not case[3]] == []


HERE = ["localhost", "LOCALHOST:80", "localhost.:1", "a.localhost", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8000"]
THERE = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.1:80", "[::2]", "0.0.0.0"]  # noqa: S104


@pytest.mark.parametrize(
    ("setting", "listens_on", "known", "unknown"),
    [
        ("", "127.0.0.1", HERE, THERE),
        ("", "0.0.0.0", HERE + THERE, []),  # noqa: S104 (nothing listens)
        ("box.lan, Evil.example", "::1", [*HERE, "BOX.lan:1", "box.lan.", "evil.example"], ["lan", "192.168.0.1"]),
        ("localhost", "0.0.0.0", HERE, THERE),  # noqa: S104 (nothing listens)
        ("*", "127.0.0.1", HERE + THERE, []),
    ],
)
def test_hosts_match_the_setting(setting: str, listens_on: str, known: list[str], unknown: list[str]) -> None:
    """Names of loopback by default; an explicit setting applies to all addresses."""
    hosts = Hosts(hosts_in(setting), listens_on)
    assert [host for host in known if not (is_well_formed(host.encode()) and hosts.knows(host.encode()))] == []
    assert [host for host in unknown if hosts.knows(host.encode())] == []


def test_hosts_must_be_well_formed() -> None:
    """One name or address, with an optional port."""
    for host in (
        b"",
        b"a b",
        b"a/b",
        b"a@b",
        b"a, b",
        b"::1",
        b"a:b",
        b"a:123456",
        b"\xe9",
        b"http://a",
        b"[]",
        b"a:1:2",
    ):
        assert not is_well_formed(host), host
    with pytest.raises(ValueError, match="without scheme"):
        hosts_in("http://a")
    assert not is_loopback("")

"""Addresses that the service listens on, and what the log says of them."""

from __future__ import annotations

import logging
import socket

import pytest

from service.edge.listening import announce, open_listeners
from service.settings import Settings


def has_ipv6() -> bool:
    """Whether the machine has an address of IPv6 for itself."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


HOSTS = ["127.0.0.1", "0.0.0.0", *(["::1", "::"] if has_ipv6() else [])]  # noqa: S104 (closed at once)


@pytest.mark.parametrize("host", HOSTS)
def test_addresses_that_others_can_reach_are_warned_of(host: str, caplog: pytest.LogCaptureFixture) -> None:
    """Every address is in the log, as a URL."""
    settings = Settings(host=host, port=0)
    listeners = open_listeners(settings)
    try:
        with caplog.at_level(logging.INFO, "layerscope"):
            announce(listeners, settings)
        port = listeners[0].getsockname()[1]
        for listener in listeners:
            if listener.family is socket.AF_INET6:
                assert listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    finally:
        for listener in listeners:
            listener.close()
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "layerscope"]
    shown = f"[{host}]" if ":" in host else host
    assert lines[0] == ("INFO", f"listening on http://{shown}:{port}")
    warnings = [text for level, text in lines if level == "WARNING"]
    assert [text.startswith("no authentication: ") for text in warnings] == [True] * (host in ("0.0.0.0", "::"))  # noqa: S104

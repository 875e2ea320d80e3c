"""deploy/replicas/compose.yml: what its instances are given and what its proxy leaves them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from service.engines.process import STOP_SECONDS
from service.server import CANCEL_SECONDS, SEND_SECONDS
from service.settings import PREFIX, Settings
from tests.unit.deploy.proxied import CONFIGURATION

COMPOSE = CONFIGURATION.parent / "compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = YAML(typ="safe").load(COMPOSE)["services"]
    return services


def seconds_of(name: str) -> int:
    """Return a time of the proxy's configuration in seconds."""
    found = re.search(rf"^ *{name} (\d+)(s|m)\b", CONFIGURATION.read_text(), flags=re.MULTILINE)
    assert found, name
    return int(found[1]) * {"s": 1, "m": 60}[found[2]]


def test_the_proxy_alone_is_published_and_only_on_loopback(services: dict[str, Any]) -> None:
    """Instances, which trust its X-Forwarded-For, and the store are reached by no other."""
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"proxy": ["127.0.0.1:${PORT:-8000}:8000"]}
    assert services["layerscope"]["environment"]["FORWARDED_ALLOW_IPS"] == "*"
    assert "http-request set-header X-Forwarded-For %[src]" in CONFIGURATION.read_text()


def test_every_container_is_confined(services: dict[str, Any]) -> None:
    """No capabilities, no new privileges, and a root file system that is read."""
    for service in services.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_instances_share_one_store_and_know_their_settings(services: dict[str, Any]) -> None:
    """Every setting exists, and the bucket is the one that is made."""
    environment = services["layerscope"]["environment"]
    names = {name for name in environment if name.startswith(PREFIX)}
    assert names <= {PREFIX + name.upper() for name in Settings.model_fields}
    bucket = services["bucket"]["entrypoint"][-1].removeprefix("store/")
    assert environment["LAYERSCOPE_DATA_DIR"] == f"s3://{bucket}"
    assert environment["LAYERSCOPE_STORE_SHARED"] == "true"
    assert services["layerscope"]["build"]["args"] == {"EXTRA": "s3"}
    assert services["layerscope"]["deploy"]["replicas"] == 3


def test_the_proxy_may_open_all_connections_of_an_instance(services: dict[str, Any]) -> None:
    """They come from one address, and some are left for those who look at the instance itself."""
    environment = services["layerscope"]["environment"]
    most = int(re.findall(r"weight 100 maxconn (\d+)", CONFIGURATION.read_text())[0])
    assert most < int(environment["LAYERSCOPE_CLIENT_CONNECTIONS"]) <= int(environment["LAYERSCOPE_CONNECTIONS"])


def test_the_proxy_waits_longer_than_an_instance() -> None:
    """So that clients get the instance's own reply: to slow readers, slow uploads, downloads of weights, and runs."""
    settings = Settings()
    longest = max(settings.upload_seconds, settings.fetch_seconds, 2 * settings.deadline, settings.body_seconds)
    assert seconds_of("timeout server") > longest
    assert seconds_of("timeout client") > max(60, settings.body_seconds)
    assert seconds_of("timeout http-request") == settings.head_seconds
    assert seconds_of("timeout http-keep-alive") == settings.idle_seconds


def test_heads_of_any_size_that_the_service_takes_pass() -> None:
    """The proxy's buffer holds the longest address and headers, and what it adds."""
    size = int(re.findall(r"^ *tune.bufsize (\d+)", CONFIGURATION.read_text(), flags=re.MULTILINE)[0])
    assert size > int(Settings().max_headers) + int(Settings().max_url) + 4096


def test_stops_take_as_long_as_the_requests_need(services: dict[str, Any]) -> None:
    """Of instances and of the proxy, which lets its connections end."""
    grace = {name: int(services[name]["stop_grace_period"].removesuffix("s")) for name in ("layerscope", "proxy")}
    deadline = float(services["layerscope"]["environment"]["LAYERSCOPE_DEADLINE"])
    assert grace["layerscope"] > deadline + SEND_SECONDS + CANCEL_SECONDS + STOP_SECONDS
    assert grace["proxy"] > seconds_of("hard-stop-after") > grace["layerscope"]

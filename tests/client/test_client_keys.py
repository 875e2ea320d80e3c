"""The Python client with a key, and what a service that wants one says without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from layerscope_client import AsyncLayerscope, Layerscope, errors

from service.access.keys import new_key
from tests.client.conftest import DOCUMENT

if TYPE_CHECKING:
    from tests.conftest import Server


def test_a_key(start_stub_server: Callable[..., AbstractContextManager[Server]], tmp_path: Path) -> None:
    """Is sent with every request and shown nowhere; without one, or with the wrong one, the error says so."""
    secret, line = new_key("me")
    (tmp_path / "keys").write_text(f"{line} role=register")
    with start_stub_server(tmp_path / "store", KEYS=str(tmp_path / "keys")) as server:
        with Layerscope(server.url, secret) as ls:
            ls.put("mine", DOCUMENT)
            assert list(ls) == ["mine"]
            assert secret not in f"{ls!r} {ls['mine']!r} {vars(ls)}"
        assert asyncio.run(_names(server.url, secret)) == ["mine"]
        for wrong in (None, secret[:-1] + "x"):
            with Layerscope(server.url, wrong) as ls, pytest.raises(errors.Unauthorized) as caught:
                ls.models()
            assert caught.value.status == 401


async def _names(url: str, key: str) -> list[str]:
    async with AsyncLayerscope(url, key) as ls:
        return [model.name for model in await ls.models()]


def test_a_key_is_not_sent_elsewhere() -> None:
    """Redirections are not followed: they are an error."""
    seen: list[str] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(307, headers={"Location": "http://elsewhere/v1/models"})

    with httpx.Client(transport=httpx.MockTransport(elsewhere)) as client, pytest.raises(errors.Refused):
        Layerscope("http://here", "secret", client=client).models()
    assert seen == ["here"]

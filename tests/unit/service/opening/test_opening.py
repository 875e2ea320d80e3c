"""`layerscope open` and the service that it talks to: what it prints, and how it fails."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from service.opening.description import description_of, notes_of, problems_of
from service.opening.failure import OpeningFailed
from service.opening.models import models_of
from service.opening.page import page_of
from service.opening.running_service import RunningService, running_service
from service.settings import Settings
from tests.conftest import free_port
from tests.unit.serving import StoppedPool, StubPool, running, wait_until

BOTH = [{"type": "Concatenate", "inputs": ["a", "b"]}]
PAIR = {"a": {"shape": [200]}, "b": {"shape": [200]}}


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ([28, 28, 1], "-F image=@picture.png"),
        ([28, 28, 2], "-F tensor=@inputs.npy"),
        ([300], "-F tensor=@inputs.npy"),
        (PAIR, "-F tensor=@inputs.npz"),
        ([None, 2], """-H 'Content-Type: application/json' -d '{"inputs": [[[0, 0]]]}'"""),
    ],
)
async def test_the_printed_command_suits_the_inputs(tmp_path: Path, given: Any, arguments: str) -> None:
    """A picture where the network takes one, files in place of many numbers, else zeros."""
    layers = BOTH if given is PAIR else [{"type": "ReLU"}]
    async with running(tmp_path, pool=StubPool) as one, httpx.AsyncClient(base_url=one.url, timeout=60) as client:
        (await client.put("/v1/models/net", json={"input": given, "layers": layers})).raise_for_status()
        text = await asyncio.to_thread(description_of, RunningService("127.0.0.1", one.port), "net")
    command = f"curl -sS {one.url}/v1/models/net/activations {arguments}"
    assert text.endswith(f"\n  {command}\n  {command} -H 'Accept: application/x-npz' -o net.npz\n")


@pytest.mark.parametrize(("size", "shown"), [(5_000, True), (6_500, False)])
def test_the_page_shows_a_picture_that_fits_into_its_address(tmp_path: Path, size: int, shown: bool) -> None:
    """In the notation of the page's state; of a larger one a note says what to do."""
    picture = tmp_path / "a b.png"
    picture.write_bytes(bytes(index % 251 for index in range(size)))
    address, note = page_of(RunningService("127.0.0.1", 8000), "net", picture)
    state = dict(parse_qsl(urlsplit(address).fragment))
    assert address.startswith("http://127.0.0.1:8000/#model=net")
    assert (state.get("input", "").startswith("png:"), str(picture) in note) == (shown, not shown)
    if shown:
        assert base64.b64decode(state["input"].removeprefix("png:")) == picture.read_bytes()


def test_labels_and_a_picture_belong_to_the_model_before(tmp_path: Path) -> None:
    """Pictures are known by their bytes; each model has one of either at most."""
    net, labels, picture = tmp_path / "net.json", tmp_path / "labels.txt", tmp_path / "digit"
    for file, data in ((net, b"{}"), (labels, b"a"), (picture, b"\x89PNG\r\n\x1a\n")):
        file.write_bytes(data)
    together = {"model": net, "labels": labels, "image": picture}
    assert models_of([net, labels, picture, net]) == [together, {"model": net}]
    for files in ([picture], [net, picture, picture]):
        with pytest.raises(OpeningFailed, match="digit has no model of its own: pictures follow the file"):
            models_of(files)


async def test_a_model_that_is_gone_is_reported(tmp_path: Path) -> None:
    """In the words of the service."""
    async with running(tmp_path, pool=StubPool) as one:
        with pytest.raises(OpeningFailed, match="none"):
            await asyncio.to_thread(description_of, RunningService("127.0.0.1", one.port), "none")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b"\xff", b'{"errors": [{}], "notes": [{}]}', b'{"errors": 1}']
)
def test_replies_of_other_services_are_no_problem_documents(body: bytes) -> None:
    """They are named as such, and have no notes."""
    assert problems_of(body) == "the reply is no problem document"
    assert notes_of(body) == ""


def test_problems_are_lines() -> None:
    """Each with its pointer, and its advice if there is one."""
    problem = {"pointer": "/a", "message": "m", "expected": "e", "received": "r"}
    body = json.dumps({"detail": "d", "errors": [problem, {**problem, "suggestion": "s"}]}).encode()
    assert problems_of(body) == "d\n  /a: m; expected e; received r\n  /a: m; expected e; received r; s"


async def test_a_service_without_an_engine_is_not_awaited_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named with its address, and goes on."""
    monkeypatch.setattr(sys.modules[RunningService.__module__], "START_SECONDS", 0.0)

    def opened(port: int) -> None:
        with running_service(Settings(port=port)):
            raise AssertionError("it is not ready")

    async with running(tmp_path, pool=StoppedPool) as one:
        await wait_until(lambda: one.server.started)
        with pytest.raises(OpeningFailed) as failed:
            await asyncio.to_thread(opened, one.port)
        assert str(failed.value) == f"the service at {one.url} is not ready after 0 s"
        one.engines.resume()


def test_a_service_that_ends_as_it_starts_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here because its store is a file; its own line says why."""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LAYERSCOPE_DATA_DIR", str(tmp_path / "file"))
    with (
        pytest.raises(OpeningFailed, match="the service ends as it starts"),
        running_service(Settings(port=free_port())),
    ):
        raise AssertionError("it is not ready")

"""What the Python client does when the service is busy, gone, cut short, or of a later version."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import numpy as np
import pytest
from layerscope_client import AsyncLayerscope, Layerscope, Model, errors
from layerscope_client.replies import Report

from tests.client.conftest import DIGIT, DOCUMENT, Array
from tests.client.proxy import Proxy, proxy_to

if TYPE_CHECKING:
    from tests.conftest import Server

PAUSES = (0.02, 0.05)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the reply does not say how long to wait, tests do not wait long."""
    monkeypatch.setattr("layerscope_client.calls.PAUSES", PAUSES)


@pytest.fixture
def proxy(server: Server, model: Model) -> Iterator[Proxy]:
    """A proxy to the service, on which `client` is registered."""
    with proxy_to(server.url) as running:
        yield running


@pytest.fixture
def expected(model: Model) -> Array:
    """The array of a run without faults."""
    return model.activations(DIGIT, "head")["head"]


Run = Callable[[str], Array]


@pytest.fixture(params=["waiting", "awaited", "httpx2", "awaited httpx2"])
def run(request: pytest.FixtureRequest) -> Run:
    """`run(url)`: the array of a run by each client over each library."""

    def waiting(url: str) -> Array:
        with httpx2.Client() if "httpx2" in request.param else httpx.Client() as client:
            return Layerscope(url, client=client)["client"].activations(DIGIT, "head")["head"]

    async def awaited(url: str) -> Array:
        client = httpx2.AsyncClient() if "httpx2" in request.param else httpx.AsyncClient()
        async with client, AsyncLayerscope(url, client=client) as ls:
            return (await ls["client"].activations(DIGIT, "head"))["head"]

    return (lambda url: asyncio.run(awaited(url))) if "awaited" in request.param else waiting


@pytest.mark.parametrize("faults", [["503"], ["hang up"], ["half"], ["429", "503"], ["half", "hang up"], ["503 0"]])
def test_what_passes_is_tried_again(run: Run, proxy: Proxy, expected: Array, faults: list[str]) -> None:
    """Twice, with the same request, and the run succeeds."""
    proxy.faults[:] = faults
    np.testing.assert_array_equal(run(proxy.url), expected)
    assert len(proxy.times) == len(faults) + 1
    assert len({len(body) for body in proxy.bodies}) == 1


def test_retry_after_is_honoured(run: Run, proxy: Proxy) -> None:
    """The next request comes no sooner."""
    proxy.faults[:] = ["503 1", "429 1"]
    run(proxy.url)
    assert [after - before >= 1 for before, after in pairwise(proxy.times)] == [True, True]


@pytest.mark.parametrize(
    ("fault", "error"), [("503", errors.Refused), ("hang up", errors.ConnectionLost), ("half", errors.ConnectionLost)]
)
def test_what_does_not_pass_is_an_error(run: Run, proxy: Proxy, fault: str, error: type[Exception]) -> None:
    """After the third time."""
    proxy.faults[:] = [fault] * 3
    with pytest.raises(error):
        run(proxy.url)
    assert (len(proxy.times), proxy.faults) == (3, [])


def test_a_long_wait_is_an_error_at_once(run: Run, proxy: Proxy) -> None:
    """Which says how long."""
    proxy.faults[:] = ["429 3600"]
    with pytest.raises(errors.Refused) as caught:
        run(proxy.url)
    assert (caught.value.retry_after, len(proxy.times)) == (3600, 1)


def test_uploads_are_tried_again_whole(proxy: Proxy, ls: Layerscope) -> None:
    """With their weights from the disk, to the last bit."""
    weights = {name: np.full_like(array, 0.5) for name, array in ls["client"].weights().items()}
    proxy.faults[:] = ["503", "hang up"]
    with Layerscope(proxy.url) as through:
        again = through.put("again", DOCUMENT, weights=weights)
        assert len({len(body) for body in proxy.bodies}) == 1
        assert all((array == 0.5).all() for array in again.weights().values())


def test_streams_are_tried_again_until_they_begin(proxy: Proxy) -> None:
    """What is cut short afterwards is an error: layers are not sent twice."""
    with Layerscope(proxy.url) as ls:
        proxy.faults[:] = ["503", "hang up"]
        assert len(list(ls["client"].stream(DIGIT))) == 4
        proxy.faults[:] = ["half"]
        layers = ls["client"].stream(DIGIT)
        with pytest.raises(errors.ConnectionLost):
            list(layers)


def test_removals_are_not_tried_again(proxy: Proxy, ls: Layerscope) -> None:
    """The name may be gone already, which would be an error."""
    ls.put("removed", DOCUMENT)
    proxy.faults[:] = ["hang up"]
    with Layerscope(proxy.url) as through, pytest.raises(errors.ConnectionLost):
        del through["removed"]
    assert len(proxy.times) == 1


def test_no_reply_in_time(ls: Layerscope, start_server: Any) -> None:
    """Is not asked for again, while the service may still be at work."""
    with (
        httpx.Client(transport=httpx.MockTransport(_never)) as client,
        pytest.raises(errors.TimedOut, match="more time"),
    ):
        Layerscope("http://nowhere", client=client).models()


def _never(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("", request=request)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost"])
def test_an_address_that_is_none(url: str) -> None:
    """Says to check it."""
    with Layerscope(url) as ls, pytest.raises(errors.LayerscopeError, match="check the URL"):
        ls.models()


def test_a_service_of_a_later_version(server: Server, model: Model) -> None:
    """Members that this client does not know are there by name; what is missing is said when it is asked for."""

    def later(request: httpx.Request) -> httpx.Response:
        body = {"model": {"name": "client", "id": "x", "mood": "good"}, "layers": [{"address": "a", "colour": "red"}],
                "findings": [], "weather": {"rain": True}}  # fmt: skip
        return httpx.Response(200, json=body)

    with httpx.Client(transport=httpx.MockTransport(later)) as client:
        report: Report = Layerscope("http://later", client=client)["client"].diagnose(DIGIT)
    assert (report.weather.rain, report.model.mood, report.layers["a"].colour) == (True, "good", "red")
    assert "0 found" in report._repr_html_()
    with pytest.raises(AttributeError, match="there is no timing"):
        _ = report.timing


async def test_two_hundred_at_sixteen(als: AsyncLayerscope, model: Model, expected: Array) -> None:
    """Sixteen requests at once, until there are two hundred: each has its own reply."""
    gate = asyncio.Semaphore(16)

    async def one(number: int) -> Array:
        async with gate:
            inputs = np.full((1, 28, 28, 1), number, np.uint8)
            return (await als["client"].activations(inputs, "input", stats=False))["input"]

    arrays = await asyncio.gather(*map(one, range(200)))
    assert [int(array[0, 0, 0, 0]) for array in arrays] == list(range(200))


def test_a_service_that_is_killed_and_comes_back(
    start_stub_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a hundred calls: each succeeds or says that the connection is lost; then all succeed again."""
    monkeypatch.setattr("layerscope_client.calls.PAUSES", (0.1, 0.3))
    results: list[str] = []
    with start_stub_server(tmp_path) as first, Layerscope(first.url) as ls:
        ls.put("client", DOCUMENT)
        killer = threading.Timer(0.2, first.process.kill)
        killer.start()
        while len(results) < 50 or results[-1] == "reply":
            results.append(_outcome(ls))
        first.process.wait()
        with start_stub_server(tmp_path, PORT=str(first.client.base_url.port)):
            results += [_outcome(ls) for _ in range(50)]
    assert set(results) == {"reply", "lost"}
    assert results[-50:] == ["reply"] * 50


def _outcome(ls: Layerscope) -> str:
    time.sleep(0.005)
    try:
        ls["client"].plan()
    except errors.ConnectionLost:
        return "lost"
    return "reply"

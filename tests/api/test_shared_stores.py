"""Instances that share a store, over sockets: what one changes, the other has; what one is killed in, is whole."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from service.settings import load
from service.starting import store_of

if TYPE_CHECKING:
    from tests.conftest import Server

Start = Callable[..., AbstractContextManager["Server"]]
SHARED = {"STORE_SHARED": "true"}
SELDOM = {**SHARED, "STORE_SECONDS": "3600"}
"""An instance that looks at the store when something is missing."""


def document(units: int) -> dict[str, Any]:
    """A document that differs by its units."""
    return {"input": [4], "layers": [{"type": "Dense", "units": units}]}


def run(server: Server, name: str) -> int:
    """Run a model, and return the status."""
    return server.post(f"/v1/models/{name}/activations", json={"inputs": [[1, 2, 3, 4]], "data": "none"}).status_code


@pytest.fixture(scope="module", params=["folder", "s3"])
def pair(
    request: pytest.FixtureRequest, start_stub_server: Start, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Two instances on one store: one that follows changes, and one that looks when something is missing."""
    if request.param == "folder":
        url = str(tmp_path_factory.mktemp("shared"))
    else:
        url = f"{request.getfixturevalue('bucket')}/{uuid4().hex}"
    with start_stub_server(url, **SHARED) as one, start_stub_server(url, **SELDOM) as other:
        yield one, other


def test_a_new_model_is_found_at_once(pair: tuple[Server, Server]) -> None:
    """By name on every route that takes one, by id, and under `/v2`."""
    one, other = pair
    ids = [one.client.put(f"/v1/models/n{number}", json=document(number + 1)).json()["id"] for number in range(7)]
    assert run(other, "n0") == 200
    assert other.client.get(f"/v1/models/{ids[1]}").json()["name"] == "n1"
    assert other.post("/v1/plan?model=n2", json={}).status_code == 200
    assert other.client.get("/v2/models/n3").status_code == 200
    assert other.post("/v2/repository/models/n4/unload").json()["state"] == "UNAVAILABLE"
    assert other.client.get("/v1/models/n5/weights").status_code == 200
    assert other.client.delete("/v1/models/n6").status_code == 204
    one.wait_until(lambda: one.client.get("/v1/models/n6").status_code == 404)
    missing = other.client.get("/v1/models/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_changes_are_followed(pair: tuple[Server, Server]) -> None:
    """An instance that asks for nothing has another's model, and its removal, in its list."""
    one, other = pair

    def listed() -> dict[str, str]:
        return {row["name"]: row["id"] for row in one.client.get("/v1/models").json()["models"]}

    for units in (1, 2):
        entry = other.client.put("/v1/models/followed", json=document(units)).json()
        one.wait_until(lambda entry=entry: listed().get("followed") == entry["id"])
    other.client.delete("/v1/models/followed")
    one.wait_until(lambda: "followed" not in listed())
    text = one.client.get("/metrics").text
    assert "layerscope_store_refresh_failures_total 0.0" in text
    assert float(text.split("\nlayerscope_store_refresh_age_seconds ")[1].split()[0]) < 60


def test_of_two_uploads_of_weights_one_is_superseded(
    pair: tuple[Server, Server],
) -> None:
    """Both began with the same model, each on its instance."""
    one, other = pair
    empty = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"
    assert one.client.put("/v1/models/raced", json=document(1)).status_code == 201
    assert other.client.get("/v1/models/raced").status_code == 200
    with other.begun("PUT", "/v1/models/raced/weights", len(empty)) as connection:
        one.client.put("/v1/models/raced", json=document(2)).raise_for_status()
        connection.send(empty)
        reply = connection.getresponse()
        assert reply.status == 503
        assert b'"superseded"' in reply.read()


def test_a_killed_instance_leaves_whole_models_and_holds_nothing_up(start_stub_server: Start, tmp_path: Path) -> None:
    """Twelve writers on an instance that is killed: the other lists none that is not whole, and goes on writing."""
    with start_stub_server(tmp_path, **SHARED) as one, start_stub_server(tmp_path, **SHARED) as other:

        def write(number: int) -> int:
            try:
                return one.client.put(f"/v1/models/m{number % 5}", json=document(number + 1)).status_code
            except Exception:  # of a connection whose other end is dead
                return 0

        with ThreadPoolExecutor(12) as pool:
            statuses = [pool.submit(partial(write, number)) for number in range(200)]
            statuses[20].result()
            one.process.send_signal(signal.SIGKILL)
            one.process.wait()
            done = [status.result() for status in statuses]
        assert 0 in done
        assert other.client.put("/v1/models/after", json=document(1)).status_code == 201
        other.wait_until(lambda: len(other.client.get("/v1/models").json()["models"]) == 6)
        listed = other.client.get("/v1/models").json()
        assert "damaged" not in listed
        assert [run(other, row["name"]) for row in listed["models"]] == [200] * 6


@pytest.mark.parametrize(
    ("setting", "said"),
    [("STORE_SHARED", "LAYERSCOPE_DATA_DIR: "), ("MODELS", "LAYERSCOPE_MODELS: the models of memory")],
)
def test_what_cannot_be_shared_or_listed_ends_the_start(setting: str, said: str) -> None:
    """With one line that says why."""
    value = "true" if setting == "STORE_SHARED" else f"memory://{uuid4().hex}"
    settings = load(data_dir=f"memory://{uuid4().hex}", **{setting.lower(): value})
    with pytest.raises(SystemExit) as end:
        store_of(settings)
    assert str(end.value).startswith(f"layerscope: {said}")
    assert "\n" not in str(end.value)

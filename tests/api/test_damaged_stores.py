"""Responses when the model store is damaged, read-only or missing; they never disclose its location."""

from __future__ import annotations

import errno
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from asgi_lifespan import LifespanManager
from safetensors.numpy import save

from service.app import create_app
from service.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Server

FLATTEN = [{"type": "Flatten"}]
DOCUMENT = b'{"input": [2], "layers": [{"type": "Dense", "units": 2}]}'
WEIGHTS = {"dense/kernel": np.array([[1, 2], [3, 4]], "f4"), "dense/bias": np.array([10, 20], "f4")}
RUN = {"inputs": [[1, 1]], "data": "none"}


class NoEngines:
    """An engine pool for requests that do not reach an engine."""

    draining = False

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def states(self) -> list[Any]:
        """Return no states."""
        return []


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the service over a store."""
    app = create_app(Settings(data_dir=str(folder)), NoEngines())  # type: ignore[arg-type]
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


def check(reply: httpx.Response, code: str, *said: str) -> None:
    """Check for a 503 with this code and these words that discloses no local paths."""
    assert (reply.status_code, reply.json()["code"]) == (503, code), reply.text
    assert reply.headers["retry-after"]
    assert all(word in reply.text for word in said), reply.text
    assert not any(word in reply.text for word in ("/tmp", "secret", "objects/", ".json")), reply.text  # noqa: S108


def failing_call(number: int) -> Callable[..., None]:
    """Build a replacement of a file system call that raises this error."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, "a secret: /tmp/secret")

    return refuse


async def test_a_read_only_store_rejects_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put, upload and delete fail for every errno that means read-only, and change nothing."""
    async with serve(tmp_path) as client:
        assert (await client.put("/v1/models/m", json=FLATTEN)).status_code == 201
        listed = (await client.get("/v1/models")).json()
        for number in (errno.EROFS, errno.EACCES, errno.EPERM):
            with monkeypatch.context() as patched:
                for call in ("os.replace", "os.remove", "tempfile._os.mkdir"):
                    patched.setattr(call, failing_call(number))
                check(await client.put("/v1/models/n", json=FLATTEN), "store_read_only")
                check(await client.put("/v1/models/m", json=[{"type": "ReLU"}]), "store_read_only")
                check(await client.put("/v1/models/m/weights", content=b"x"), "store_read_only")
                check(await client.put("/v1/models/m", files={"weights": b"x"}), "store_read_only")
                check(await client.delete("/v1/models/m"), "store_read_only")
            assert (await client.get("/v1/models")).json() == listed
        assert (await client.get("/v1/models/m?as=document")).status_code == 200


async def test_corrupt_name_files_are_reported(tmp_path: Path) -> None:
    """The service starts, lists each with its fault, serves it as damaged, and DELETE or PUT replaces it."""
    async with serve(tmp_path) as client:
        kept = (await client.put("/v1/models/kept", json=FLATTEN)).json()
    for name, data in (("a", b""), ("b", b"{"), ("c", b'{"name":"c","version":2}')):
        (tmp_path / "names" / f"{name}.json").write_bytes(data)
    async with serve(tmp_path) as client:
        problems = {
            "a": "it is empty",
            "b": "it is not JSON",
            "c": 'it has "version", which a newer version may have written',
        }
        listed = [{"name": name, "problem": said} for name, said in problems.items()]
        assert (await client.get("/v1/models")).json() == {"models": [kept], "damaged": listed}
        index = (await client.post("/v2/repository/index")).json()
        assert {one["name"]: one["reason"] for one in index if one["state"] == "UNAVAILABLE"} == problems
        for path in ("/v1/models/a", "/v1/models/a/weights", "/v1/models/a/layers/x/weights", "/v2/models/a"):
            check(await client.get(path), "model_damaged", '\\"a\\"')
        for path in ("/v1/models/a/activations", "/v1/plan?model=a", "/v2/models/a/infer"):
            check(await client.post(path, json={}), "model_damaged", '\\"a\\"')
        reported = await client.post("/v1/plan", json={"model": "a"})
        assert (reported.status_code, reported.json()["code"]) == (422, "invalid_document"), reported.text
        assert (await client.delete("/v1/models/a")).status_code == 204
        assert (await client.put("/v1/models/b", json=FLATTEN)).status_code == 201
        assert (await client.delete("/v1/models/c")).status_code == 204
        body = (await client.get("/v1/models")).json()
        assert ([one["name"] for one in body["models"]], list(body)) == (["b", "kept"], ["models"])


async def test_a_deleted_store_is_reported_per_model(tmp_path: Path) -> None:
    """Runs of its models report the name; later writes recreate the store."""
    async with serve(tmp_path) as client:
        await client.put("/v1/models/m", json=FLATTEN)
    async with serve(tmp_path) as client:
        shutil.rmtree(tmp_path)
        check(await client.post("/v1/models/m/activations", json=RUN), "model_damaged", '\\"m\\"', "PUT /v1/models/m")
        assert (await client.put("/v1/models/n", json=FLATTEN)).status_code == 201
        assert (await client.delete("/v1/models/m")).status_code == 204
    async with serve(tmp_path) as client:
        assert [one["name"] for one in (await client.get("/v1/models")).json()["models"]] == ["n"]


def test_damaged_weights_are_reported_and_replaced(server: Server) -> None:
    """Runs name the model; uploading the same weights again repairs it."""
    put = server.client.put("/v1/models/damaged", files={"model": DOCUMENT, "weights": save(WEIGHTS)}).json()
    stored = server.data_dir / "weights" / f"{put['weights'].removeprefix('sha256:')}.safetensors"
    stored.write_bytes(stored.read_bytes()[:-4])
    check(
        server.post("/v1/models/damaged/activations", json=RUN), "model_damaged", '\\"damaged\\"', "weights are damaged"
    )
    again = server.client.put("/v1/models/damaged/weights", content=save(WEIGHTS))
    assert (again.status_code, again.json()["id"]) == (200, put["id"])
    assert server.post("/v1/models/damaged/activations", json=RUN).status_code == 200
    server.client.delete("/v1/models/damaged")

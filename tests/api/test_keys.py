"""A service with keys: who may do what, spaces that know nothing of one another, and a file of keys that changes."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from service.access.keys import new_key

if TYPE_CHECKING:
    from tests.conftest import Server

NETWORK = {"input": [4], "layers": [{"type": "Dense", "units": 2, "name": "out"}]}
RUN = {"inputs": [[1.0, 2.0, 3.0, 4.0]]}
CLIENTS = {
    "user": "", "registrar": "role=register", "stranger": "space=elsewhere role=register", "boss": "role=admin",
}  # fmt: skip


@dataclass(frozen=True)
class KeyedServer:
    """A service with a key for each of CLIENTS."""

    server: Server
    file: Path
    lines: dict[str, str]
    secrets: dict[str, str]

    def ask(self, client: str | None, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request with a client's key, by turns in either header; None sends none."""
        headers = dict(arguments.pop("headers", {}))
        if client is not None:
            secret = self.secrets.get(client, client)
            headers |= {"X-API-Key": secret} if method == "GET" else {"Authorization": f"Bearer {secret}"}
        return self.server.client.request(method, path, headers=headers, **arguments)


@pytest.fixture(scope="module")
def keyed(
    tmp_path_factory: pytest.TempPathFactory, start_server: Callable[..., AbstractContextManager[Server]]
) -> Iterator[KeyedServer]:
    """A service with keys, and a model `net` in the default space."""
    folder = tmp_path_factory.mktemp("keyed")
    made = {name: new_key(name) for name in CLIENTS}
    lines = {name: f"{line} {CLIENTS[name]}" for name, (_, line) in made.items()}
    file = folder / "keys"
    file.write_text("\n".join(lines.values()))
    with start_server(folder / "store", KEYS=str(file)) as server:
        keyed = KeyedServer(server, file, lines, {name: secret for name, (secret, _) in made.items()})
        keyed.ask("registrar", "PUT", "/v1/models/net", json=NETWORK).raise_for_status()
        yield keyed


ROUTES = [
    ("GET", "/v1/models", {}, 200),
    ("GET", "/v1/layers", {}, 200),
    ("POST", "/v1/plan", {"json": {"model": NETWORK}}, 200),
    ("POST", "/v1/activations", {"json": {"model": NETWORK, **RUN}}, 200),
    ("GET", "/v1/models/net", {}, 200),
    ("GET", "/v1/models/net/weights", {}, 200),
    ("POST", "/v1/models/net/activations", {"json": RUN}, 200),
    ("POST", "/v2/repository/index", {"json": {}}, 200),
    ("GET", "/v2/models/net", {}, 200),
    ("GET", "/v2/models/net/ready", {}, 200),
    ("GET", "/v2/models/net/stats", {}, 200),
    ("GET", "/nothing", {}, 404),
]
CHANGES = [
    ("PUT", "/v1/models/other", {"json": NETWORK}),
    ("PUT", "/v1/models/other/weights", {"content": b"x"}),
    ("DELETE", "/v1/models/other", {}),
    ("POST", "/v2/repository/models/net/unload", {"json": {}}),
    ("POST", "/v2/repository/models/net/load", {"json": {}}),
]


@pytest.mark.parametrize(("method", "path", "arguments", "status"), ROUTES)
def test_a_route_needs_a_key_and_says_the_same_without_one_and_with_a_wrong_one(
    keyed: KeyedServer, method: str, path: str, arguments: dict[str, Any], status: int
) -> None:
    """Nothing but the request id tells a missing key from a wrong one."""
    without, wrong = (keyed.ask(client, method, path, **arguments) for client in (None, "ls_wrong"))
    assert without.status_code == wrong.status_code == 401
    assert without.headers["WWW-Authenticate"] == wrong.headers["WWW-Authenticate"] == 'Bearer realm="layerscope"'
    bodies = [reply.json() | {"request_id": ""} for reply in (without, wrong)]
    assert bodies[0] == bodies[1]
    assert keyed.ask("user", method, path, **arguments).status_code == status


@pytest.mark.parametrize(("method", "path", "arguments"), CHANGES)
def test_a_change_needs_a_larger_role(keyed: KeyedServer, method: str, path: str, arguments: dict[str, Any]) -> None:
    """Putting, removing, loading and unloading are for `register` and `admin`."""
    assert keyed.ask(None, method, path, **arguments).status_code == 401
    refused = keyed.ask("user", method, path, **arguments)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    for client in ("registrar", "boss"):
        assert keyed.ask(client, method, path, **arguments).status_code not in (401, 403)


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/v2/health/live", "/v2/health/ready"]
)
def test_health_and_pages_need_no_key(keyed: KeyedServer, path: str) -> None:
    """What a load balancer and a browser ask for first is open."""
    assert keyed.ask(None, "GET", path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "arguments"), [route[:3] for route in ROUTES if "net" in route[1]] + CHANGES[1:4]
)
def test_models_of_another_space_do_not_exist(
    keyed: KeyedServer, method: str, path: str, arguments: dict[str, Any]
) -> None:
    """Neither a name, nor an id, nor a suggestion leads into another space."""
    body = keyed.ask("user", "GET", "/v1/models/net").json()
    for reference in ("net", body["id"]):
        reply = keyed.ask("stranger", method, path.replace("net", reference).replace("other", "net"), **arguments)
        assert reply.status_code in (404, 400)
        assert body["created"] not in reply.text
        nearest = keyed.ask("stranger", method, path.replace("net", "nett").replace("other", "nett"), **arguments)
        assert '"net"' not in nearest.text


def test_lists_have_the_models_of_the_space_alone(keyed: KeyedServer) -> None:
    """Both lists."""
    assert keyed.ask("stranger", "GET", "/v1/models").json() == {"models": []}
    assert keyed.ask("stranger", "POST", "/v2/repository/index", json={}).json() == []
    assert [row["name"] for row in keyed.ask("user", "GET", "/v1/models").json()["models"]] == ["net"]


def test_the_same_name_is_another_model_in_another_space(keyed: KeyedServer) -> None:
    """A conditional request confirms nothing of another space either."""
    wider = NETWORK | {"layers": [{"type": "Dense", "units": 3, "name": "out"}]}
    assert keyed.ask("stranger", "PUT", "/v1/models/net", json=wider).status_code == 201
    shapes = [
        keyed.ask(client, "POST", "/v1/models/net/activations", json=RUN).json()["layers"][0]["shape"]
        for client in ("user", "stranger")
    ]
    assert shapes == [[1, 2], [1, 3]]
    tag = keyed.ask("user", "POST", "/v1/models/net/activations", json=RUN).headers["ETag"]
    assert keyed.ask("stranger", "DELETE", "/v1/models/net").status_code == 204
    conditional = {"If-None-Match": tag}
    reply = keyed.ask("stranger", "POST", "/v1/models/net/activations", json=RUN, headers=conditional)
    assert reply.status_code == 404
    assert keyed.ask("user", "POST", "/v1/models/net/activations", json=RUN, headers=conditional).status_code == 304


def test_the_file_is_read_again_while_requests_come(keyed: KeyedServer) -> None:
    """After a signal, and without one; a wrong file changes nothing."""
    lines = dict(keyed.lines)
    keyed.file.write_text("\n".join(line for name, line in lines.items() if name != "boss"))
    keyed.server.process.send_signal(signal.SIGHUP)
    keyed.server.wait_until(lambda: keyed.ask("boss", "GET", "/v1/models").status_code == 401)
    assert keyed.ask("user", "GET", "/v1/models").status_code == 200
    keyed.file.write_text("a wrong line\n")
    time.sleep(2.5)
    assert keyed.ask("user", "GET", "/v1/models").status_code == 200
    keyed.file.write_text("\n".join(lines.values()))
    keyed.server.wait_until(lambda: keyed.ask("boss", "GET", "/v1/models").status_code == 200)


def test_a_key_spends_multiply_adds_and_bytes_by_the_plan(
    tmp_path: Path, start_server: Callable[..., AbstractContextManager[Server]]
) -> None:
    """A run of `wide` costs 4 × 1000 multiply-adds; a part of the network costs that part alone."""
    wide = {"input": [4], "layers": [{"type": "Dense", "units": 1000}, {"type": "Dense", "units": 1000}]}
    made = {name: new_key(name) for name in ("few", "bytes", "free")}
    limits = {"few": "macs_per_minute=8000", "bytes": "bytes_per_minute=20kB", "free": "role=register"}
    file = tmp_path / "keys"
    file.write_text("\n".join(f"{line} {limits[name]}" for name, (_, line) in made.items()))
    with start_server(tmp_path / "store", KEYS=str(file)) as server:
        keyed = KeyedServer(server, file, {}, {name: secret for name, (secret, _) in made.items()})
        keyed.ask("free", "PUT", "/v1/models/wide", json=wide).raise_for_status()

        def run(client: str, layers: str) -> httpx.Response:
            path = f"/v1/models/wide/activations?layers={layers}"
            return keyed.ask(client, "POST", path, json=RUN, headers={"Accept": "application/vnd.safetensors"})

        assert [run("few", "dense").status_code for _ in range(3)] == [200, 200, 429]
        refused = run("few", "dense").json()
        assert (refused["code"], refused["errors"][0]["expected"]) == ("rate_limited", "8,000 multiply-adds a minute")
        assert "4,000 multiply-adds" in refused["errors"][0]["message"]
        assert 1 <= int(run("few", "dense").headers["Retry-After"]) <= 30
        tensor = {"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
        assert keyed.ask("few", "POST", "/v2/models/wide/infer", json={"inputs": [tensor]}).status_code == 429
        assert [run("bytes", "dense").status_code for _ in range(6)] == [200, 200, 200, 200, 429, 429]
        weights = [keyed.ask("bytes", "GET", "/v1/models/wide/weights").status_code for _ in range(2)]
        assert weights == [200, 429]  # what they are is known once they are read, and then owed
        assert [run("free", "dense").status_code for _ in range(20)] == [200] * 20


@pytest.mark.parametrize("is_chunked", [False, True])
def test_an_upload_costs_its_bytes(
    tmp_path: Path, start_stub_server: Callable[..., AbstractContextManager[Server]], is_chunked: bool
) -> None:
    """By its Content-Length before anything of it is read; without one afterwards, by what has come."""
    (secret, line), (other, free) = new_key("few"), new_key("free")
    file = tmp_path / "keys"
    file.write_text(f"{line} role=register bytes_per_minute=1000\n{free}")
    body = json.dumps(NETWORK).encode().ljust(900)
    with start_stub_server(tmp_path / "store", KEYS=str(file)) as server:

        def put(name: str) -> httpx.Response:
            content = iter([body]) if is_chunked else body
            headers = {"X-API-Key": secret, "Content-Type": "application/json"}
            return server.client.put(f"/v1/models/{name}", content=content, headers=headers)

        assert put("first").status_code == 201
        assert put("second").status_code == (201 if is_chunked else 429)
        assert put("third").status_code == 429
        names = server.client.get("/v1/models", headers={"X-API-Key": other}).json()["models"]
        assert [model["name"] for model in names] == (["first", "second"] if is_chunked else ["first"])

"""The service on stores other than folders: models with weights, before and after a restart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from safetensors.numpy import load, save

StartServer = Callable[..., AbstractContextManager[Any]]
DOCUMENT = b'{"input": [2], "layers": [{"type": "Dense", "units": 2}]}'
WEIGHTS = {"dense/kernel": np.array([[1, 2], [3, 4]], "f4"), "dense/bias": np.array([10, 20], "f4")}


def activation(client: Any) -> list[list[float]]:
    """Run the model on (1, 1)."""
    reply = client.post("/v1/models/m/activations", json={"inputs": [[1, 1]]})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["layers"][0]["data"])


@pytest.mark.parametrize("kind", ["s3", "memory"])
def test_models_with_weights_persist(
    kind: str, start_server: StartServer, start_stub_server: StartServer, request: pytest.FixtureRequest
) -> None:
    """On S3 over a restart, in memory as long as the process; deleted models stay deleted."""
    url = f"{request.getfixturevalue('bucket')}/{uuid4().hex}" if kind == "s3" else f"memory://{uuid4().hex}"
    with start_server(url) as server:
        form = {"model": DOCUMENT, "weights": save(WEIGHTS)}
        entry = server.client.put("/v1/models/m", files=form).json()
        assert activation(server.client) == [[14, 26]]
        if kind == "memory":
            return
    with start_server(url) as server:
        assert server.client.get("/v1/models").json()["models"] == [entry]
        assert activation(server.client) == [[14, 26]]
        weights = load(server.client.get("/v1/models/m/weights?format=safetensors").content)
        np.testing.assert_array_equal(weights["weights/dense/kernel"], WEIGHTS["dense/kernel"])
        assert server.client.delete("/v1/models/m").status_code == 204
    with start_stub_server(url, wait=False) as server:
        assert server.client.get("/v1/models").json() == {"models": []}


UNUSABLE = ("nowhere://x", "/dev/null/store", "s3:///")
START_EACH = """
import sys
from service.cli import main

for number, url in enumerate(sys.argv[1:], 1):
    try:
        main(["serve", "--port", "0", "--data-dir", url])
    except SystemExit as end:
        if number == len(sys.argv[1:]):
            raise
        print(end.code, file=sys.stderr)
"""
"""Program that starts a server on each of its arguments, and exits like the last."""


def test_an_unusable_store_aborts_the_start() -> None:
    """With a single line on stderr."""
    command = [sys.executable, "-c", START_EACH, *UNUSABLE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (1, len(UNUSABLE)), done.stderr
    for url, line in zip(UNUSABLE, lines, strict=True):
        assert line.startswith(f"layerscope: LAYERSCOPE_DATA_DIR: the store {url} cannot be opened: ")


def test_corrupt_names_are_logged_at_startup(tmp_path: Path) -> None:
    """Although the store is opened before the server starts."""
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "bad.json").touch()
    command = [sys.executable, "-m", "service.cli", "serve", "--port", "0", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.kill()
    assert first.endswith(" WARNING layerscope.store: names/bad.json is passed over: it is empty\n")

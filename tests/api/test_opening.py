"""`layerscope open` as a user runs it: on a service that runs, and without one."""

from __future__ import annotations

import io
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import httpx
import numpy as np
import pytest
from safetensors.numpy import save_file

from service.access.keys import new_key
from tests.conftest import ROOT, free_port
from tests.unit.models.weights.saved_models import Model, layers

if TYPE_CHECKING:
    from tests.conftest import Server

DOCUMENT = {"input": [4], "layers": [{"type": "Dense", "units": 2, "name": "d"}]}
KERNEL = {"d/kernel": np.ones((4, 2), "f4"), "d/bias": np.zeros(2, "f4")}


def layerscope(server: Server, *files: Path) -> subprocess.CompletedProcess[str]:
    """Run `layerscope open` on the server's port."""
    port = httpx.URL(server.url).port
    command = [sys.executable, "-m", "service.cli", "open", *map(str, files), "--port", str(port)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def written(folder: Path) -> tuple[Path, Path]:
    """A document and its weights."""
    (folder / "my net.v2.json").write_text(json.dumps(DOCUMENT))
    save_file(KERNEL, folder / "w.safetensors")
    return folder / "my net.v2.json", folder / "w.safetensors"


def test_a_document_and_its_weights_are_one_model(server: Server, tmp_path: Path) -> None:
    """The name is the file's; the table is printed, and the printed command runs."""
    ran = layerscope(server, *written(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "note: " not in ran.stdout
    assert "d (Dense)" in ran.stdout
    command = next(line for line in ran.stdout.splitlines()[::-1] if "curl" in line and "npz" not in line)
    reply = subprocess.run(shlex.split(command), capture_output=True, check=True, timeout=60)
    assert json.loads(reply.stdout)["layers"][0]["data"] == [[0, 0]]
    weights = server.client.get("/v1/models/my-net/weights", headers={"Accept": "application/x-npz"})
    with np.load(io.BytesIO(weights.content)) as arrays:
        assert any((arrays[name] == 1).all() for name in arrays.files)


def test_the_key_of_the_environment_is_sent(
    tmp_path: Path,
    start_server: Callable[..., AbstractContextManager[Server]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not printed: the printed command takes it from there, too."""
    secret, line = new_key("alice")
    (tmp_path / "keys").write_text(f"{line} role=register")
    with start_server(tmp_path / "store", KEYS=str(tmp_path / "keys")) as server:
        assert "for clients with a key" in layerscope(server, *written(tmp_path)).stderr
        monkeypatch.setenv("LAYERSCOPE_KEY", secret)
        ran = layerscope(server, *written(tmp_path))
        assert ran.returncode == 0, ran.stderr
        assert secret not in ran.stdout
        command = next(line for line in ran.stdout.splitlines()[::-1] if "curl" in line and "npz" not in line)
        reply = subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=60)
        assert json.loads(reply.stdout)["layers"][0]["data"] == [[0, 0]]


def test_notes_are_printed(server: Server, tmp_path: Path) -> None:
    """With pointers into the file."""
    layers = [{"type": "LSTM", "units": 2, "stateful": True}]
    (tmp_path / "states.json").write_text(json.dumps({"input": [3, 2], "layers": layers}))
    assert layerscope(server, tmp_path / "states.json").stdout.startswith(
        "note: /model/layers/0/stateful: stateful is read"
    )


def test_the_page_opens_on_the_model_and_the_picture(server: Server, tmp_path: Path) -> None:
    """In the browser of whoever sits at a terminal, and nowhere else; the printed command has the picture, too."""
    browser, asked = tmp_path / "browser", tmp_path / "asked"
    browser.write_text(f'#!/bin/sh\necho "$1" >>{asked}\n')
    browser.chmod(0o700)
    files = [str(ROOT / "examples/digits.json"), str(ROOT / "examples/digit.png")]
    port = str(httpx.URL(server.url).port)
    command = [sys.executable, "-m", "service.cli", "open", *files, "--port", port]
    environment = {**os.environ, "BROWSER": f"{browser} %s"}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout
    assert not asked.exists()
    terminal, end = pty.openpty()
    subprocess.run(command, env=environment, stdout=end, check=True, timeout=120)
    os.close(end)
    os.close(terminal)
    (address,) = asked.read_text().split()
    assert f"The page on it: {address}\n" in printed
    assert address.startswith(f"{server.url}/#")
    state = dict(parse_qsl(urlsplit(address).fragment))
    assert (state["model"], list(state)) == ("digits", ["model", "input"])
    assert f"-F image=@{files[1]}" in printed


def test_a_refused_file_says_why(server: Server, tmp_path: Path) -> None:
    """The problems of the response, with their pointers, and a status for scripts."""
    (tmp_path / "bad.json").write_text(json.dumps({"layers": [{"type": "Dense", "units": 0}]}))
    ran = layerscope(server, tmp_path / "bad.json")
    assert ran.returncode == 1
    assert "/layers/0/units" in ran.stderr
    assert layerscope(server, tmp_path / "none.h5").stderr.endswith("none.h5 is not there\n")
    assert "a folder" in layerscope(server, tmp_path).stderr


def test_a_folder_of_a_saved_model_is_packed(server: Server, tmp_path: Path) -> None:
    """As it is, under its own name."""
    for name, data in Model(layers("a", "b")).written().items():
        (tmp_path / "two.layers" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "two.layers" / name).write_bytes(data)
    ran = layerscope(server, tmp_path / "two.layers")
    assert ran.returncode == 0, ran.stderr
    assert "b (Dense)" in ran.stdout
    weights = server.client.get("/v1/models/two/layers/b/weights?format=npz")
    with np.load(io.BytesIO(weights.content)) as arrays:
        assert sorted(arrays[name].shape for name in arrays.files) == [(2,), (2, 2)]


def test_without_a_service_one_is_started_until_it_is_interrupted(tmp_path: Path) -> None:
    """A real engine starts: the command waits for it, and ends it."""
    document, _ = written(tmp_path)
    port = free_port()
    command = [sys.executable, "-m", "service.cli", "open", str(document), "--port", str(port)]
    environment = {**os.environ, "LAYERSCOPE_DATA_DIR": str(tmp_path / "store"), "LAYERSCOPE_LOG": "off"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True) as process:
        assert process.stdout is not None
        assert any(b"curl" in line for line in process.stdout)
        assert httpx.get(f"http://127.0.0.1:{port}/v1/models/my-net").status_code == 200
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
        assert process.wait(60) == 0

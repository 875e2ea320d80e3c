"""Benchmark requests: the responses of Layerscope and of the baseline server agree with Keras."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.documents import body, six_layers
from benchmarks.measure import WrongReply, checked
from benchmarks.peers import PEERS
from benchmarks.running import running
from benchmarks.samples import ROOT, WORKLOADS, Sample
from benchmarks.timings import Client

if TYPE_CHECKING:
    from tests.conftest import Server

LAYERSCOPE, FLOOR = PEERS["layerscope"], PEERS["floor"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The workload "tiny"."""
    folder = tmp_path_factory.mktemp("workloads")
    subprocess.run([sys.executable, "-m", "benchmarks.networks", str(folder), "tiny"], check=True, cwd=ROOT)
    return Sample(folder / "tiny")


def test_layerscope_responses_match_keras(server: Server, sample: Sample) -> None:
    """In all encodings of the workload and for an image file; statistics make the JSON longer."""
    LAYERSCOPE.prepare(server.url, sample)
    requests = LAYERSCOPE.requests(sample)
    assert set(WORKLOADS["tiny"].encodings) < set(requests)
    sizes = {name: checked(server.url, request, sample) for name, request in requests.items()}
    assert sizes["json"] + 500 < sizes["json with statistics"]
    values = sum(value.nbytes for value in sample.expected.values())
    assert values == 4 * 8242
    assert values < sizes["binary"] < values + 4096


def test_wrong_responses_are_detected(server: Server, sample: Sample) -> None:
    """Values that differ by more than 1e-4, and a wrong shape."""
    LAYERSCOPE.prepare(server.url, sample)
    request = LAYERSCOPE.requests(sample)["binary"]
    sample.expected["dense"][0, 3] += 2e-4
    with pytest.raises(WrongReply, match="dense differs"):
        checked(server.url, request, sample)
    sample.expected["dense"] = sample.expected["dense"][0]
    with pytest.raises(WrongReply, match="dense"):
        checked(server.url, request, sample)
    del sample.__dict__["expected"]


def test_the_baseline_server_matches_keras(sample: Sample) -> None:
    """It starts, becomes ready, serves every encoding and is stopped."""
    with running(FLOOR, sample) as server:
        for request in FLOOR.requests(sample).values():
            checked(server.url, request, sample)
    assert not Path(f"/proc/{server.pid}").exists()


def test_inline_documents_are_served(server: Server) -> None:
    """The workloads "cold" and "churn" post them; an error response raises."""
    with closing(Client(server.client.base_url.port or 80)) as client:
        reply = client.post("/v1/activations", body(six_layers(8, 3, 2, 5), 8))
        assert b'"address":"dense","type":"Dense","shape":[1,5]' in reply.replace(b" ", b"")
        with pytest.raises(RuntimeError, match="kernel_size"):
            client.post("/v1/activations", body(six_layers(8, 0, 2, 5), 8))

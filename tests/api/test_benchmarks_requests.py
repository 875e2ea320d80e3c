"""The comparison asks for the right thing: every cell of Layerscope and of the floor answers what Keras does."""

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
    """The workload tiny."""
    folder = tmp_path_factory.mktemp("workloads")
    subprocess.run([sys.executable, "-m", "benchmarks.networks", str(folder), "tiny"], check=True, cwd=ROOT)
    return Sample(folder / "tiny")


def test_each_cell_of_layerscope_agrees_with_keras(server: Server, sample: Sample) -> None:
    """All the encodings of the workload, and a picture's bytes; statistics make the JSON longer."""
    LAYERSCOPE.prepare(server.url, sample)
    requests = LAYERSCOPE.requests(sample)
    assert set(WORKLOADS["tiny"].encodings) < set(requests)
    sizes = {name: checked(server.url, request, sample) for name, request in requests.items()}
    assert sizes["json"] + 500 < sizes["json with statistics"]
    values = sum(value.nbytes for value in sample.expected.values())
    assert values == 4 * 8242
    assert values < sizes["binary"] < values + 4096


def test_a_reply_that_differs_from_keras_is_refused(server: Server, sample: Sample) -> None:
    """By more than a ten-thousandth; so is one of another shape."""
    LAYERSCOPE.prepare(server.url, sample)
    request = LAYERSCOPE.requests(sample)["binary"]
    sample.expected["dense"][0, 3] += 2e-4
    with pytest.raises(WrongReply, match="dense differs"):
        checked(server.url, request, sample)
    sample.expected["dense"] = sample.expected["dense"][0]
    with pytest.raises(WrongReply, match="dense"):
        checked(server.url, request, sample)
    del sample.__dict__["expected"]


def test_the_floor_agrees_with_keras(sample: Sample) -> None:
    """The hand-written server is started, found ready, asked in every encoding and ended."""
    with running(FLOOR, sample) as server:
        for request in FLOOR.requests(sample).values():
            checked(server.url, request, sample)
    assert not Path(f"/proc/{server.pid}").exists()


def test_documents_of_ones_own_are_answered(server: Server) -> None:
    """As the workloads cold and churn post them."""
    with closing(Client(server.client.base_url.port or 80)) as client:
        reply = client.post("/v1/activations", body(six_layers(8, 3, 2, 5), 8))
        assert b'"address":"dense","type":"Dense","shape":[1,5]' in reply.replace(b" ", b"")
        with pytest.raises(RuntimeError, match="kernel_size"):
            client.post("/v1/activations", body(six_layers(8, 0, 2, 5), 8))

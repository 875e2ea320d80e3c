"""The same document and input give the same bits on every server, since no process state is involved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Server

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def other_server(
    start_server: Callable[..., AbstractContextManager[Server]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A second server with its own store and engine."""
    with start_server(tmp_path_factory.mktemp("other")) as running:
        yield running


@pytest.mark.parametrize("name", ["digits", "lstm"])
@pytest.mark.parametrize("format_", ["safetensors", "npz"])
def test_servers_agree_to_the_bit(server: Server, other_server: Server, name: str, format_: str) -> None:
    """Two independent servers send the same bytes: activations and weights."""
    body = {
        "model": json.loads((EXAMPLES / f"{name}.json").read_text()),
        "inputs": np.random.default_rng(0).integers(0, 255, (2, 12) if name == "lstm" else (2, 28, 28, 1)).tolist(),
        "weights": True,
        "format": format_,
    }
    one, other = (which.post("/v1/activations", json=body) for which in (server, other_server))
    assert one.status_code == other.status_code == 200, one.text
    assert tensor_bytes(one.content, format_) == tensor_bytes(other.content, format_)


def tensor_bytes(content: bytes, format_: str) -> bytes:
    """Return a response without the safetensors header, whose metadata contains timings."""
    if format_ == "npz":
        return content
    return content[8 + int.from_bytes(content[:8], "little") :]

"""The workloads: what is sent, what has to come back, over how many connections. Read by harness and servers alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".bench"
"""Where all that is made on the way is kept; git does not see it."""
MODEL, INPUT, EXPECTED = "model.keras", "input.npy", "expected.npz"


@dataclass(frozen=True)
class Workload:
    """Every encoding named here that a server knows is measured over each number of connections."""

    encodings: tuple[str, ...]
    connections: tuple[int, ...]
    outputs: tuple[str, ...] = ()
    """Layers asked for; empty: all."""


BLOCKS = ("block_1_expand_relu", "block_6_expand_relu", "block_13_expand_relu", "predictions")
WORKLOADS = {
    "tiny": Workload(("json", "binary", "json with statistics", "binary /v2", "json with the model"), (1, 16)),
    "mnv2": Workload(("binary", "binary /v2"), (1, 4), BLOCKS),
    "mnv2all": Workload(("binary",), (1,)),
    "hd": Workload(("binary", "uint8"), (1,)),
}


@dataclass(frozen=True)
class Sample:
    """The files of one workload."""

    folder: Path

    @property
    def model(self) -> Path:
        """The network with its weights."""
        return self.folder / MODEL

    @cached_property
    def picture(self) -> Array:
        """The input: a batch of one, float32 with whole numbers from 0 to 255."""
        return np.load(self.folder / INPUT)  # type: ignore[no-any-return]

    @cached_property
    def expected(self) -> dict[str, Array]:
        """What Keras answers, by layer, in the order of the network."""
        with np.load(self.folder / EXPECTED) as stored:
            return dict(stored)

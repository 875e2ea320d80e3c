"""The floor: Starlette, uvicorn, one process, nothing general about it."""

from __future__ import annotations

import numpy as np

from benchmarks.peers.peer import BYTES, JSON, Peer, Request, json_body, own_server
from benchmarks.replies import named, one_after_the_other
from benchmarks.samples import Sample


def requests(sample: Sample) -> dict[str, Request]:
    """Nested JSON, the input's own bytes, and a picture's bytes."""
    raw = one_after_the_other(sample)
    return {
        "json": Request("/json", JSON, json_body(sample), named),
        "binary": Request("/binary/float32", BYTES, sample.picture.tobytes(), raw),
        "uint8": Request("/binary/uint8", BYTES, sample.picture.astype(np.uint8).tobytes(), raw),
    }


PEER = Peer(own_server("floor"), requests)

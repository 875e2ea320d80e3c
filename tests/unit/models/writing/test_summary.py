"""The plain text summary of a network."""

from __future__ import annotations

from models.engine.plan import plan_report
from models.engine.shaping import declared_shapes, shape_network
from models.networks.expansion import expand
from models.networks.selectors import addresses
from models.reading.parse import parse_document
from models.writing.summary import summary_of

DOCUMENT = {
    "name": "towers",
    "input": {"left": [4], "right": [4]},
    "layers": [
        {"type": "Block", "name": "tower", "calls": [["left"], ["right"]], "layers": [{"type": "Dense", "units": 3}]},
        {"type": "ops.subtract", "inputs": ["tower@0", "tower@1"]},
        {"type": "Dense", "units": 1},
    ],
}
EXPECTED = """\
towers
Layer (type)             Output shape  Parameters  Reads
-------------------------------------------------------------------
left (InputLayer)        (None, 4)              0
right (InputLayer)       (None, 4)              0
tower@0/dense (Dense)    (None, 3)             15  left
tower@0 (Block)          (None, 3)             15  left
tower@1/dense (Dense)    (None, 3)             15  right
tower@1 (Block)          (None, 3)             15  right
subtract (ops.subtract)  (None, 3)              0  tower@0, tower@1
dense (Dense)            (None, 1)              4  subtract

Total parameters: 19
Trainable parameters: 19
Non-trainable parameters: 0
"""


def test_the_summary_of_a_network() -> None:
    """Inputs, every call of every layer, block results, and totals that count shared weights once."""
    network = expand(parse_document(DOCUMENT))
    made = shape_network(network, declared_shapes(network))
    text = summary_of(network, plan_report(made, addresses(network)))
    assert text == EXPECTED

"""Cases of layers with few arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.unit.models.explaining.arithmetic.cases import activations, convolutions, pooling, rearranging
from tests.unit.models.explaining.arithmetic.keras_calls import Case

EQUATIONS: list[tuple[str, Any, str | None, tuple[int, ...]]] = [
    ("abc,cd->abd", [None, 6], "d", (2, 5, 4)),
    ("...x,xy->...y", 6, "y", (2, 5, 4)),
    ("ab...,bc->ac...", 6, None, (2, 5, 4)),
    ("abc,cde->abde", [None, 3, 2], "de", (2, 5, 4)),
    ("abcd,cde->abe", [None, 6], "e", (2, 3, 4, 5)),
    ("abc,cd->ad", [6], "d", (2, 5, 4)),
    ("abcd,bd->acd", [4, 5], "c", (2, 3, 4, 5)),
    ("abc,dc->adb", [3, None], "d", (2, 5, 4)),
]


def core() -> Iterator[Case]:
    """Yield dense layers and embeddings."""
    yield from (Case("Dense", {"units": 7, "use_bias": bias}, ((2, 3, 5),)) for bias in (True, False))
    for equation, lengths, bias, shape in EQUATIONS:
        arguments = {"equation": equation, "output_shape": lengths, "bias_axes": bias, "activation": "relu"}
        yield Case("EinsumDense", arguments, (shape,))
    table = {"input_dim": 5, "output_dim": 3}
    yield Case("Embedding", table, ((2, 4),), "int32")
    yield Case("ReversibleEmbedding", table, ((2, 4),), "int32")
    yield Case("ReversibleEmbedding", {**table, "reverse": True}, ((2, 4, 3),))
    own = {"tie_weights": False, "logit_soft_cap": 2.0}
    yield Case("ReversibleEmbedding", {**table, "reverse": True, **own}, ((2, 4, 3),))


def normalizations() -> Iterator[Case]:
    """Yield normalizations."""
    shapes = ((2, 5, 4),)
    yield from (Case("BatchNormalization", {"axis": axis}, shapes) for axis in (1, -1))
    yield Case("BatchNormalization", {"renorm": True}, shapes)
    for axis in (-1, 1, [1, 2]):
        yield Case("LayerNormalization", {"axis": axis}, shapes)
        yield Case("UnitNormalization", {"axis": axis}, shapes)
    for name in ("BatchNormalization", "LayerNormalization"):
        yield Case(name, {"scale": False, "center": False}, shapes)
    yield from (Case("RMSNormalization", {"axis": axis}, shapes) for axis in (-1, [1, 2]))
    yield from (Case("GroupNormalization", {"axis": -1, "groups": groups}, ((2, 6, 5, 4),)) for groups in (1, 2, -1))
    yield Case("GroupNormalization", {"axis": 1, "groups": 3}, ((2, 6, 5, 4),))


def merging() -> Iterator[Case]:
    """Yield merging layers, with inputs that are repeated along axes too."""
    for name in ("Add", "Average", "Maximum", "Minimum", "Multiply"):
        yield Case(name, {}, ((2, 5, 4),) * 3)
        yield Case(name, {}, ((2, 5, 4), (2, 1, 4), (2, 4)))
    yield Case("Subtract", {}, ((2, 5, 4), (2, 1, 4)))
    yield Case("CustomScaleLayer", {"scale": 0.3}, ((2, 4, 3), (2, 4, 3)))
    for normalize in (False, True):
        yield Case("Dot", {"axes": [2, 1], "normalize": normalize}, ((2, 3, 4), (2, 4, 5)))
        yield Case("Dot", {"axes": 1, "normalize": normalize}, ((2, 4), (2, 4)))
        yield Case("Dot", {"axes": [1, 3], "normalize": normalize}, ((2, 4, 3), (2, 5, 6, 4)))
        yield Case("Dot", {"axes": [1, 2], "normalize": normalize}, ((2, 4), (2, 5, 4)))


def unchanged() -> Iterator[Case]:
    """Yield layers that pass on, or scale by constants, what they read."""
    rate = {"rate": 0.5}
    yield from (Case(name, rate, ((2, 4),)) for name in ("Dropout", "AlphaDropout", "GaussianDropout"))
    yield from (Case(f"SpatialDropout{n}D", rate, ((2, 4, 3, 2, 2)[: n + 2],)) for n in (1, 2, 3))
    yield Case("GaussianNoise", {"stddev": 1.0}, ((2, 4),))
    yield Case("ActivityRegularization", {"l1": 0.5}, ((2, 4),))
    yield Case("Identity", {}, ((2, 4),))
    yield Case("Masking", {"mask_value": 1.0}, ((2, 4, 3),))
    yield Case("Rescaling", {"scale": 0.00392, "offset": -0.5}, ((2, 4, 3),))
    yield Case("Rescaling", {"scale": [0.1, 0.2, 0.3], "offset": [1.0, 2.0, 3.0]}, ((2, 4, 3),))
    known = {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 9.0]}
    yield from (Case("Normalization", {**known, "invert": invert}, ((2, 4, 3),)) for invert in (False, True))
    yield Case("Normalization", {"axis": None, "mean": 1.0, "variance": 3.0}, ((2, 4, 3),))
    yield Case("Normalization", {"axis": [1, 2]}, ((2, 4, 3),))
    yield Case("LayerScale", {"init_values": 0.1, "projection_dim": 3}, ((2, 4, 3),))


CASES = [
    *core(),
    *convolutions(),
    *pooling(),
    *activations(),
    *normalizations(),
    *merging(),
    *rearranging(),
    *unchanged(),
]
"""All of them."""

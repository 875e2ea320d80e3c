"""Cases of every layer whose arithmetic is explained; what has many arguments is drawn, from a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from models.layers.activation_names import ACTIVATIONS
from tests.unit.models.explaining.arithmetic.keras_calls import Case

SHAPES = {1: (9,), 2: (9, 8), 3: (5, 6, 7)}
"""Spatial shapes by their number of axes."""
FORMATS = ("channels_last", "channels_first")
FUSED: list[Any] = [
    *ACTIVATIONS,
    {"type": "ReLU"},
    {"type": "ReLU", "max_value": 1.0, "negative_slope": 0.1, "threshold": 0.5},
    {"type": "LeakyReLU"},
    {"type": "ELU", "alpha": 0.7},
    {"type": "Softmax"},
    {"type": "Activation", "activation": "relu"},
]


def full(spatial: int, channels: int, layout: str) -> tuple[int, ...]:
    """Return a shape with the batch and the channels."""
    lengths = SHAPES[spatial]
    return (2, *lengths, channels) if layout == "channels_last" else (2, channels, *lengths)


def convolutions(draws: int = 14) -> Iterator[Case]:
    """Draw convolutions of every kind, and what follows one that is as wide as it has filters."""
    random = Random(1)  # noqa: S311
    for kind in ("Conv", "DepthwiseConv", "SeparableConv", "ConvTranspose"):
        for spatial in (1, 2) if kind in ("DepthwiseConv", "SeparableConv") else (1, 2, 3):
            yield from (_convolution(kind, spatial, random) for _ in range(draws))
    yield Case("Conv2D", {"filters": 8, "kernel_size": 1, "data_format": "channels_first"}, ((2, 4, 9, 8),))
    yield Case("Conv1D", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "causal"}, ((2, 9, 4),))


def _convolution(kind: str, spatial: int, random: Random) -> Case:
    layout, stride = random.choice(FORMATS), random.choice([1, 2, 3])
    arguments: dict[str, Any] = {
        "kernel_size": random.choice([1, 2, 3]),
        "strides": stride,
        "dilation_rate": 1 if stride > 1 and "wise" not in kind else random.choice([1, 2]),
        "padding": random.choice(["valid", "same"]),
        "data_format": layout,
        "use_bias": random.random() < 0.7,
    }
    if kind in ("DepthwiseConv", "SeparableConv"):
        arguments |= {"depth_multiplier": random.choice([1, 2])}
        arguments["dilation_rate"] = 1 if kind == "SeparableConv" and stride > 1 else arguments["dilation_rate"]
    if kind != "DepthwiseConv":
        arguments |= {"filters": 6}
    if kind == "Conv":
        arguments |= {"groups": random.choice([1, 1, 2])}
    if kind == "ConvTranspose" and arguments["padding"] == "valid":
        arguments |= {"output_padding": random.choice([None, *range(stride)])}
    name = kind.replace("Transpose", f"{spatial}DTranspose") if "Transpose" in kind else f"{kind}{spatial}D"
    return Case(name, arguments, (full(spatial, 4, layout),))


def pooling() -> Iterator[Case]:
    """Yield pooling of all kinds."""
    random = Random(2)  # noqa: S311
    for kind in ("Max", "Average"):
        for n in SHAPES:
            for layout in FORMATS:
                shapes, own = (full(n, 3, layout),), {"data_format": layout}
                for padding in ("valid", "same"):
                    sizes = {"pool_size": random.choice([2, 3]), "strides": random.choice([None, 1, 2, 3])}
                    yield Case(f"{kind}Pooling{n}D", {**sizes, "padding": padding, **own}, shapes)
                yield Case(f"Global{kind}Pooling{n}D", {"keepdims": random.random() < 0.5, **own}, shapes)
                yield Case(f"Adaptive{kind}Pooling{n}D", {"output_size": random.choice([2, 3, 4]), **own}, shapes)


def activations() -> Iterator[Case]:
    """Yield activations by themselves and fused ones."""
    yield from (Case("Activation", {"activation": name}, ((2, 7),)) for name in ACTIVATIONS)
    yield from (Case("Dense", {"units": 6, "activation": value}, ((2, 5),)) for value in FUSED)
    for most in (None, 1.0, 6.0):
        for slope in (0.0, 0.2):
            for threshold in (0.0, 0.5):
                arguments = {"max_value": most, "negative_slope": slope, "threshold": threshold}
                yield Case("ReLU", arguments, ((2, 20),))
    yield Case("LeakyReLU", {}, ((2, 5),))
    yield Case("ELU", {"alpha": 0.3}, ((2, 5),))
    yield from (Case("PReLU", {"shared_axes": axes}, ((2, 5, 3),)) for axes in (None, [1]))
    yield from (Case("Softmax", {"axis": axis}, ((2, 3, 4),)) for axis in (-1, 1, [1, 2]))


def rearranging() -> Iterator[Case]:
    """Yield layers that move elements."""
    for n in SHAPES:
        for layout in FORMATS[: 1 if n == 1 else 2]:
            own, shapes = {} if n == 1 else {"data_format": layout}, (full(n, 3, layout),)
            pairs = [[1, 2], [0, 1], [2, 0]][:n]
            margins = pairs[0] if n == 1 else pairs
            yield Case(f"Cropping{n}D", {"cropping": margins, **own}, shapes)
            yield Case(f"ZeroPadding{n}D", {"padding": margins, **own}, shapes)
            yield Case(f"UpSampling{n}D", {"size": 2 if n == 1 else [2, 3, 1][:n], **own}, shapes)
            yield Case("Flatten", own, shapes)
            if n == 2:
                yield Case("UpSampling2D", {"size": [2, 3], "interpolation": "bilinear", **own}, shapes)
                yield Case("CenterCrop", {"height": 4, "width": 5, **own}, shapes)
    yield Case("Reshape", {"target_shape": [2, -1]}, ((2, 5, 4),))
    yield Case("Permute", {"dims": [3, 1, 2]}, ((2, 5, 4, 3),))
    yield Case("RepeatVector", {"n": 3}, ((2, 4),))
    yield Case("Concatenate", {}, ((2, 5, 4), (2, 5, 2), (2, 5, 1)))
    yield Case("Concatenate", {"axis": 1}, ((2, 5, 4), (2, 3, 4)))

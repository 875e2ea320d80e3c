"""The terms of an element add up to what Keras computes, for every layer of the list."""

from __future__ import annotations

import zlib
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest

from models.explaining.arithmetic import explain, rules
from models.explaining.arithmetic.steps import Step
from models.layers import CATALOGUE
from models.layers.operations import Operation
from tests.unit.models.explaining.arithmetic.keras_calls import Case, called, elements
from tests.unit.models.explaining.arithmetic.more_cases import CASES

LISTED = {
    "Dense", "EinsumDense", "Embedding", "ReversibleEmbedding", "Identity", "Masking",
    "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
    "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    *(f"{way}{kind}Pooling{n}D" for way in ("", "Global", "Adaptive") for kind in ("Max", "Average")
      for n in (1, 2, 3)),
    "BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization",
    "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax",
    "Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate", "Dot",
    *(f"{kind}{n}D" for kind in ("Cropping", "ZeroPadding", "UpSampling") for n in (1, 2, 3)),
    "Flatten", "Reshape", "Permute", "RepeatVector",
    "Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    "Rescaling", "Normalization", "CenterCrop", "LayerScale", "CustomScaleLayer",
}  # fmt: skip
"""Section 6 of the contract by class, and a few that are as simple."""
ULPS = 4
"""Of the largest term: what the sum of a few terms may differ by."""


def bound(step: Step) -> float:
    """Return the most ulps of a step: float32 sums of many terms round as often, half of the time the other way."""
    return max(ULPS, 2 * sqrt(step.terms_total))


def test_every_listed_layer_has_a_rule_and_a_case() -> None:
    """The registry finds each in the files of its folder."""
    layers = {cls.type_name() for cls in rules() if not issubclass(cls, Operation)}
    assert layers == LISTED == {case.type for case in CASES}
    assert set(CATALOGUE) >= LISTED


@pytest.mark.filterwarnings("ignore:.*triggered tf.function retracing")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_terms_add_up(case: Case) -> None:
    """Every step that ends in a tensor has its value within a few ulps, and terms are elements of what was read."""
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    for call in elements(called(case, rng), rng, 5):
        found = explain(call)
        assert found.reason is None
        assert found.value == call.output[call.index] == found.steps[-1].value
        for step in found.steps:
            assert step.ulps <= bound(step), step.formula
            check_terms(step, {**dict(zip(call.reads, call.inputs, strict=True)), f"{call.address}:pre": call.before})


def check_terms(step: Step, tensors: dict[str, Any]) -> None:
    """Check that terms show the elements they name, and that their sum is the sum."""
    terms = step.listed()
    assert len(terms) == step.terms_total
    assert sum(term.product for term in terms) + (step.bias or 0) == pytest.approx(step.total, rel=1e-12, abs=1e-12)
    for term in terms:
        if (tensor := tensors.get(term.name)) is not None:
            assert term.value == tensor[term.index]
        if term.weight is not None:
            assert term.product == term.value * term.weight


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", [
    Case("Conv2D", {"filters": 3, "kernel_size": 3, "activation": "relu"}, ((2, 6, 5, 4),)),
    Case("Dense", {"units": 7, "activation": "softmax"}, ((2, 5),)),
    Case("BatchNormalization", {}, ((2, 5, 4),)),
    Case("LayerNormalization", {}, ((2, 5, 4),)),
    Case("Add", {}, ((2, 5, 4),) * 2),
    Case("GroupNormalization", {"groups": 2}, ((2, 5, 4),)),
    Case("RMSNormalization", {}, ((2, 5, 4),)),
    Case("AveragePooling2D", {"pool_size": 2}, ((2, 6, 5, 4),)),
], ids=str)  # fmt: skip
def test_terms_are_in_the_dtype_of_the_layer(case: Case, dtype: str) -> None:
    """Values and weights are rounded as Keras rounds them before they are multiplied. Small values of a softmax may
    not be explained: the last bit of a logit in bfloat16, which the order of additions decides, is an eighth of them.
    """
    rng = np.random.default_rng(3)
    typed = replace(case, arguments={**case.arguments, "dtype": dtype})
    is_coarse = dtype == "bfloat16" and case.arguments.get("activation") == "softmax"
    for call in elements(called(typed, rng), rng, 5):
        found = explain(call)
        assert str(call.output.dtype) == dtype
        assert found.reason is None or (is_coarse and found.value < 1e-3)
        assert max((step.ulps for step in found.steps), default=0) <= ULPS

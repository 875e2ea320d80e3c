"""Activation functions of one number, in float64, with their formulas.

Source: keras.activations, with its default arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np

from models.layers.activation import ELU, LeakyReLU, ReLU
from models.layers.activation_names import KERAS2_HARD_SIGMOID
from models.layers.layer import Layer

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@dataclass(frozen=True)
class Elementwise:
    """A function of x, and its formula."""

    formula: str
    function: Callable[[float], float]

    def __call__(self, x: float) -> float:
        """Return the result; overflow is infinite."""
        with np.errstate(all="ignore"):
            return float(self.function(np.float64(x)))


def _clip(x: float, low: float, high: float) -> float:
    return float(np.clip(x, low, high))


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def _softplus(x: float) -> float:
    return float(np.logaddexp(0, x))


def _elu(x: float, alpha: float = 1.0) -> float:
    return x if x > 0 else float(alpha * np.expm1(x))


def _shrink(x: float) -> float:
    return x - 0.5 if x > 0.5 else x + 0.5 if x < -0.5 else 0.0


FUNCTIONS: Mapping[str, Elementwise] = {
    "celu": Elementwise("x if x > 0 else exp(x) - 1", _elu),
    "elu": Elementwise("x if x > 0 else exp(x) - 1", _elu),
    "exponential": Elementwise("exp(x)", np.exp),
    "gelu": Elementwise("x * (1 + erf(x / sqrt(2))) / 2", lambda x: x * (1 + erf(x / sqrt(2))) / 2),
    "hard_shrink": Elementwise("x if abs(x) > 0.5 else 0", lambda x: x if abs(x) > 0.5 else 0.0),
    "hard_sigmoid": Elementwise("min(max(x + 3, 0), 6) / 6", lambda x: _clip(x + 3, 0, 6) / 6),
    "hard_silu": Elementwise("x * min(max(x + 3, 0), 6) / 6", lambda x: x * _clip(x + 3, 0, 6) / 6),
    "hard_tanh": Elementwise("min(max(x, -1), 1)", lambda x: _clip(x, -1, 1)),
    KERAS2_HARD_SIGMOID: Elementwise("min(max(0.2 * x + 0.5, 0), 1)", lambda x: _clip(0.2 * x + 0.5, 0, 1)),
    "leaky_relu": Elementwise("x if x > 0 else 0.2 * x", lambda x: x if x > 0 else 0.2 * x),
    "linear": Elementwise("x", lambda x: x),
    "log_sigmoid": Elementwise("-log(1 + exp(-x))", lambda x: -_softplus(-x)),
    "mish": Elementwise("x * tanh(log(1 + exp(x)))", lambda x: float(x * np.tanh(_softplus(x)))),
    "relu": Elementwise("max(x, 0)", lambda x: float(np.maximum(x, 0))),
    "relu6": Elementwise("min(max(x, 0), 6)", lambda x: _clip(x, 0, 6)),
    "selu": Elementwise(
        f"{SELU_SCALE:.6} * (x if x > 0 else {SELU_ALPHA:.6} * (exp(x) - 1))",
        lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
    ),
    "sigmoid": Elementwise("1 / (1 + exp(-x))", _sigmoid),
    "silu": Elementwise("x / (1 + exp(-x))", lambda x: x * _sigmoid(x)),
    "soft_shrink": Elementwise("x - 0.5 if x > 0.5 else x + 0.5 if x < -0.5 else 0", _shrink),
    "softplus": Elementwise("log(1 + exp(x))", _softplus),
    "softsign": Elementwise("x / (1 + abs(x))", lambda x: x / (1 + abs(x))),
    "sparse_plus": Elementwise(
        "0 if x <= -1 else x if x >= 1 else (x + 1) ** 2 / 4",
        lambda x: 0.0 if x <= -1 else x if x >= 1 else (x + 1) ** 2 / 4,
    ),
    "sparse_sigmoid": Elementwise("min(max((x + 1) / 2, 0), 1)", lambda x: _clip((x + 1) / 2, 0, 1)),
    "squareplus": Elementwise("(x + sqrt(x ** 2 + 4)) / 2", lambda x: float(x + np.sqrt(x**2 + 4)) / 2),
    "tanh": Elementwise("tanh(x)", np.tanh),
    "tanh_shrink": Elementwise("x - tanh(x)", lambda x: float(x - np.tanh(x))),
}
"""By Keras' names; those along an axis are in `softmax.py`."""


def elementwise(activation: Layer | str) -> Elementwise | None:
    """Return the function of an activation, a name or a layer; None if it is not one of single numbers."""
    match activation:
        case str():
            return FUNCTIONS.get(activation)
        case ReLU():
            return _relu(activation)
        case LeakyReLU(negative_slope=slope):
            return Elementwise(f"x if x > 0 else {slope} * x", lambda x: x if x > 0 else slope * x)
        case ELU(alpha=alpha):
            return Elementwise(f"x if x > 0 else {alpha} * (exp(x) - 1)", lambda x: _elu(x, alpha))
    return None


def _relu(layer: ReLU) -> Elementwise:
    """Source: keras.activations.relu."""
    slope, threshold, most = layer.negative_slope, layer.threshold, layer.max_value
    formula = "max(x, 0)" if threshold == 0 else f"(x if x > {threshold} else 0)"
    formula = formula if most is None else f"min({formula}, {most})"
    formula += f" - {slope} * max({threshold} - x, 0)" if slope else ""
    high = np.inf if most is None else most
    return Elementwise(
        formula, lambda x: _clip(x if x > threshold else 0.0 * x, 0, high) - slope * float(np.maximum(threshold - x, 0))
    )

"""Values of arguments in the configs of Keras 1 and 2, in the form of Keras 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.layers.activation_names import KERAS2_HARD_SIGMOID
from models.reading.keras_json.site import Site

HARD_SIGMOID = "hard_sigmoid"
"""In Keras 3, the name of another function."""
ACTIVATIONS = ("activation", "recurrent_activation")
LAYOUTS = {"tf": "channels_last", "th": "channels_first", "default": "channels_last"}
"""Keras 1's `dim_ordering`."""
INITIALIZERS = {"normal": "random_normal", "uniform": "random_uniform", "zero": "zeros", "one": "ones"}
"""Short names of initializers in Keras 1 and 2."""
DISTRIBUTIONS = {"normal": "truncated_normal"}
"""Keras 2's name of VarianceScaling's default distribution."""
CONVOLUTION = "Conv"
"""In the names of all layers with kernels."""
RECURRENT = ("RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
"""Layers over time that hold no other layer."""
NO_DTYPES = ("infer", "_infer", "")
Member = Callable[[dict[str, Any], Site], dict[str, Any]]


def is_object(value: Any) -> bool:
    """Whether this is a serialised object, such as a layer or an initializer."""
    return isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value


def modern_value(word: str, key: str, value: Any, site: Site, member: Member) -> Any:
    """Rewrite the argument `key` of a layer of this class."""
    value = _plain(value)
    if key == "dtype":
        return _dtype(value)
    if key in ACTIVATIONS:
        return _activation(value, site, member)
    if key.endswith("_initializer"):
        return _initializer(value)
    if key == "data_format":
        return _layout(word, value, site)
    if key == "axis" and word == "BatchNormalization" and isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _plain(value: Any) -> Any:
    """Unwrap an array or a number of NumPy, which older versions wrote with its type."""
    if isinstance(value, dict) and set(value) == {"type", "value"}:
        return value["value"]
    return value


def _layout(word: str, value: Any, site: Site) -> Any:
    """Return the layout. In Theano's, Keras 1 kept the kernels of convolutions with their axes in another order."""
    if value == "th" and CONVOLUTION in word:
        expected = '"tf", or a file that Keras 2 has written'
        raise site.refusal("a convolution in Theano's layout has another kernel in Keras 1", expected, '"th"')
    return LAYOUTS.get(value, value) if isinstance(value, str) else value


def _dtype(value: Any) -> Any:
    """Return a dtype or the name of a policy; null where the file leaves it to Keras."""
    if is_object(value) and value["class_name"] in ("Policy", "PolicyV1", "DTypePolicy"):
        value = value["config"].get("name") if isinstance(value["config"], dict) else value
    return None if value in NO_DTYPES else value


def _activation(value: Any, site: Site, member: Member) -> Any:
    """Return the name of an activation function, or the layer that computes it."""
    if is_object(value):
        if value["class_name"] == "function":
            return _function(value)
        return member(value, site)
    return KERAS2_HARD_SIGMOID if value == HARD_SIGMOID else value


def _function(value: dict[str, Any]) -> Any:
    """Return the name of a function of Keras' own; one of its author's is left for the refusal."""
    name = value["config"]
    if not isinstance(name, str) or value.get("registered_name") not in (None, "function", name):
        return value
    return KERAS2_HARD_SIGMOID if name == HARD_SIGMOID else name


def _initializer(value: Any) -> Any:
    """Name the module of an initializer, which Keras 2 did not."""
    if isinstance(value, str):
        return INITIALIZERS.get(value, value)
    if not is_object(value):
        return value
    config = value["config"] if isinstance(value["config"], dict) else {}
    fields = {key: _plain(item) for key, item in config.items() if key != "dtype"}
    distribution = fields.get("distribution")
    if isinstance(distribution, str):
        fields["distribution"] = DISTRIBUTIONS.get(distribution, distribution)
    return {
        "module": "keras.initializers", "class_name": value["class_name"], "config": fields, "registered_name": None,
    }  # fmt: skip

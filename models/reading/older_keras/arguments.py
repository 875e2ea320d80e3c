"""Arguments of Keras 1 and 2 under their names in Keras 3, and those that change no number."""

from __future__ import annotations

from typing import Any

from models.layers.activation_names import KERAS2_HARD_SIGMOID
from models.reading.keras_json.site import Site

TRAINING = ("_regularizer", "_constraint")
"""Endings of arguments that have an effect in training only."""
IRRELEVANT = frozenset({
    "batch_input_shape", "batch_size", "input_shape", "input_dtype", "input_length", "dynamic", "implementation",
    "consume_less", "query_shape", "key_shape", "value_shape", "build_input_shape", "force_generator", "rng_type",
    "W_learning_rate_multiplier", "b_learning_rate_multiplier", "dropout_W", "dropout_U", "forget_bias_init",
    "beta_init", "gamma_init", "mode_type", "node_indices", "tensor_indices", "output_mask", "output_mask_type",
    "output_shape_type", "arguments", "fused", "weights", "parallelism", "experimental_autocast",
})  # fmt: skip
"""Arguments that change no number, whatever their value."""
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "SpatialDropout1D.noise_shape": (None,),
    "SpatialDropout2D.noise_shape": (None,),
    "SpatialDropout3D.noise_shape": (None,),
    "Conv1DTranspose.groups": (1,),
    "Conv2DTranspose.groups": (1,),
    "Conv3DTranspose.groups": (1,),
    "DepthwiseConv1D.groups": (1,),
    "DepthwiseConv2D.groups": (1,),
    "SeparableConv1D.groups": (1,),
    "SeparableConv2D.groups": (1,),
    "output_padding": (None,),
    "ragged": (False,),
    "renorm": (False,),
    "renorm_clipping": (None,),
    "renorm_momentum": (0.99,),
    "softmax_robust_masking": (False,),
    "sparse": (False,),
    "synchronized": (False, True),
    "time_major": (False,),
    "virtual_batch_size": (None,),
    "optional": (False,),
    "BatchNormalization.mode": (0,),
}
"""Arguments that Keras 3 lacks, with the values that have no effect; at any other value they are refused by name."""
IRRELEVANT_OF_CLASS: dict[str, frozenset[str]] = {
    "DepthwiseConv1D": frozenset({"kernel_initializer"}),
    "DepthwiseConv2D": frozenset({"kernel_initializer"}),
    "Conv1D": frozenset({"input_dim"}),
    "Discretization": frozenset({"dtype"}),
    "Embedding": frozenset({"dropout"}),
    "Identity": frozenset({"factor", "interpolation", "seed"}),
    "IntegerLookup": frozenset({"dtype", "has_input_vocabulary"}),
    "Resizing": frozenset({"seed"}),
    "SeparableConv1D": frozenset({"kernel_initializer"}),
    "SeparableConv2D": frozenset({"kernel_initializer"}),
}
"""The same of single classes of Keras 3; those of Identity are of the layers that became one."""
NAMES: dict[str, str] = {
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "concat_axis": "axis",
    "dim_ordering": "data_format",
    "dot_axes": "axes",
    "filter_length": "kernel_size",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "nb_filter": "filters",
    "pool_length": "pool_size",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
"""Names of Keras 1, for every class."""
NAMES_OF_CLASS: dict[str, dict[str, str]] = {
    "AlphaDropout": {"p": "rate"},
    "Dense": {"init": "kernel_initializer", "output_dim": "units"},
    "Dropout": {"p": "rate"},
    "Embedding": {"init": "embeddings_initializer"},
    "GRU": {"init": "kernel_initializer", "output_dim": "units"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "InputLayer": {"batch_input_shape": "batch_shape", "input_dtype": "dtype"},
    "LSTM": {"init": "kernel_initializer", "output_dim": "units"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "PReLU": {"init": "alpha_initializer"},
    "ReLU": {"theta": "threshold"},
    "SimpleRNN": {"init": "kernel_initializer", "output_dim": "units"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "SpatialDropout3D": {"p": "rate"},
    "UpSampling1D": {"length": "size"},
}
HARD = {"recurrent_activation": KERAS2_HARD_SIGMOID}
DEFAULTS: dict[str, dict[str, Any]] = {
    "ConvLSTM1D": HARD,
    "ConvLSTM2D": HARD,
    "ConvLSTM3D": HARD,
    "GRU": {"reset_after": False},
    "GRUCell": {"reset_after": False},
    "ThresholdedReLU": {"threshold": 1.0},
}
"""By the class in the file, the defaults of Keras 2 with which Keras 3 would compute other numbers."""
MERGES_KEEP = {"concat": ("concat_axis",), "cos": ("dot_axes",), "dot": ("dot_axes",)}
"""The arguments that a Merge reads in a mode."""
KERNELS = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
"""Arguments of Keras 1 that are the lengths of one kernel."""


def modern_name(word: str, key: str) -> str:
    """Return the name of an argument of a class in Keras 3."""
    default = "kernel_initializer" if key == "init" else NAMES.get(key, key)
    return NAMES_OF_CLASS.get(word, {}).get(key, default)


def combined(config: dict[str, Any], word: str, site: Site) -> dict[str, Any]:
    """Return a config with the lengths of Keras 1's kernel in one argument, and without its `input_dim`, which Keras 3
    infers; that of an Embedding is the number of ids. Of a Merge, the arguments of its mode.
    """
    result = dict(config)
    if word == "Merge":
        kept = MERGES_KEEP.get(str(config.get("mode")), ())
        result = {name: value for name, value in config.items() if name in ("name", "trainable", *kept)}
        return result | ({"normalize": True} if config.get("mode") == "cos" else {})
    for names in KERNELS:
        if all(name in result for name in names):
            result["kernel_size"] = [result.pop(name) for name in names]
            site.reading(names[0]).into(site, "kernel_size")
    if "output_dim" in result and "embeddings_initializer" not in result and "mask_zero" not in result:
        result.pop("input_dim", None)
    return result

"""Names used by older Keras, other libraries and other servers, with the names to use instead.

A name is listed if spelling similarity does not find its meaning, or finds another.
"""

from __future__ import annotations

from collections.abc import Mapping

from models.errors.suggestions import Hint, Synonyms, field_hints
from models.layers.activation_names import ACTIVATIONS
from models.layers.activation_names import ALIASES as ACTIVATION_ALIASES
from models.layers.named import snake_case

FROM_INPUT = Hint(advice='leave it out: shapes follow from the document\'s own "input", without the batch')
NO_EFFECT = Hint(advice="leave it out: it changes no value")

ARGUMENTS: Synonyms = field_hints({
    "filters": "nb_filter nb_filters num_filters n_filters out_channels channels",
    "kernel_size": "kernel filter_size filter_shape kernel_shape ksize window_size",
    "pool_size": "pool window ksize kernel_size pool_length",
    "strides": "stride subsample subsample_length",
    "padding": "border_mode pad pads",
    "units": "output_dim out_features neurons num_units nb_units n_units hidden_size hidden_units",
    "input_dim": "num_embeddings vocab_size vocabulary_size",
    "output_dim": "embedding_dim embed_dim embedding_size",
    "kernel_initializer": "init kernel_init weight_init weights_initializer initializer",
    "embeddings_initializer": "init initializer",
    "recurrent_initializer": "inner_init",
    "kernel_regularizer": "W_regularizer weight_regularizer regularizer",
    "bias_regularizer": "b_regularizer",
    "kernel_constraint": "W_constraint",
    "bias_constraint": "b_constraint",
    "use_bias": "bias",
    "rate": "p prob dropout_rate drop_rate dropout",
    "negative_slope": "alpha leak slope",
    "epsilon": "eps",
    "activation": "nonlinearity act activation_fn activation_function",
    "recurrent_activation": "inner_activation",
    "dropout": "dropout_W",
    "recurrent_dropout": "dropout_U",
    "dilation_rate": "dilation atrous_rate",
    "target_shape": "shape new_shape output_shape",
    "size": "scale_factor",
    "num_heads": "heads n_heads",
    "inputs": "input input_layer inbound inbound_nodes bottom from",
    "name": "id layer_name",
}) | {
    "weights": Hint(advice="leave it out: weights come with PUT /v1/models/{name}, as the part weights"),
    **dict.fromkeys(
        ("input_shape", "input_dim", "batch_input_shape", "batch_shape", "batch_size", "input_length", "input_dtype",
         "in_features", "in_channels", "num_features", "input_size"), FROM_INPUT),
    **dict.fromkeys(("implementation", "unroll"), NO_EFFECT),
}  # fmt: skip
"""Argument names of layers."""
DOCUMENT: Synonyms = field_hints({
    "input": "input_shape inputs shape input_dim input_size in_shape batch_input_shape",
    "outputs": "output",
    "layers": "layer nodes modules architecture sequence",
    "seed": "random_seed random_state",
    "labels": "label class_names class_labels classNames classes categories",
}) | {
    "model": Hint(advice='the document itself stands here: leave "model" out and write what is in it'),
    "document": Hint(advice='the document itself stands here: leave "document" out and write what is in it'),
    "weights": Hint(advice="weights come with PUT /v1/models/{name} as a form, in the part weights"),
    "compile_config": NO_EFFECT,
    "optimizer": NO_EFFECT,
    "loss": NO_EFFECT,
    "metrics": NO_EFFECT,
}  # fmt: skip
"""Field names of documents."""
INPUT: Synonyms = field_hints({"shape": "batch_shape input_shape batch_input_shape size", "dtype": "type datatype"})
"""Field names of one declared input."""
APPLICATION: Synonyms = field_hints(
    {"input": "input_shape shape batch_input_shape input_tensor", "application": "model network"}
)
"""Argument names of networks of keras.applications."""

_TYPES: Mapping[str, str] = {
    name: written
    for names, written in (
        ("Linear FullyConnected FC InnerProduct", "Dense"),
        ("BatchNorm BatchNorm1d BatchNorm2d BatchNorm3d", "BatchNormalization"),
        ("LayerNorm", "LayerNormalization"), ("GroupNorm", "GroupNormalization"),
        ("AdaptiveAvgPool2d GlobalAvgPool GlobalAvgPool2d", "GlobalAveragePooling2D"),
        ("AdaptiveMaxPool2d", "GlobalMaxPooling2D"),
        ("ConvTranspose1d", "Conv1DTranspose"), ("ConvTranspose2d Deconvolution2D", "Conv2DTranspose"),
        ("ConvTranspose3d", "Conv3DTranspose"), ("Dropout2d", "SpatialDropout2D"),
        ("Concat Cat", "Concatenate"), ("Resize", "Resizing"), ("Rescale", "Rescaling"), ("View Unflatten", "Reshape"),
        ("Embed", "Embedding"), ("CuDNNLSTM", "LSTM"), ("CuDNNGRU", "GRU"),
        ("SyncBatchNormalization SyncBatchNorm", "BatchNormalization"),
    ) for name in names.split()
}  # fmt: skip
_BLOCK = 'write "Block" with its "layers"'
TYPES: Mapping[str, str] = {name.casefold(): f'write "{written}"' for name, written in _TYPES.items()} | {
    "sequential": _BLOCK,
    "functional": _BLOCK,
    "model": _BLOCK,
    "bilstm": 'write {"type": "Bidirectional", "layer": {"type": "LSTM", …}}',
    "thresholdedrelu": 'write {"type": "ReLU", "threshold": …}',
    "merge": 'write "Add", "Concatenate", "Multiply", "Average", "Maximum" or "Dot"',
}
"""Suggestion for a layer type, by its name in lower case."""


def type_advice(word: str) -> str | None:
    """Return the suggestion for an unknown layer type that spelling similarity would not find."""
    known = TYPES.get(word.casefold())
    if known is not None:
        return known
    activation = word.lower() if word.lower() in {*ACTIVATIONS, *ACTIVATION_ALIASES} else snake_case(word)
    if activation in ACTIVATIONS or activation in ACTIVATION_ALIASES:
        return f'write {{"type": "Activation", "activation": "{activation}"}}'
    return None

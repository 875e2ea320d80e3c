"""Closed list of activation functions, by Keras' names."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from models.errors import shown, suggest

KERAS2_HARD_SIGMOID = "keras2_hard_sigmoid"
"""The hard_sigmoid of Keras 1 and 2, clip(0.2 * x + 0.5, 0, 1); Keras 3's is relu6(x + 3) / 6."""
ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh",
    KERAS2_HARD_SIGMOID, "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax",
    "squareplus", "tanh", "tanh_shrink",
)  # fmt: skip
"""Keras' names, and one of Keras 2. Two are left out: `glu` halves the last axis while every layer announces it
unchanged, and `threshold` needs arguments that a name cannot carry."""
ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}
"""Keras' other names for the same functions (keras.activations.ALL_OBJECTS_DICT)."""


def _parse_name(value: Any) -> str:
    """Return the canonical name; accepts the tutorials' spellings `tf.nn.relu` and `keras.activations.relu`."""
    if isinstance(value, str):
        word = value.lower().removeprefix("tf.").removeprefix("nn.").removeprefix("keras.").removeprefix("activations.")
        word = ALIASES.get(word, word)
        if word in ACTIVATIONS:
            return word
    raise _unknown(value)


def _unknown(value: Any) -> PydanticCustomError:
    known = [*ACTIVATIONS, *ALIASES]
    return PydanticCustomError(
        "unknown_activation",
        "there is no activation of this name",
        {
            "expected": f"null or one of {', '.join(known)}",
            "received": shown(value),
            "suggestion": suggest(value, known) or 'write "relu", or leave the field out for none',
        },
    )


def _parse_optional(value: Any) -> str | None:
    """Parse a name as `_parse_name` does; "linear", which has no effect, becomes None."""
    name = None if value is None else _parse_name(value)
    return None if name == "linear" else name


_NAME_SCHEMA = {"type": "string", "enum": sorted([*ACTIVATIONS, *ALIASES])}
ActivationName = TypeAliasType(
    "ActivationName",
    Annotated[str, BeforeValidator(_parse_name, json_schema_input_type=Annotated[Any, WithJsonSchema(_NAME_SCHEMA)])],
)
"""The name of an activation function."""
FusedActivation = TypeAliasType(
    "FusedActivation",
    Annotated[
        str | None,
        BeforeValidator(
            _parse_optional,
            json_schema_input_type=Annotated[Any, WithJsonSchema({"anyOf": [_NAME_SCHEMA, {"type": "null"}]})],
        ),
    ],
)
"""The final activation of a layer, or null."""

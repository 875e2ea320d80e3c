"""Keras arguments that accept only one value, each with the reason."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from models.layers.faults import fault
from models.layers.fields import QUANTIZED


def _allow(allowed: tuple[Any, ...], code: str, message: str, suggestion: str) -> BeforeValidator:
    """Return a validator that accepts only the `allowed` values."""
    expected = " or ".join("null" if value is None else str(value).lower() for value in allowed)

    def check(value: Any) -> Any:
        if not any(value is item for item in allowed):
            raise fault(code, message, expected, suggestion)
        return value

    return BeforeValidator(check)


Stateless = Annotated[
    bool,
    AfterValidator(lambda _: False),
    Field(description="Read as false, and noted in the reply: every request starts from states of zero."),
]
Dense = Annotated[
    Literal[False],
    _allow((False,), "sparse", "replies carry dense tensors only", "leave sparse out"),
]
NoWeights = Annotated[
    None,
    _allow(
        (None,), "weights", "weights are not part of a layer's arguments", "upload the weights as a file of the model"
    ),
]
AlwaysTrainable = Annotated[
    Literal[True],
    _allow((True,), "trainable", "this layer has no weights to freeze", "leave trainable out"),
]
NoDType = Annotated[None, _allow((None,), "dtype", "Keras gives this layer no dtype of its own", "leave dtype out")]
NoRegularizer = Annotated[
    None,
    _allow((None,), "activity_regularizer", "Keras gives this layer no regularizer", "leave activity_regularizer out"),
]
NoAdapter = Annotated[
    None,
    _allow(
        (None,), "lora", "adapters of a low rank are for fine-tuning",
        "leave it out, and upload the layer's kernel, which has the adapter in it",
    ),
]  # fmt: skip
NoQuantization = Annotated[
    None,
    _allow((None,), "quantization", QUANTIZED, "leave it out, and upload float weights"),
]
NoFlash = Annotated[
    Literal[False] | None,
    _allow(
        (None, False), "flash_attention", "TensorFlow has no flash attention for Keras", "leave flash_attention out"
    ),
]

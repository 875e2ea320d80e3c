"""Layers that end with an activation, specified by name or as an activation layer."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, model_validator
from typing_extensions import TypeAliasType

from models.layers.activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from models.layers.activation_names import FusedActivation
from models.layers.faults import fault
from models.layers.held import Held, check_held
from models.layers.layer import Layer
from models.layers.sizes import Shape


def _kind(value: Any) -> str:
    """Return the tag of the union member for a value."""
    word = value.type_name() if isinstance(value, Layer) else value.get("type") if isinstance(value, dict) else None
    return word if isinstance(word, str) else "name"


def _refuse_prelu(value: Any) -> Any:
    """Refuse PReLU: its slopes are weights, which Keras does not build inside another layer."""
    if _kind(value) != "PReLU":
        return value
    expected = "a name, or one of Activation, ELU, LeakyReLU, ReLU, Softmax"
    raise fault("held_layer", "PReLU has weights of its own", expected, "put PReLU behind, as a layer of its own")


def _unwrap_name(value: Layer | str | None) -> Any:
    """Replace an `Activation` layer by the name that it carries."""
    if not isinstance(value, Activation):
        return value
    return None if value.activation == "linear" else value.activation


AppliedActivation = TypeAliasType(
    "AppliedActivation",
    Annotated[
        Annotated[FusedActivation, Tag("name")]
        | Annotated[Activation, Held, Tag("Activation")]
        | Annotated[ELU, Held, Tag("ELU")]
        | Annotated[LeakyReLU, Held, Tag("LeakyReLU")]
        | Annotated[ReLU, Held, Tag("ReLU")]
        | Annotated[Softmax, Held, Tag("Softmax")],
        Discriminator(_kind),
        BeforeValidator(_refuse_prelu),
        AfterValidator(_unwrap_name),
    ],
)
"""The final activation of a layer: a name, an activation layer, or null."""


class Activated(Layer):
    """Base of layers that return an activation of what they compute."""

    activation: AppliedActivation = None

    @model_validator(mode="after")
    def _activation_shares_the_dtype(self) -> "Activated":
        """Require one dtype: Keras announces the layer's and returns the activation's."""
        if isinstance(self.activation, Layer) and self.activation.dtype != self.dtype:
            raise fault("dtype", "the activation and its layer have different dtypes", "the same dtype in both")
        return self

    def has_activation(self) -> bool:
        """Whether the activation is neither null nor linear."""
        return self.activation is not None

    def check_output(self, shape: Shape) -> None:
        """Check that the activation accepts the output of the layer."""
        if isinstance(self.activation, Layer):
            check_held("activation", self.activation, shape)

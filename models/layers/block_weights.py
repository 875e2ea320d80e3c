"""Weights that a block owns, for its operations to read: a custom layer written as its graph."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from models.layers.fields import DType, LayerName, Length
from models.layers.initializers import AnyInitializer, GlorotUniform
from models.layers.layer import Layer
from models.layers.named import STRICT
from models.limits import MAX_RANK

MAX_WEIGHTS = 64
"""Most weights of one block."""


class BlockWeight(BaseModel):
    """A weight, as `keras.Layer.add_weight` declares one. It has no batch."""

    model_config = STRICT

    shape: Annotated[list[Length], Field(max_length=MAX_RANK)]
    initializer: AnyInitializer = GlorotUniform()
    trainable: bool = True
    dtype: DType = "float32"


BlockWeights = Annotated[
    dict[LayerName, BlockWeight],
    Field(max_length=MAX_WEIGHTS, description="Weights that the operations inside read by their names."),
]


class OwnWeights(Layer):
    """The weights of one block as a node of its own: it gives their values, whatever it reads."""

    type: Literal["Block"] = "Block"
    runs_directly = True
    passes: ClassVar[int] = 0
    weights: list[tuple[str, BlockWeight]]
    """By name. Keras lists and saves those that are trained first."""

    @classmethod
    def of(cls, weights: Mapping[str, BlockWeight]) -> "OwnWeights":
        """Return the node of the weights that a block declares."""
        return cls.model_construct(weights=list(weights.items()))

    def output_count(self) -> int:
        return len(self.weights)

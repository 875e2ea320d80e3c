"""Blocks: layers under one name, a model inside a model."""

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.layers.block_weights import BlockWeights
from models.layers.faults import fault
from models.layers.fields import Address, LayerName
from models.layers.held import OneOf
from models.layers.layer import Layer
from models.limits import MAX_INPUTS, MAX_LAYERS

CLASS_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")
"""A name of a class, as files of weights have it."""


class Block(Layer):
    """Layers under one name, as the tutorials' sub-classed `ConvLayer`; blocks nest in blocks.

    Inside, `input` is what the block is applied to; `input` may instead list names for several inputs. A call may be
    given masks of its inputs, in their order, as `keywords.mask`: they count inside the block alone. `weights` are its
    own, which operations inside read by name: a custom layer is a block of what its `call` computes.
    """

    type: Literal["Block"] = "Block"
    runs_directly = True
    call_order = ("mask",)
    later = frozenset({"class_name", "weights"})
    input_count: ClassVar[tuple[int, int | None]] = (1, None)

    layers: Annotated[list[Annotated[Layer, OneOf("AnyNode")]], Field(min_length=1, max_length=MAX_LAYERS)]
    input: Annotated[list[LayerName], Field(min_length=1, max_length=MAX_INPUTS)] = ["input"]  # noqa: RUF012 (pydantic copies it)
    weights: BlockWeights = {}  # noqa: RUF012 (pydantic copies it)
    outputs: Annotated[list[Address] | None, Field(min_length=1, max_length=64)] = None
    class_name: Annotated[
        str | None,
        Field(
            pattern=f"^{CLASS_NAME.pattern}$",
            description="The class of the Keras model that this block was, Functional, Sequential or a sub-class: "
            "files of weights are named after it.",
        ),
    ] = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if both := self.weights.keys() & set(self.input):
            raise fault("weights", "a weight has the name of an input", "names used once", f"rename {min(both)}")
        return self

    def mixes_batch(self) -> bool:
        return any(layer.mixes_batch() for layer in self.layers)

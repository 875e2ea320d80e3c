"""Input fields of a layer: addresses, calls, and the tensors each call takes by name or by position."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypeAliasType

from models.layers.fields import Address, LayerName

Positional = Annotated[int, Field(ge=0, le=16)]
Addresses = TypeAliasType("Addresses", Annotated[list[Address], Field(min_length=1, max_length=64)])
"""Tensors that one call reads, in order."""
Calls = TypeAliasType(
    "Calls",
    Annotated[
        Annotated[list[Addresses], Field(min_length=1, max_length=64)] | None,
        Field(description="Applies the layer several times with shared weights, once to each list."),
    ],
)
Keywords = TypeAliasType(
    "Keywords", dict[LayerName, Address | Annotated[list[Address | None], Field(min_length=1, max_length=64)]]
)
"""Tensors that one call reads by name: one address or several."""
CallKeywords = TypeAliasType(
    "CallKeywords",
    Annotated[
        Keywords | Annotated[list[Keywords], Field(min_length=1, max_length=64)] | None,
        Field(
            description='Tensors the call takes by name, as {"mask": "not_equal"}; with several calls, one object each.'
        ),
    ],
)
CallPositional = TypeAliasType(
    "CallPositional",
    Annotated[
        Positional | Annotated[list[Positional | None], Field(min_length=1, max_length=64)] | None,
        Field(
            description="How many arguments of the call were given by position where Keras called the layer, the "
            "inputs alone when left out. Changes no number, only the order in which Keras lists layers and weights; "
            "with several calls, one number each."
        ),
    ],
)
LayerInputs = TypeAliasType(
    "LayerInputs",
    Annotated[Addresses | None, Field(description="Addresses of what this layer reads; left out, the layer before.")],
)

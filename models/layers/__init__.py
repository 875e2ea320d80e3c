"""Catalogue of allowed layers: families, types by canonical name, and aliases.

Both processes import it at their start. So validators are built once, for whole documents (`defer_build`), and no
module here has `from __future__ import annotations`: pydantic would compile each annotation again for every class that
inherits it.
"""

from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Annotated, Any, Union, get_args

from pydantic import BaseModel, Field

from models.layers import (
    activation,
    applications,
    attention,
    attention_heads,
    augmentation,
    augmentation_color,
    augmentation_geometry,
    bidirectional,
    convolution,
    convolution_depthwise,
    convolution_transposed,
    core,
    einsum,
    encoding,
    image,
    margins,
    merging,
    normalization,
    operations_arranging,
    operations_attention,
    operations_binary,
    operations_blocks,
    operations_elementwise,
    operations_images,
    operations_indexing,
    operations_joining,
    operations_products,
    operations_reducing,
    operations_reshaping,
    operations_windows,
    pipeline,
    pooling,
    pooling_global,
    preprocessing,
    recurrent,
    recurrent_cells,
    recurrent_convolution,
    regularization,
    reshaping,
    spectrogram,
    wrapping,
)
from models.layers.block import Block
from models.layers.held import UNIONS
from models.layers.layer import Layer

# GET /v1/layers returns these modules' names as families: renaming a file changes the API
FAMILIES: dict[str, tuple[ModuleType, ...]] = {
    "Core": (core, einsum),
    "Convolution": (convolution, convolution_depthwise, convolution_transposed),
    "Pooling": (pooling, pooling_global),
    "Recurrent": (recurrent, recurrent_cells, recurrent_convolution, bidirectional),
    "Attention": (attention, attention_heads),
    "Normalization": (normalization,),
    "Activation": (activation,),
    "Regularization": (regularization,),
    "Merging": (merging,),
    "Reshaping": (reshaping, margins),
    "Wrapping": (wrapping,),
    "Preprocessing": (preprocessing, encoding, spectrogram, image, pipeline),
    "Augmentation": (augmentation, augmentation_color, augmentation_geometry),
    "Applications": (applications,),
    "Operations": (
        operations_elementwise,
        operations_binary,
        operations_reducing,
        operations_arranging,
        operations_reshaping,
        operations_joining,
        operations_indexing,
        operations_products,
        operations_attention,
        operations_windows,
        operations_images,
        operations_blocks,
    ),
}
"""The modules of each family, in the order of the documentation."""


def types_in(family: str) -> list[type[Layer]]:
    """Return the types that the modules of a family declare, in order."""
    return [cls for module in FAMILIES[family] for cls in vars(module).values() if _is_declared_in(cls, module)]


def _is_declared_in(item: Any, module: ModuleType) -> bool:
    of_module = isinstance(item, type) and issubclass(item, Layer) and item.__module__ == module.__name__
    return of_module and "type" in item.model_fields


@cache
def names_of(cls: type[BaseModel]) -> tuple[str, ...]:
    """Return all values of `type` for a class, the canonical name first."""
    return get_args(cls.model_fields["type"].annotation)


def union(title: str, classes: Sequence[Any]) -> Any:
    """Return a union discriminated by `type`. JSON Schemas define it once, under its title."""
    return Annotated[Union[tuple(classes)], Field(discriminator="type", title=title)]  # noqa: UP007


CATALOGUE: dict[str, type[Layer]] = {
    cls.type_name(): cls
    for cls in sorted((cls for family in FAMILIES for cls in types_in(family)), key=lambda c: c.type_name())
}
"""Every type by its canonical name."""
ALIASES: dict[str, str] = {alias: cls.type_name() for cls in CATALOGUE.values() for alias in names_of(cls)[1:]}
"""Keras' other names of the same types."""
LAYERS: tuple[type[Layer], ...] = tuple(cls for cls in CATALOGUE.values() if cls.standalone)
"""The types that can be nodes of a graph; the others (recurrent cells) are only held by other layers."""

IMAGE_LAYERS = [cls for cls in LAYERS if issubclass(cls, image.Image | preprocessing.Rescaling)]
"""The types that a Pipeline may hold."""

ANY_NODE = union("AnyNode", (*LAYERS, Block))
"""A node of a graph: a layer or a block."""
UNIONS.update(AnyLayer=union("AnyLayer", LAYERS), AnyNode=ANY_NODE, AnyImageLayer=union("AnyImageLayer", IMAGE_LAYERS))

"""The catalogue of allowed layers: every family, every class by its canonical name, every alias."""

from __future__ import annotations

from importlib import import_module, util
from types import ModuleType
from typing import Annotated, Any, Union, get_args

from pydantic import Field

from models.layers.image import ImageAxes
from models.layers.layer import Layer
from models.layers.preprocessing import Normalization, Rescaling

_NAMES = (
    "core", "convolution", "convolution_depthwise", "convolution_transposed", "pooling", "normalization", "activation",
    "reshaping", "merging", "regularization", "attention", "recurrent_cells", "recurrent", "recurrent_convolution",
    "bidirectional", "wrapping", "preprocessing", "encoding", "spectrogram", "image", "augmentation",
    "augmentation_color", "augmentation_geometry", "pipeline",
)  # fmt: skip
FAMILIES = tuple(import_module(f"{__name__}.{name}") for name in _NAMES if util.find_spec(f"{__name__}.{name}"))


def _types_in(module: ModuleType) -> list[type[Layer]]:
    """The layer types a family module declares itself, in its order."""
    classes = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, Layer)]
    return [cls for cls in classes if cls.__module__ == module.__name__ and "type" in cls.model_fields]


def _union(classes: list[type[Layer]]) -> Any:
    """A union told apart by `type`."""
    return Annotated[Union[tuple(classes)], Field(discriminator="type")] if classes else Layer  # noqa: UP007


def _spellings(cls: type[Layer]) -> tuple[str, ...]:
    """What `type` may be; the canonical name comes first."""
    return get_args(cls.model_fields["type"].annotation)


_ALL = [cls for module in FAMILIES for cls in _types_in(module)]
CATALOGUE: dict[str, type[Layer]] = {cls.__name__: cls for cls in sorted(_ALL, key=lambda cls: cls.__name__)}
"""Every type by its canonical name."""
ALIASES: dict[str, str] = {alias: cls.__name__ for cls in CATALOGUE.values() for alias in _spellings(cls)[1:]}
"""Keras' other names of the same types."""
LAYERS: tuple[type[Layer], ...] = tuple(cls for cls in CATALOGUE.values() if cls.standalone)
"""The types that can stand in a graph; the rest (recurrent cells) live inside other layers only."""

_IMAGE_LAYERS = [cls for cls in LAYERS if issubclass(cls, ImageAxes | Rescaling | Normalization)]
for _cls in CATALOGUE.values():
    _cls.model_rebuild(_types_namespace={"AnyLayer": _union(list(LAYERS)), "AnyImageLayer": _union(_IMAGE_LAYERS)})

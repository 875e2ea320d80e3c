"""The model document: the short JSON form of a network, parsed strictly and without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, Field, PrivateAttr

from models.documents.inputs import Inputs, InputSpec
from models.documents.labels import Labels
from models.documents.source_map import IDENTITY, SourceMap
from models.documents.validation import field_names
from models.images.scale import Scale
from models.layers import ANY_NODE, names_of
from models.layers.fields import Address
from models.layers.layer import Layer
from models.layers.named import STRICT
from models.limits import MAX_LAYERS

if TYPE_CHECKING:
    AnyNode = Layer
else:
    AnyNode = ANY_NODE


class Document(BaseModel):
    """A network: its inputs, its layers in order, and what it returns."""

    model_config = STRICT
    later: ClassVar[frozenset[str]] = frozenset({"labels"})
    """Fields left out of the canonical form while they have their default, as those of layers are."""

    name: Annotated[str | None, Field(max_length=128, description="A label; not part of the identity.")] = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1, description="Weights without a file follow from it.")] = 0
    input: Inputs = None
    layers: Annotated[list[AnyNode], Field(min_length=1, max_length=MAX_LAYERS)]
    outputs: Annotated[list[Address] | None, Field(min_length=1, max_length=64)] = None
    trainable: Annotated[
        bool, Field(description="False freezes every weight, whatever the layers say, as it does on a Keras model.")
    ] = True
    scale: Annotated[Scale | None, Field(description="How images are scaled where a request does not say.")] = None
    labels: Labels | None = None

    _source_map: SourceMap = PrivateAttr(default=IDENTITY)

    @property
    def source_map(self) -> SourceMap:
        """The positions of the document's parts in the payload."""
        return self._source_map

    def with_source_map(self, source_map: SourceMap) -> Document:
        """Return the same document, read from another payload."""
        copy = self.model_copy()
        copy._source_map = source_map
        return copy

    def with_inputs(self, inputs: Mapping[str, InputSpec]) -> Document:
        """Return the same network with declared inputs."""
        return self.model_copy(update={"input": dict(inputs)})

    def with_labels(self, labels: Any) -> Document:
        """Return the same network with these labels, which are valid; None for none."""
        return self.model_copy(update={"labels": labels})


Document.model_rebuild()

DOCUMENT_FIELDS = field_names(Document)
PLAIN = frozenset((str, int, float, bool, type(None)))
"""The types of values that are their own canonical form."""


def canonical(value: Any) -> Any:
    """Return plain JSON with every default written out, tuples as arrays and types under their first name."""
    if type(value) in PLAIN:
        return value
    match value:
        case BaseModel():
            form = _form_of(type(value))
            left_out = {name for name, default in form.later.items() if getattr(value, name) == default}
            fields = {name: canonical(getattr(value, name)) for name in form.names if name not in left_out}
            return fields | {"type": form.type} if form.type is not None else fields
        case dict():
            return {key: canonical(item) for key, item in value.items()}
        case list() | tuple():
            return [canonical(item) for item in value]
    return value


class _Form(NamedTuple):
    """The canonical form of a class: its fields, the defaults of those that it leaves out at them, and its type."""

    names: tuple[str, ...]
    later: Mapping[str, Any]
    type: str | None


@cache
def _form_of(cls: type[BaseModel]) -> _Form:
    fields = cls.model_fields
    later = {name: fields[name].default for name in _later(cls)}
    return _Form(tuple(fields), later, names_of(cls)[0] if "type" in fields else None)


def _later(cls: type[BaseModel]) -> tuple[str, ...]:
    """Return the fields that the canonical form leaves out while they have their default."""
    if issubclass(cls, Layer):
        return (*cls.later, "positional")
    return tuple(cls.later) if issubclass(cls, Document) else ()

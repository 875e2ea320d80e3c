"""The model document: the short JSON form of a network, parsed strictly and without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args

from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from models.declared_inputs import declared
from models.document_text import check_not_wrapped
from models.errors import InvalidDocument, Problem
from models.habits import ARGUMENTS, DOCUMENT, INPUT
from models.images.scale import Scale
from models.inputs import Inputs, InputSpec
from models.json_value import is_large, loaded
from models.keras_json import document_of, is_keras_json
from models.layers import ALIASES, ANY_NODE, CATALOGUE
from models.layers.block import Block
from models.layers.constraints import CONSTRAINTS
from models.layers.fields import MAX_LAYERS, Address
from models.layers.initializers import INITIALIZERS
from models.layers.layer import Layer
from models.layers.named import STRICT, snake_case
from models.layers.regularizers import REGULARIZERS
from models.layers.wrapping import TimeDistributed
from models.meaning import Words
from models.places import AS_SENT, LIST_ALONE, Places
from models.surplus import without_surplus
from models.tensorflow_js import is_tensorflow_js, keras_json_in
from models.type_problems import type_problems
from models.validation import MAX_PROBLEMS, field_names, problems_of

if TYPE_CHECKING:
    from models.network import Network

KEPT_INPUTS = 2
"""Documents kept beside one that declares no inputs: one for each shape that was sent."""

if TYPE_CHECKING:
    AnyNode = Layer
else:
    AnyNode = ANY_NODE

InputsKey = tuple[tuple[str | int | None, ...], ...]
"""The name, lengths and dtype of each input."""


@dataclass(eq=False)
class Derived:
    """What was made of a document and is asked for again: its network, and itself on inputs.

    Equal to nothing else, so that documents are equal by their fields alone.
    """

    network: Network | None = None
    on_inputs: dict[InputsKey, Document] = field(default_factory=dict)


class Document(BaseModel):
    """A network: its inputs, its layers in order, and what it returns."""

    model_config = STRICT

    name: Annotated[str | None, Field(max_length=128, description="A label; not part of the identity.")] = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1, description="Weights without a file follow from it.")] = 0
    input: Inputs = None
    layers: Annotated[list[AnyNode], Field(min_length=1, max_length=MAX_LAYERS)]
    outputs: Annotated[list[Address] | None, Field(min_length=1, max_length=64)] = None
    trainable: Annotated[
        bool, Field(description="False freezes every weight, whatever the layers say, as it does on a Keras model.")
    ] = True
    scale: Annotated[Scale | None, Field(description="How images are scaled where a request does not say.")] = None

    _places: Places = PrivateAttr(default=AS_SENT)

    @property
    def places(self) -> Places:
        """Where its parts stand in what was sent."""
        return self._places

    def standing_at(self, places: Places) -> Document:
        """The same network, made of something else that was sent."""
        made = self.model_copy()
        made._places = places
        return made

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, for which nothing is known yet that follows from its fields."""
        made = super().model_copy(update=update, deep=deep)
        made.__dict__.pop("derived", None)
        return made

    @cached_property
    def derived(self) -> Derived:
        """What follows from its fields, as far as it is known."""
        return Derived()

    def with_inputs(self, inputs: Mapping[str, InputSpec]) -> Document:
        """The same network on declared inputs; a few of them are kept."""
        key = tuple((name, *spec.shape, spec.dtype) for name, spec in inputs.items())
        kept = self.derived.on_inputs
        found = kept.get(key)
        if found is None:
            found = self.model_copy(update={"input": dict(inputs)})
            if len(kept) >= KEPT_INPUTS:
                kept.clear()
            kept[key] = found
        return found


Document.model_rebuild()

DOCUMENT_FIELDS = field_names(Document)
NAMED = (*INITIALIZERS, *REGULARIZERS, *CONSTRAINTS)
FIELDS: Mapping[str, list[str]] = {
    "": DOCUMENT_FIELDS,
    "input": field_names(InputSpec),
    **{spelling: field_names(cls) for cls in NAMED for spelling in (cls.__name__, snake_case(cls.__name__))},
    "Block": field_names(Block),
    **{name: field_names(cls) for name, cls in CATALOGUE.items()},
    **{alias: field_names(CATALOGUE[name]) for alias, name in ALIASES.items()},
}
WORDS = Words(FIELDS, {"": DOCUMENT, "input": INPUT, **dict.fromkeys(("Block", *CATALOGUE, *ALIASES), ARGUMENTS)})


def parse_document(raw: Any) -> Document:
    """The document that `raw`, parsed JSON, describes: our own form or Keras' `model.to_json()`, as a value or as text.

    A bare list is short for `{"layers": [...]}`, a model.json of TensorFlow.js for what Keras wrote inside, and layers
    that declare the inputs, as in Keras, for `input`.

    Raises:
        InvalidDocument: listing every problem with its pointer into `raw`.
    """
    value = loaded(raw)
    if is_tensorflow_js(value):
        data, places = document_of(*keras_json_in(value))
    elif is_keras_json(value):
        data, places = document_of(value)
    else:
        data, places = _own_form(value)
    try:
        document = _validated(data)
    except InvalidDocument as error:
        raise places.located(error) from None
    document._places = places
    return document


def _own_form(value: Any) -> tuple[Any, Places]:
    """A document of our own with all that it declares in its own fields, and where they stand in `value`."""
    is_list = isinstance(value, list)
    if isinstance(value, dict):
        check_not_wrapped(value)
    data, places = ({"layers": value}, LIST_ALONE) if is_list else (value, AS_SENT)
    found = declared(data, "" if is_list else "/layers")
    return (data, places) if found is None else (found.data, found.places)


def _validated(data: Any) -> Document:
    listed = data.get("layers") if isinstance(data, dict) else None
    problems = list(islice(type_problems(listed), MAX_PROBLEMS))
    if problems:
        raise InvalidDocument("", [problem.under("/layers") for problem in problems])
    if is_large(listed) and (left := without_surplus(listed, FIELDS)) is not listed:
        _parsed({**data, "layers": left})
    document = _parsed(data)
    _check_layer_count(document)
    return document


def _parsed(data: Any) -> Document:
    try:
        return Document.model_validate(data)
    except ValidationError as error:
        raise InvalidDocument("", problems_of(error, data, WORDS)) from None


def _check_layer_count(document: Document) -> None:
    count = _count(document.layers)
    if count > MAX_LAYERS:
        problem = Problem("/layers", "there are too many layers", f"at most {MAX_LAYERS} layers", f"{count} layers")
        raise InvalidDocument("", [problem])


def _count(layers: list[Layer]) -> int:
    return sum(1 + _count(layer.layers if isinstance(layer, Block) else _held(layer)) for layer in layers)


def _held(layer: Layer) -> list[Layer]:
    """What a wrapper holds, as far as that may be more than one layer."""
    held = getattr(layer, "layer", None)
    return [held] if isinstance(held, Block | TimeDistributed) else []


def canonical(value: Any) -> Any:
    """Plain JSON with every default written out, tuples as arrays and types under their first name."""
    match value:
        case BaseModel():
            fields = {name: canonical(getattr(value, name)) for name in type(value).model_fields}
            for name in (*value.later, "positional") if isinstance(value, Layer) else ():
                if getattr(value, name) == type(value).model_fields[name].default:
                    del fields[name]
            return fields | {"type": _type_name(type(value))} if "type" in fields else fields
        case dict():
            return {key: canonical(item) for key, item in value.items()}
        case list() | tuple():
            return [canonical(item) for item in value]
    return value


def _type_name(cls: type[BaseModel]) -> str:
    """The first of the names that `type` may have."""
    return str(get_args(cls.model_fields["type"].annotation)[0])

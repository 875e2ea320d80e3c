"""Options of activation requests, with the same names in the query, in forms and in JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Generic, Literal, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from models.documents.validation import field_names, problems_of
from models.errors import InvalidOption, shown
from models.errors.problem import pointer_to
from models.errors.suggestions import Words
from models.images import Scale
from models.lru_cache import LruCache
from service.options.pictures import PictureOptions
from service.options.views import ViewOptions

LAYERS, TO = "layers", "to"
REPEATED = (LAYERS, TO)
"""The options that may be repeated: lists of selectors."""
MAX_SELECTORS = 1024
BRACKETS = re.compile(r"\[\d{0,6}\]$")
"""Suffix that clients append to names of repeated fields: `layers[]`, `layers[0]`."""


def _selectors(value: Any) -> Any:
    """Split a string of comma-separated selectors, or parse it as a JSON array; return other values unchanged."""
    if not isinstance(value, str):
        return value
    items = _parse_array(value) if value.startswith("[") else None
    return [part.strip() for part in value.split(",")] if items is None else items


def _parse_array(text: str) -> list[str] | None:
    """Parse a JSON array of strings; None if it is not one, as names may begin with a bracket, too."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def decoded_object(value: Any) -> Any:
    """Decode a JSON object or array that is text, as in a query or a form; return other values unchanged."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


Selector = Annotated[str, Field(min_length=1, max_length=1024)]
Selectors = Annotated[
    Annotated[list[Selector], Field(min_length=1, max_length=MAX_SELECTORS)] | None,
    BeforeValidator(_selectors, json_schema_input_type=list[str] | str | None),
    Field(
        description="Selectors: addresses, globs (`block?/conv*`) or `type:Conv2D`, as a list or separated by "
        "commas. Default: every layer.",
    ),
]


EDITS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "array", "maxItems": 64, "items": {"type": "object", "required": ["at"]}},
        {"type": "string"},
        {"type": "null"},
    ]
}


class InputOptions(BaseModel):
    """Options of every request that runs a network: of its inputs, and the format of the reply."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    format: str | None = Field(
        None,
        description="`json`, `npz`, `safetensors`, `npy` (of one tensor), `jsonl` (a line for each layer), `png` or "
        "`svg`; wins over `Accept`.",
    )
    resize: Literal["bilinear", "nearest", "none"] = Field(
        "bilinear", description="How images meet a fixed input size."
    )
    scale: Scale | None = Field(
        None,
        description="How pixels become numbers: `none` 0…255, `unit` 0…1, `signed` -1…1, `caffe`, `torch`. "
        "Default: as the document says, else `none`.",
    )

    edits: Annotated[list[Any] | None, BeforeValidator(decoded_object)] = Field(
        None,
        description="What becomes of tensors on the way, in this order: each with `at`, a selector, `channels` or "
        "`slice`, and one operation: `zero`, `mean`, `set`, `scale`, `add`, `clamp`, `noise`, `permute`, `patch`, "
        "`project`.",
        json_schema_extra={**EDITS_SCHEMA},
    )

    @cached_property
    def cache_key(self) -> str:
        """The options that determine the reply, as text; the format is keyed separately."""
        return self.model_dump_json(exclude={"format"})

    @property
    def is_repeatable(self) -> bool:
        """Whether equal requests have equal replies."""
        return True

    @property
    def is_overlay(self) -> bool:
        """Whether maps are drawn over the pictures that were posted."""
        return False


class RunOptions(ViewOptions, PictureOptions, InputOptions):
    """Options of requests whose replies have tensors."""

    data: Literal["nested", "base64", "none"] = Field("nested", description="How JSON carries the arrays.")
    weights: bool = Field(False, description="Whether each layer's weights come along.")
    stats: bool | None = Field(
        None, description="Whether min, max, mean, std, zeros, NaN and infinities are counted. Default: in JSON only."
    )

    @property
    def sends_weights(self) -> bool:
        """Whether weights are sent, not only looked at."""
        return self.weights


class ActivationOptions(RunOptions):
    """Options of a request for activations."""

    layers: Selectors = None
    training: bool = Field(
        False, description="Training mode for BatchNormalization and Dropout; the model itself does not change."
    )

    @property
    def is_repeatable(self) -> bool:
        """Whether equal requests have equal replies: in training mode numbers are drawn."""
        return not self.training


OptionsT = TypeVar("OptionsT", bound=InputOptions)
NONE: Mapping[str, Any] = MappingProxyType({})
MAX_CACHED_QUERIES, MAX_CACHED_BYTES = 256, 4 << 20
OPTION_BYTES = 20
"""Estimated memory of parsed options per byte of their query."""


class QueryOptions(Generic[OptionsT]):
    """Cache of options of one kind parsed from queries, which clients repeat."""

    def __init__(self, kind: type[OptionsT]) -> None:
        self.kind, self.names = kind, tuple(field_names(kind))
        self._cache: LruCache[bytes, OptionsT] = LruCache(MAX_CACHED_QUERIES, MAX_CACHED_BYTES)

    def read(self, request: Request, others: Mapping[str, Any] = NONE, words: Words | None = None) -> OptionsT:
        """Return the options of one request, with others that its body has.

        Raises:
            InvalidOption: as `options_from`.
        """
        words = words or Words({"": self.names})
        if others:
            return options_from(self.kind, query_options(request), others, words=words)
        query: bytes = request.scope["query_string"]
        options = self._cache.get(query)
        if options is None:
            options = options_from(self.kind, query_options(request), words=words)
            self._cache.add(query, options, OPTION_BYTES * len(query))
        return options


def query_options(request: Request) -> dict[str, Any]:
    """Return the unparsed options of a query; raise InvalidOption for a repeated name other than lists of selectors."""
    return from_pairs(request.query_params.multi_items()) if request.scope["query_string"] else {}


def options_from(kind: type[OptionsT], *sources: Mapping[str, Any], words: Words) -> OptionsT:
    """Merge and validate options from the query and the body; `words` are all names allowed there.

    Raises:
        InvalidOption: for an unknown name, an invalid value, or a repeated option.
    """
    options = merge_options(*sources)
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        raise InvalidOption("", problems_of(error, options, words)) from None


def merge_options(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Merge options by name.

    Raises:
        InvalidOption: for an option in several sources.
    """
    merged: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            if name in merged:
                raise _duplicate(name)
            merged[name] = value
    return merged


def _duplicate(name: str) -> InvalidOption:
    return InvalidOption.at(pointer_to([name]), f"{shown(name)} is given twice", expected="one value", received="two")


def from_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Collect options from a query or form; raise InvalidOption for a repeated name other than lists of selectors."""
    options: dict[str, Any] = {}
    for name, value in pairs:
        if (bare := BRACKETS.sub("", name)) in REPEATED:
            options.setdefault(bare, []).extend(_selectors(value))
        elif name in options:
            raise _duplicate(name)
        else:
            options[name] = value
    return options

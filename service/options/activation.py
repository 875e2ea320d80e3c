"""What a client may ask for besides a model and an input: the same names in the query, a form and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import orjson
from fastapi import Request
from pydantic import BeforeValidator, Field, ValidationError

from models.documents.validation import field_names, problems_of
from models.errors import InvalidOption, Problem, shown
from models.images import Scale
from models.problems import pointer_to
from models.suggestions import Words
from service.caches.lru import Recent
from service.options.pictures import PictureOptions
from service.options.views import ViewOptions

LAYERS = "layers"
"""The one option that may be repeated."""
MAX_SELECTORS = 1024


BRACKETS = re.compile(r"\[\d{0,6}\]$")
"""What clients put behind the name of what may be repeated: `layers[]`, `layers[0]`."""


def _selectors(value: Any) -> Any:
    """A string holds several selectors, separated by commas, or is a JSON array; a list is taken as it is."""
    if not isinstance(value, str):
        return value
    listed = _listed(value) if value.startswith("[") else None
    return [part.strip() for part in value.split(",")] if listed is None else listed


def _listed(text: str) -> list[str] | None:
    """The strings of a JSON array; None where it is none, for names may begin with a bracket, too."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


Selector = Annotated[str, Field(min_length=1, max_length=1024)]
Selectors = Annotated[
    Annotated[list[Selector], Field(min_length=1, max_length=MAX_SELECTORS)] | None,
    BeforeValidator(_selectors, json_schema_input_type=list[str] | str | None),
    Field(
        description="Selectors: addresses, globs (`block?/conv*`) or `type:Conv2D`, as a list or separated by "
        "commas. Default: every layer.",
    ),
]


class ActivationOptions(ViewOptions, PictureOptions):
    """Options of a request for activations."""

    layers: Selectors = None
    data: Literal["nested", "base64", "none"] = Field("nested", description="How JSON carries the arrays.")
    weights: bool = Field(False, description="Whether each layer's weights come along.")
    stats: bool | None = Field(
        None, description="Whether min, max, mean, std, zeros, NaN and infinities are counted. Default: in JSON only."
    )
    training: bool = Field(
        False, description="Training mode for BatchNormalization and Dropout; the model itself does not change."
    )
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

    @cached_property
    def cache_key(self) -> str:
        """What makes replies different, as text; the format is a matter of its own."""
        return self.model_dump_json(exclude={"format"})


NAMES = tuple(field_names(ActivationOptions))
OPTIONS_ALONE = Words({"": NAMES})
KEPT_QUERIES, KEPT_BYTES = 256, 4 << 20
OPTION_BYTES = 20
"""What the options of a query are taken to hold for each of its bytes."""


class QueryOptions:
    """The options in queries; clients ask the same again and again."""

    def __init__(self) -> None:
        self._recent: Recent[ActivationOptions] = Recent(KEPT_QUERIES, KEPT_BYTES)

    def read(self, request: Request) -> ActivationOptions:
        """Those of one request.

        Raises:
            InvalidOption: as `options_from`.
        """
        query: bytes = request.scope["query_string"]
        options = self._recent.get(query)
        if options is None:
            options = options_from(from_pairs(request.query_params.multi_items()))
            self._recent.add(query, options, OPTION_BYTES * len(query))
        return options


def options_from(*sources: Mapping[str, Any], words: Words = OPTIONS_ALONE) -> ActivationOptions:
    """Options gathered from the query and the body; `words` are what may stand beside them.

    Raises:
        InvalidOption: for a name nobody knows, a value that makes no sense, or one option given twice.
    """
    given = gathered(*sources)
    try:
        return ActivationOptions.model_validate(given)
    except ValidationError as error:
        raise InvalidOption("", problems_of(error, given, words)) from None


def gathered(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """All values by name.

    Raises:
        InvalidOption: for one that several sources give.
    """
    given: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            if name in given:
                raise _twice(name)
            given[name] = value
    return given


def _twice(name: str) -> InvalidOption:
    return InvalidOption("", [Problem(pointer_to([name]), f"{shown(name)} is given twice", "one value", "two")])


def from_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Options out of a query or form, where a name may be repeated."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name == LAYERS or BRACKETS.sub("", name) == LAYERS:
            found.setdefault(LAYERS, []).extend(_selectors(value))
        elif name in found:
            raise _twice(name)
        else:
            found[name] = value
    return found

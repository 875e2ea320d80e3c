"""Class labels of a document: names for the units of an output, no part of the model's identity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, FailFast, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from models.documents.validation import problems_of
from models.errors import InvalidDocument, shown
from models.layers.fields import Address
from models.layers.named import STRICT
from models.limits import MAX_LABEL, MAX_LABELS

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line breaks of Unicode included, and halves of characters."""
LABEL_BYTES = 80
"""Memory of one label beside its characters: a string and its place in a list."""
MAX_OUTPUTS = 64
"""Most outputs of a network, as in a document's `outputs`."""


def label_fault(label: str) -> str | None:
    """Return what is wrong with a label; None if nothing is."""
    if not label.strip():
        return "is empty"
    if len(label) > MAX_LABEL:
        return "is too long for a class label"
    return "has a control character" if CONTROL.search(label) else None


EXPECTED_LABEL = f"1 to {MAX_LABEL} characters without control characters"


def _check_label(label: str) -> str:
    fault = label_fault(label)
    if fault is None:
        return label
    received = f"a string of {len(label)} characters" if len(label) > MAX_LABEL else shown(label)
    raise PydanticCustomError("label", fault, {"expected": EXPECTED_LABEL, "received": received})


Label = TypeAliasType(
    "Label",
    Annotated[
        str, AfterValidator(_check_label), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_LABEL})
    ],
)
"""The name of one unit."""
LabelList = TypeAliasType("LabelList", Annotated[list[Label], Field(min_length=1, max_length=MAX_LABELS), FailFast()])
"""The names of all units of an output, in their order. Of several faults the first is reported: there may be many."""
Labels = Annotated[
    LabelList | Annotated[dict[Address, LabelList], Field(min_length=1, max_length=MAX_OUTPUTS)],
    Field(description="Names of an output's units, in their order; an object by output where several could be meant."),
]
"""Labels of the one output that they fit, or by output address."""


class _Labelled(BaseModel):
    """Labels that stand outside a document."""

    model_config = STRICT
    labels: Labels


def validate_labels(value: Any) -> Any:
    """Validate labels that stand outside a document of our own.

    Raises:
        InvalidDocument: pointing below `/labels`.
    """
    try:
        return _Labelled.model_validate({"labels": value}).labels
    except ValidationError as error:
        raise InvalidDocument("", problems_of(error, {"labels": value})) from None


def labels_nbytes(labels: Any) -> int:
    """Return the approximate memory of labels; 0 for None."""
    lists: Iterable[Sequence[str]] = labels.values() if isinstance(labels, dict) else [labels or ()]
    return sum(LABEL_BYTES * len(names) + 4 * sum(map(len, names)) for names in lists)

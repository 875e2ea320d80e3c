"""Options of plan requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from models.documents.validation import field_names, problems_of
from models.errors import InvalidOption
from models.errors.suggestions import Words
from service.options.activation import Selectors, decoded_object
from service.options.field_names import MODEL
from service.options.foreign_names import PLAN
from service.options.pictures import NotBool
from service.options.views import ViewOptions

MAX_BATCH = 2**20


class PlanOptions(ViewOptions):
    """Options of plan requests."""

    batch: Annotated[
        Annotated[int, Field(ge=1, le=MAX_BATCH), NotBool] | None,
        Field(description="Examples at once; null leaves the batch free."),
    ] = 1
    layers: Selectors = None
    explanation: Annotated[
        dict[str, Any] | None,
        BeforeValidator(decoded_object),
        Field(description="An explanation to price: the options of one, `method`, `of`, `to` and so on."),
    ] = None


WORDS = Words({"": [MODEL, *field_names(PlanOptions)]}, {"": PLAN})


def plan_options(values: Mapping[str, Any]) -> PlanOptions:
    """Validate options.

    Raises:
        InvalidOption: for an unknown name or an invalid value.
    """
    try:
        return PlanOptions.model_validate(values)
    except ValidationError as error:
        raise InvalidOption("", problems_of(error, values, WORDS)) from None

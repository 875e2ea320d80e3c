"""Schema of an inference request's JSON. `inputs` decodes the values of tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from models.documents.validation import field_names, problems_of
from models.errors import InvalidOption, Unsupported, shown
from models.errors.problem import pointer_to
from models.errors.suggestions import Words
from models.images import Scale
from models.images.resize import Resize
from models.networks.view_selection import PARSERS
from service.open_inference.codec import BYTES, DATATYPES
from service.options.foreign_names import OPEN_INFERENCE

STRICT = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)
RESERVED = ("sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers")
"""Scheduling parameters of Triton's clients, which are accepted and ignored."""
RESERVED_PREFIX = "triton_"
SCHEDULING: JsonDict = {f"^({'|'.join(RESERVED)})$|^{RESERVED_PREFIX}": {"description": "Taken, and changes nothing."}}
"""The schema of these parameters."""
SHARED_MEMORY = "shared_memory_"
MAX_TENSORS = 1024
Size = Annotated[int, Field(ge=0)]
if TYPE_CHECKING:
    Datatype = str
else:
    Datatype = Literal[(*DATATYPES.values(), BYTES)]


def _or_null(model: type[BaseModel]) -> BeforeValidator:
    """Accept null as the default, as some clients send it."""
    return BeforeValidator(lambda value: {} if value is None else value, json_schema_input_type=model | None)


CONTENT_TYPE = "np"
"""MLServer's content type of numeric tensors."""


def _content_type(value: Any) -> Any:
    """Validate MLServer's content type of a tensor: one that would change its meaning is rejected by name."""
    if value is None or value == CONTENT_TYPE:
        return value
    context = {"expected": f'"{CONTENT_TYPE}", or nothing: inputs and outputs are tensors', "received": shown(value),
               "suggestion": "leave content_type out; text and tables are not read, pictures are BYTES"}  # fmt: skip
    raise PydanticCustomError("content_type", "this kind of content is not read here", context)


ContentType = Annotated[
    Any, BeforeValidator(_content_type), Field(description=f"`{CONTENT_TYPE}`, which changes nothing; no other.")
]
Unread = Annotated[Any, Field(description="Not read.")]


class Views(BaseModel):
    """What is made of outputs before they are sent."""

    model_config = STRICT
    slice: str | None = Field(None, description="A part in NumPy's notation, the batch first: `0, :, :, 3:8`.")
    reduce: str | None = Field(None, description="A function over named axes: `mean@h,w`.")
    top: int | str | None = Field(None, description="The k largest units of the last axis.")
    histogram: int | str | None = Field(None, description="Bins, or bins and range: `64,-2,2`.")
    dtype: str | None = Field(None, description="`float16`, `bfloat16`, `float32`, `float64` or `uint8`.")

    def views(self) -> dict[str, Any]:
        """Return the views that are set, by name."""
        return {name: getattr(self, name) for name in PARSERS if getattr(self, name) is not None}


class RequestParameters(Views):
    """Of the whole request; views for every output, or as JSON text by selector."""

    model_config = STRICT | ConfigDict(json_schema_extra={"patternProperties": SCHEDULING})
    binary_data_output: bool = Field(False, description="Outputs come as bytes unless they say otherwise.")
    training: bool = Field(False, description="Training mode for BatchNormalization and Dropout.")
    resize: Resize = Field("bilinear", description="How images meet a fixed input size.")
    scale: Scale | None = Field(None, description="How pixels become numbers. Default: as the document says.")
    content_type: ContentType = None


class InputParameters(BaseModel):
    """Of one input."""

    model_config = STRICT
    binary_data_size: Size | None = Field(None, description="Bytes behind the JSON that are this input's.")
    content_type: ContentType = None
    headers: Unread = None


class OutputParameters(Views):
    """Of one output."""

    binary_data: bool | None = Field(None, description="Whether it comes as bytes.")
    classification: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="The k largest values, not the tensor, as BYTES `value:index`, with labels `value:index:label`.",
    )
    content_type: ContentType = None
    headers: Unread = None


class Input(BaseModel):
    """One input tensor, its batch included."""

    model_config = STRICT
    name: str
    shape: list[int]
    datatype: Datatype
    parameters: Annotated[InputParameters, _or_null(InputParameters)] = InputParameters()
    data: Any = Field(None, description="The values in C order, flat or nested.")


class RequestedOutput(BaseModel):
    """An address of a layer."""

    model_config = STRICT
    name: Annotated[str, Field(min_length=1, max_length=1024)]
    parameters: Annotated[OutputParameters, _or_null(OutputParameters)] = OutputParameters()


class InferRequest(BaseModel):
    """An inference."""

    model_config = STRICT
    id: str | None = None
    model_name: Any = Field(None, description="Not read: the path names the model.")
    model_version: Literal["1", ""] | None = Field(None, description="The one there is.")
    inputs: Annotated[list[Input], Field(max_length=MAX_TENSORS)]
    outputs: Annotated[list[RequestedOutput], Field(max_length=MAX_TENSORS)] | None = Field(
        None, description="Default: the model's outputs."
    )
    parameters: Annotated[RequestParameters, _or_null(RequestParameters)] = RequestParameters()


WORDS = Words({
    "": field_names(InferRequest),
    "inputs": [*field_names(Input), *field_names(InputParameters)],
    "outputs": [*field_names(RequestedOutput), *field_names(OutputParameters)],
    "parameters": field_names(RequestParameters),
}, {"": OPEN_INFERENCE})  # fmt: skip


def infer_request(raw: Any) -> InferRequest:
    """Validate parsed JSON as a request.

    Raises:
        InvalidOption: with every problem.
        Unsupported: a tensor is in shared memory.
    """
    if not isinstance(raw, dict):
        raise InvalidOption.at("", "the body is not an object", expected='{"inputs": […]}', received=shown(raw))
    for path in _shared_memory_paths(raw):
        message = "tensors in shared memory are not read: a service may be on another machine"
        raise Unsupported.at(pointer_to(path), message, expected="binary_data_size or data", received="shared memory")
    accepted = {**raw, "parameters": _without_reserved(raw["parameters"])} if "parameters" in raw else raw
    try:
        return InferRequest.model_validate(accepted)
    except ValidationError as error:
        raise InvalidOption("", problems_of(error, accepted, WORDS)) from None


def _without_reserved(parameters: Any) -> Any:
    if not isinstance(parameters, dict):
        return parameters
    return {
        key: value for key, value in parameters.items() if key not in RESERVED and not key.startswith(RESERVED_PREFIX)
    }


def _shared_memory_paths(raw: dict[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths of parameters that place a tensor in shared memory."""
    for kind in ("inputs", "outputs"):
        tensors = raw.get(kind)
        for number, tensor in enumerate(tensors if isinstance(tensors, list) else []):
            parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
            for key in parameters if isinstance(parameters, dict) else ():
                if key.startswith(SHARED_MEMORY):
                    yield kind, number, "parameters", key

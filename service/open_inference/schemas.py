"""Response schemas of the protocol's routes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

EXTENSIONS = (
    "binary_tensor_data", "classification", "model_configuration", "model_repository", "parameters", "statistics",
)  # fmt: skip
"""Supported extensions of the protocol."""
PLATFORM = "keras_layerscope"


class Alive(BaseModel):
    """The front answers."""

    live: bool = True


class ServerReady(BaseModel):
    """An engine is warmed up."""

    ready: bool = True


class ModelReady(BaseModel):
    """Inferences run on the model."""

    name: str
    ready: bool = True


class ServerMetadata(BaseModel):
    """What is running, and which extensions of the protocol it speaks."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """A tensor; -1 in its shape is a dimension that may vary, the batch among them."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model's inputs and outputs. Beside these outputs, every address of a layer can be asked for."""

    name: str
    versions: list[str]
    platform: str = PLATFORM
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ConfiguredTensor(BaseModel):
    """A tensor without its batch."""

    name: str
    data_type: str
    dims: list[int]


class ModelConfiguration(BaseModel):
    """A model, as Triton's model configuration has it."""

    name: str
    platform: str = PLATFORM
    backend: str = "layerscope"
    max_batch_size: int = Field(description="The largest batch whose inputs are within the limit of one request.")
    input: list[ConfiguredTensor]
    output: list[ConfiguredTensor]


class IndexEntry(BaseModel):
    """A registered model."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str = ""


class ModelStatistics(BaseModel):
    """Of one model. Durations are counts and nanoseconds, `last_inference` milliseconds since 1970."""

    name: str
    version: str
    last_inference: int
    inference_count: int = Field(description="Items of all batches.")
    execution_count: int
    inference_stats: dict[str, dict[str, int]]
    response_stats: dict[str, Any]
    batch_stats: list[dict[str, Any]]
    memory_usage: list[dict[str, Any]]


class Statistics(BaseModel):
    """Since the service started."""

    model_stats: list[ModelStatistics]


class ReplyTensor(BaseModel):
    """An output. Its values are `data`, or stand behind the JSON: `parameters.binary_data_size` bytes."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = None


class InferReply(BaseModel):
    """An inference's reply, or the JSON that stands before its tensors' bytes."""

    id: str | None = None
    model_name: str
    model_version: str
    outputs: list[ReplyTensor]

"""Response models of registered models and of the catalogue of layers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class ModelEntry(BaseModel):
    """A registered model in a list."""

    name: str
    id: str
    created: str
    weights: str | None = Field(description="`sha256:…` of the weights; null when they follow from the seed.")


class NoteReply(BaseModel):
    """A note on a document that was accepted."""

    pointer: str = Field(description="A JSON pointer into the request.")
    message: str = Field(description="What is read there as something else than it says.")


class RegisteredModel(ModelEntry):
    """A model that was registered."""

    notes: list[NoteReply] = Field([], description="Where there are any.")


class DamagedName(BaseModel):
    """A name whose file in the store cannot be read."""

    name: str
    problem: str = Field(description="What is wrong with the file.")


class ModelList(BaseModel):
    """Every registered model."""

    models: list[ModelEntry]
    damaged: list[DamagedName] = Field(
        [], description="Names that stand for no model, where there are any: PUT replaces one, DELETE removes it."
    )


class NodeReply(BaseModel):
    """One layer call of a graph."""

    address: str
    type: str
    inputs: list[str]
    outputs: list[str]
    shape: list[int | None] | None = None
    parameters: int | None = None


class ModelSummary(ModelEntry):
    """A registered model with its graph. Shapes and counts are there when the document declares its inputs."""

    inputs: dict[str, Any]
    outputs: list[str]
    labels: dict[str, list[str]] = Field({}, description="Names of the units of outputs, by output.")
    parameters: int | None
    nodes: list[NodeReply]
    edges: list[tuple[str, str]]


class LayerTypeEntry(BaseModel):
    """A layer type of the catalogue."""

    type: str
    aliases: list[str]
    family: str
    summary: str


class LayerTypeList(BaseModel):
    """The catalogue."""

    layers: list[LayerTypeEntry]
    left_out: dict[str, str] = Field(description="Layers of Keras that are not allowed, and why.")


class LayerType(LayerTypeEntry):
    """A layer type with its arguments and a document that works."""

    arguments: dict[str, Any] = Field(description="JSON Schema.")
    example: dict[str, Any]

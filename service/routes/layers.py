"""`GET /v1/layers`: the catalogue of layer types."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool

from models.documents.json_schema import schema_of
from models.documents.synonyms import type_advice
from models.errors import InvalidOption, NotFound, Problem, shown
from models.layers import ALIASES, CATALOGUE
from models.layers.excluded import DECLARE, EXCLUDED, INPUT_LAYERS, INSTEAD
from models.layers.layer import Layer
from models.reading.unknown_types import nearest_type
from service.errors.handlers import raises
from service.openapi.model_schemas import LayerType, LayerTypeEntry, LayerTypeList

router = APIRouter(tags=["layers"])

EXAMPLE_STEPS = 3


@router.get("/v1/layers", summary="Every allowed layer", responses=raises(InvalidOption))
async def get_layers() -> LayerTypeList:
    """The catalogue, and what of Keras is left out of it."""
    return LayerTypeList(layers=[LayerTypeEntry(**_entry(name)) for name in CATALOGUE], left_out=dict(EXCLUDED))


@router.get("/v1/layers/{type}", summary="One layer's arguments", responses=raises(NotFound, InvalidOption))
async def get_layer(type: Annotated[str, Path(examples=["Conv2D"])]) -> LayerType:
    """The JSON Schema of a layer's arguments, and a document that runs."""
    name = ALIASES.get(type, type)
    if name not in CATALOGUE:
        raise NotFound("", [_unknown(type)])
    cls = CATALOGUE[name]
    arguments = await run_in_threadpool(schema_of, cls)
    return LayerType(**_entry(name), arguments=arguments, example=example_document(cls))


def _unknown(word: str) -> Problem:
    reason = f"{word} is left out of the catalogue: {EXCLUDED[word]}" if word in EXCLUDED else None
    if word in INPUT_LAYERS:
        reason = f"{word} declares an input, at the head of a document's layers, and is no layer itself"
    return Problem(
        "", reason or "there is no layer of this type", "a layer of GET /v1/layers", shown(word),
        DECLARE if word in INPUT_LAYERS else INSTEAD.get(word) or type_advice(word) or nearest_type(word),
    )  # fmt: skip


def _entry(name: str) -> dict[str, Any]:
    cls = CATALOGUE[name]
    aliases = [alias for alias, target in ALIASES.items() if target == name]
    return {"type": name, "aliases": aliases, "family": cls.__module__.rpartition(".")[2], "summary": cls.summary()}


def example_document(cls: type[Layer]) -> dict[str, Any]:
    """Return a document with this layer alone, on the inputs of its example; a cell is wrapped in an RNN."""
    layer = {"type": cls.type_name(), **cls.example.arguments}
    shapes = cls.example.shapes
    if not cls.standalone:  # a cell reads one step
        layer, shapes = {"type": "RNN", "cell": layer}, tuple((EXAMPLE_STEPS, *shape) for shape in shapes)
    if len(shapes) == 1:
        return {"input": {"shape": list(shapes[0]), "dtype": cls.example.dtype}, "layers": [layer]}
    names = [f"input_{number}" for number in range(len(shapes))]
    inputs = {
        name: {"shape": list(shape), "dtype": cls.example.dtype} for name, shape in zip(names, shapes, strict=True)
    }
    return {"input": inputs, "layers": [layer | {"inputs": names}]}

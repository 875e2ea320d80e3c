"""Values and documents drawn at random from the layers' own JSON schemas: the same ones for the same seed."""

from __future__ import annotations

from math import prod
from random import Random
from typing import Any

from acceptance.mutants import mutant
from models.layers import LAYERS
from models.layers.layer import GRAPH_FIELDS, Layer
from models.tensors.dtypes import DTYPES

Json = Any
WORDS = (
    "a", "relu", "ab,bc->ac", "same", "", "bij,bjk->bik", "bij,jk->bik", "...i,ij->...j", "bij->bji", "bii->bi",
    "b...->b...",
)  # fmt: skip
MAX_ITEMS = 4
"""Longest array that is drawn where the schema allows longer ones."""


class Drawer:
    """Source of values that fit a JSON schema, small ones rather than large ones."""

    def __init__(self, random: Random, schema: dict[str, Json]) -> None:
        self.random, self._definitions = random, schema.get("$defs", {})

    def value(self, schema: dict[str, Json]) -> Json:
        """Return a value that fits."""
        if "$ref" in schema:
            return self.value(self._definitions[schema["$ref"].rpartition("/")[2]])
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self.value(self.random.choice(schema[several]))
        if "const" in schema or "enum" in schema:
            return self.random.choice(schema.get("enum") or [schema["const"]])
        kind = schema.get("type", "null")
        kind = self.random.choice(kind) if isinstance(kind, list) else kind
        return getattr(self, f"_{kind}")(schema)

    def _null(self, _: dict[str, Json]) -> None:
        return None

    def _boolean(self, _: dict[str, Json]) -> bool:
        return self.random.random() < 0.5

    def _integer(self, schema: dict[str, Json]) -> int:
        low, high = schema.get("minimum", -3), schema.get("maximum", 8)
        ends = [low, high] if self.random.random() < 0.05 else []
        return self.random.choice([*ends, *(self.random.randint(low, min(high, low + 6)) for _ in range(8))])

    def _number(self, schema: dict[str, Json]) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", -2.0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 4.0))
        return self.random.choice([float(low), float(high), self.random.uniform(low, high), 0.5])

    def _string(self, schema: dict[str, Json]) -> str:
        return "n" + str(self.random.randrange(9)) if "pattern" in schema else self.random.choice(WORDS)

    def _array(self, schema: dict[str, Json]) -> list[Json]:
        if "prefixItems" in schema:
            return [self.value(one) for one in schema["prefixItems"]]
        if not schema.get("items"):
            return self._nested([self.random.randint(1, 4) for _ in range(self.random.randint(1, 4))])
        low = schema.get("minItems", 0)
        length = self.random.randint(low, max(low, min(schema.get("maxItems", MAX_ITEMS), MAX_ITEMS)))
        return [self.value(schema["items"]) for _ in range(length)]

    def _nested(self, lengths: list[int]) -> list[Json]:
        """Return an array of numbers with these axes, as constants of operations have."""
        count, rest = lengths[0], lengths[1:]
        return [self._nested(rest) if rest else self.random.choice([0, 1, 0.5, -1, True]) for _ in range(count)]

    def _object(self, schema: dict[str, Json]) -> dict[str, Json]:
        required = schema.get("required", ())
        return {
            name: self.value(one)
            for name, one in schema.get("properties", {}).items()
            if name in required or (name not in GRAPH_FIELDS and self.random.random() < 0.1) or name == "type"
        }


def layer(random: Random, cls: type[Layer]) -> dict[str, Json]:
    """Return a layer of a type: its example with some arguments drawn, or all that must be given."""
    schema = cls.model_json_schema()
    schema = schema | schema.get("$defs", {}).get(cls.__name__, {})
    drawer = Drawer(random, schema)
    known = {} if random.random() < 0.15 else cls.example.arguments
    drawn = {
        name: drawer.value(one)
        for name, one in schema["properties"].items()
        if name not in GRAPH_FIELDS and random.random() < (0.1 if name in known else 0.25)
    }
    missing = {name: drawer.value(schema["properties"][name]) for name in schema.get("required", ())}
    return {"type": cls.type_name()} | missing | known | drawn


def document(random: Random, only: str = "") -> tuple[dict[str, Json], dict[str, Json]]:
    """Return a document of one layer or two, and inputs for it. The types of the first have one of the parts of `only`,
    with commas between, in their names.
    """
    parts = only.split(",")
    cls = random.choice([one for one in LAYERS if any(part in one.type_name() for part in parts)])
    inputs = {f"x{number}": _input(random, shape, cls.example.dtype) for number, shape in enumerate(cls.example.shapes)}
    first = layer(random, cls) | {"inputs": list(inputs)}
    if only and random.random() < 0.4:
        first = mutant(first, random)
    behind = [layer(random, random.choice(LAYERS))] if random.random() < 0.3 else []
    batch = random.choice([1, 1, 2, 3])
    values = {name: _values(random, spec, batch) for name, spec in inputs.items()}
    free = random.random() < 0.3
    declared = {name: spec | {"shape": [None] * len(spec["shape"])} if free else spec for name, spec in inputs.items()}
    return {"input": declared, "layers": [first, *behind]}, values


def _input(random: Random, shape: tuple[int, ...], dtype: str) -> dict[str, Json]:
    """Return the declaration of an input: of the shape and dtype of an example, or others."""
    lengths = [random.choice([1, 2, 3, 5]) if random.random() < 0.1 else length for length in shape]
    if random.random() < 0.05:
        lengths = lengths[1:] if random.random() < 0.5 else [*lengths, 2]
    return {"shape": lengths, "dtype": random.choice(list(DTYPES)) if random.random() < 0.4 else dtype}


def _values(random: Random, spec: dict[str, Json], batch: int) -> dict[str, Json]:
    """Return a tensor that fits a declaration, its batch included."""
    shape = [batch, *spec["shape"]]
    numbers: tuple[Json, ...] = (0, 1, 2, 0.5, -1) if "float" in spec["dtype"] else (0, 1, 2, 3)
    numbers = (False, True) if spec["dtype"] == "bool" else numbers
    return {"shape": shape, "dtype": spec["dtype"], "data": [random.choice(numbers) for _ in range(prod(shape))]}

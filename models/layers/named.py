"""Objects that Keras takes by name: initializers, regularizers, constraints.

Each list is closed. A value is a name, an object with a `type`, or Keras' serialised form; all
three become one frozen instance, so that spelling never changes a document's identity.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError

from models.errors import shown, suggest

STRICT = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Named(BaseModel):
    """Base of objects that Keras takes by name."""

    model_config = STRICT


def snake_case(name: str) -> str:
    """Convert a class name to an object name by Keras' own rule: `ReLU` → `re_lu`, `Conv2D` → `conv2d`.

    Source: keras.src.utils.naming.to_snake_case.
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def closed_union(kind: str, classes: Sequence[type[Named]], aliases: Mapping[str, str]) -> BeforeValidator:
    """Return a validator that converts any of the spellings to an instance of one of `classes`."""
    names = {cls.__name__: cls for cls in classes}
    spellings = names | {snake_case(name): cls for name, cls in names.items()}
    spellings |= {cls.__name__.lower(): cls for cls in classes}
    spellings |= {alias: names[target] for alias, target in aliases.items()}

    def parse(value: Any) -> Any:
        if value is None or isinstance(value, Named):
            return value
        word, arguments = _split(kind, value, list(names))
        if word not in spellings:
            raise _unknown(kind, word, list(names), list(spellings))
        return spellings[word].model_validate(arguments)

    return BeforeValidator(parse, json_schema_input_type=Annotated[Any, _Spellings(kind, tuple(classes))])


@dataclass(frozen=True)
class _Spellings:
    """JSON Schema annotation of the spellings of `classes`; Keras' serialised form is only for Keras' own JSON."""

    kind: str
    classes: tuple[type[Named], ...]

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        names = sorted({name for cls in self.classes for name in (snake_case(cls.__name__), cls.__name__)})
        return {
            "description": f"The name of a known {self.kind}, or an object with its type and arguments.",
            "anyOf": [{"type": "string", "enum": names}, *(handler(_inline_schema(cls)) for cls in self.classes)],
        }


def _inline_schema(cls: type[Named]) -> Any:
    """Return a class' schema without a shared definition: a layer and an initializer are both called Identity."""
    return {key: value for key, value in cls.__pydantic_core_schema__.items() if key != "ref"}


def _split(kind: str, value: Any, names: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the name and the arguments of any of the three spellings."""
    match value:
        case str():
            return value, {}
        case {"class_name": str(word), **rest} if set(rest) <= {"config", "module", "registered_name"}:
            return word, _arguments(rest.get("config"))
        case {"type": str(word), **rest}:
            return word, _arguments(rest)
    raise PydanticCustomError(
        f"{kind}_type",
        "is not the name of a known {kind}",
        {
            "kind": kind,
            "expected": f"the name of a known {kind}, or an object with its type: {', '.join(names)}",
            "received": shown(value),
        },
    )


def _arguments(value: Any) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _unknown(kind: str, word: str, names: list[str], spellings: list[str]) -> PydanticCustomError:
    return PydanticCustomError(
        f"unknown_{kind}",
        "there is no {kind} of this name",
        {
            "kind": kind,
            "expected": f"one of {', '.join(names)}",
            "received": shown(word),
            "suggestion": suggest(word, [*spellings, *names]),
        },
    )

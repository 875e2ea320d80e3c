"""Mapping of serialised Keras classes to catalogue classes: only Keras' own, only those of the catalogue."""

from __future__ import annotations

from typing import Any

from models.errors import InvalidDocument, did_you_mean, shown
from models.errors.problem import cut
from models.layers import ALIASES, CATALOGUE
from models.layers.excluded import EXCLUDED, INSTEAD
from models.layers.layer import Layer
from models.layers.named import snake_case
from models.layers.operations import Operation
from models.reading.keras_json.site import Site

MODELS = {
    "Sequential": ("keras", "keras.models", "keras.src.models.sequential"),
    "Functional": ("keras", "keras.models", "keras.src.models.functional"),
    "Model": ("keras", "keras.models", "keras.src.models.model"),
}
"""Keras' model classes by name, and their modules."""
OPERATIONS = ("keras.ops", "keras.src.ops.")
"""Modules of keras.ops operations."""
NEAR = 0.8
"""Least similarity of a class to be suggested for an unknown one."""
OF_CLASSES = {cls.keras_name(): name for name, cls in CATALOGUE.items() if issubclass(cls, Operation)}
"""Operations by the names of Keras' classes: `Resize` is ops.image.resize."""
RENAMED = {"GroupedQueryAttention": "GroupQueryAttention"}
"""Keras' classes that are exported under another name than their own."""


def is_model(value: Any) -> bool:
    """Whether this is a serialised model of a class of Keras itself."""
    return isinstance(value, dict) and value.get("class_name") in ("Sequential", "Functional", "Model") and (
        isinstance(value.get("config"), dict)
    )  # fmt: skip


def is_keras_json(value: Any) -> bool:
    """Whether this is written by Keras' to_json(), as opposed to our own document format."""
    return isinstance(value, dict) and "class_name" in value and "config" in value and "layers" not in value


def check_own(entry: dict[str, Any], site: Site) -> str:
    """Return the class name of an object of Keras' own; the code of any other class is not available.

    Raises:
        InvalidDocument: pointing at the class or its module.
    """
    word = site.reading("class_name").text(entry.get("class_name"), "class_name")
    module, registered = entry.get("module", "keras.layers"), entry.get("registered_name")
    if word in EXCLUDED and module == "keras.layers":
        raise excluded_refusal(word, site)
    if not (isinstance(module, str) and (module == "keras" or module.startswith("keras."))):
        raise custom_refusal(word, site, "module", module)
    if registered is not None and registered != word:
        raise custom_refusal(word, site, "registered_name", registered)
    return word


def custom_refusal(word: str, site: Site, field: str, value: Any) -> InvalidDocument:
    """Return the refusal of a user-defined class."""
    message = f"{shown(word)} is a user-defined class: its code is not in this document, and would not be run"
    return site.reading(field).refusal(
        message, "a class of Keras' own", shown(value), "build the same from layers of GET /v1/layers"
    )


def excluded_refusal(word: str, site: Site) -> InvalidDocument:
    """Return the refusal of a Keras class that the catalogue excludes."""
    message = f"{word} is not in the catalogue: {EXCLUDED[word]}"
    return site.reading("class_name").refusal(message, "a layer of GET /v1/layers", shown(word), INSTEAD[word])


def layer_class(entry: dict[str, Any], site: Site) -> type[Layer]:
    """Return the catalogue's class for a serialised layer or operation.

    Raises:
        InvalidDocument: for user-defined classes, and for Keras' that the catalogue leaves out.
    """
    word, module = check_own(entry, site), str(entry.get("module", "keras.layers"))
    name = RENAMED.get(word, word)
    if module.startswith(OPERATIONS):
        name = OF_CLASSES.get(word, f"ops.{snake_case(word)}")
    name = ALIASES.get(name, name)
    cls = CATALOGUE.get(name)
    if cls is not None and module.startswith(cls.keras_modules):
        return cls
    if module.startswith(OPERATIONS):
        message = f"keras.ops.{cut(snake_case(word))} is not among the operations of the catalogue"
    else:
        message = f"{cut(word)} of {cut(module)} is not in the catalogue"
    near = did_you_mean(
        name, [known for known in CATALOGUE if known.startswith("ops.") == name.startswith("ops.")], NEAR
    )
    received = shown(word if cls is None else module)
    raise site.reading("class_name" if cls is None else "module").refusal(
        message, "a layer or an operation of GET /v1/layers", received, f"the nearest is {near}" if near else None
    )

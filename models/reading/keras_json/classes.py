"""Mapping of serialised Keras classes to catalogue classes: only Keras' own, only those of the catalogue; and models of
Keras' classes, or of sub-classes whose config is a graph.
"""

from __future__ import annotations

from typing import Any

from models.errors import InvalidDocument, did_you_mean, shown
from models.errors.problem import cut
from models.layers import ALIASES, CATALOGUE
from models.layers.block import CLASS_NAME
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
GRAPH = frozenset({"layers", "input_layers", "output_layers"})
"""What the config of a Functional model has, and that of its sub-classes without a constructor of their own.

Source: keras.src.models.functional.Functional.get_config, functional_like_constructor.
"""
TRACE = (
    "send keras.Model(inputs, model.call(inputs)).to_json(), or a file that this model saves, where inputs is a "
    "keras.Input: that is the graph of its layers"
)
"""What to do with a model that is only known by its code."""
WRITE_OUT = (
    "where its call consists of Keras' layers and operations, write layer.call(x) for layer(x) and send that model: "
    "its graph has them; or write the same as a Block, which may own weights, of layers of GET /v1/layers"
)
"""What to do with a layer that is only known by its code."""
OPERATIONS = ("keras.ops", "keras.src.ops.")
"""Modules of keras.ops operations."""
NEAR = 0.8
"""Least similarity of a class to be suggested for an unknown one."""
OF_CLASSES = {cls.keras_name(): name for name, cls in CATALOGUE.items() if issubclass(cls, Operation)}
"""Operations by the names of Keras' classes: `Resize` is ops.image.resize."""
RENAMED = {"GroupedQueryAttention": "GroupQueryAttention"}
"""Keras' classes that are exported under another name than their own."""


def is_model(value: Any) -> bool:
    """Whether this is a serialised model whose layers are known."""
    is_own = isinstance(value, dict) and value.get("class_name") in (*MODELS,) and isinstance(value.get("config"), dict)
    return is_own or is_subclass(value)


def is_subclass(value: Any) -> bool:
    """Whether this is a serialised model of a class of its author's, with a graph of layers in its config."""
    is_other = isinstance(value, dict) and not (_is_kerass(value.get("module", "keras")) and _is_exported(value))
    return is_other and has_graph(value.get("config"))


def note_subclass(entry: dict[str, Any], site: Site) -> None:
    """Note that a sub-class is read as its graph: a `call` of its own might compute something else."""
    word = site.reading("class_name").text(entry.get("class_name"), "class_name")
    message = (
        f"{shown(word)}, a user-defined class, is read as the graph in its config; methods of its own are not known"
    )
    site.reading("class_name").note(message)


def has_graph(config: Any) -> bool:
    """Whether the config of a model is a graph of layers."""
    return isinstance(config, dict) and config.keys() >= GRAPH and isinstance(config["layers"], list)


def is_sequential(entry: dict[str, Any]) -> bool:
    """Whether a model is a list of layers, each of which reads the one before."""
    return entry.get("class_name") == "Sequential" and not is_subclass(entry)


def saved_class(entry: dict[str, Any]) -> str | None:
    """Return the class that files of weights name a model after; None if that is no name."""
    word = entry.get("class_name")
    if is_subclass(entry):
        return word if isinstance(word, str) and CLASS_NAME.fullmatch(word) else None
    return "Sequential" if is_sequential(entry) else "Functional"


def _is_kerass(module: Any) -> bool:
    """Whether a module is one of Keras itself."""
    return isinstance(module, str) and (module == "keras" or module.startswith("keras."))


def _is_exported(entry: dict[str, Any]) -> bool:
    """Whether a class is serialised under its own name, as Keras' classes are."""
    return entry.get("registered_name") in (None, entry.get("class_name"))


def is_keras_json(value: Any) -> bool:
    """Whether this is written by Keras' to_json(), as opposed to our own document format."""
    return isinstance(value, dict) and "class_name" in value and "config" in value and "layers" not in value


def check_own(entry: dict[str, Any], site: Site, advice: str = WRITE_OUT) -> str:
    """Return the class name of an object of Keras' own; the code of any other class is not available.

    Raises:
        InvalidDocument: pointing at the class or its module, with the advice for a class of its author's.
    """
    word = site.reading("class_name").text(entry.get("class_name"), "class_name")
    module = entry.get("module", "keras.layers")
    if word in EXCLUDED and module == "keras.layers":
        raise excluded_refusal(word, site)
    if not _is_kerass(module):
        raise custom_refusal(word, site, "module", module, advice)
    if not _is_exported(entry):
        raise custom_refusal(word, site, "registered_name", entry.get("registered_name"), advice)
    return word


def custom_refusal(word: str, site: Site, field: str, value: Any, advice: str = WRITE_OUT) -> InvalidDocument:
    """Return the refusal of a user-defined class."""
    message = f"{shown(word)} is a user-defined class: its code is not in this document, and would not be run"
    return site.reading(field).refusal(message, "a class of Keras' own", shown(value), advice)


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

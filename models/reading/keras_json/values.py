"""Translation of serialised arguments: dtype policies, initializers, arrays, layers inside layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from models.errors import InvalidDocument, shown
from models.layers.fields import QUANTIZED, UNQUANTIZED
from models.layers.layer import Layer
from models.reading.keras_json.classes import check_own, is_subclass
from models.reading.keras_json.site import Site

NAMED = ("keras.initializers", "keras.regularizers", "keras.constraints")
"""Modules of the classes that layers take by name, which are in closed lists of models/layers."""
DEFAULT_POLICY = "float32"
"""The dtype policy that a document leaves out."""
QUANTIZATION = "QuantizationConfig"
"""The end of the names of what a quantized layer has beside its policy."""
POLICY = re.compile("DTypePolicy(Map)?$")
"""The end of the names of dtype policies."""
WRITTEN_AS_ONE = {"DTypePolicy": "name", "SeedGenerator": "seed"}
"""Classes of which a document keeps one field."""
IGNORED: dict[str, tuple[Any, ...]] = {
    "autocast": (True,),
    "data_format": ("channels_last",),
    "quantization_config": (None,),
    "lora_rank": (None,),
    "lora_alpha": (None,),
    "rms_scaling": (False,),
    "unroll": (False,),
    "zero_output_for_mask": (False,),
}
"""Fields that Keras writes and our classes may lack, with the values that have no effect."""
DERIVED = ("IntegerLookup.vocabulary_size", "AdditiveAttention.seed")
"""Fields that Keras writes and its own constructors do not take."""


Read = Callable[[dict[str, Any], Site], dict[str, Any]]
"""Translates a layer or a model, wherever it is."""


def held_layer(entry: dict[str, Any], site: Site, read: Read) -> dict[str, Any]:
    """Translate a layer or a model inside a layer; its own name has no meaning there."""
    return {key: value for key, value in read(entry, site).items() if key != "name"}


def translate_layer(entry: dict[str, Any], cls: type[Layer], site: Site, read: Read) -> dict[str, Any]:
    """Translate a layer's type, name and arguments; `read` translates inner layers. Its inputs are read elsewhere."""
    config = site.reading("config").object(entry.get("config"), "config")
    site.reading("class_name").writing("type")
    fields = site.opened("config")
    arguments = {
        key: translate(value, fields.at(key), read)
        for key, value in config.items()
        if not _has_no_effect(key, value, cls)
    }
    for held in (value for value in arguments.values() if cls.sets_held and isinstance(value, dict)):
        for name in cls.sets_held & held.keys():
            del held[name]
    if arguments.get("dtype") == DEFAULT_POLICY and not cls.operands:
        del arguments["dtype"]
    return {"type": cls.type_name(), **arguments}


def _has_no_effect(key: str, value: Any, cls: type[Layer]) -> bool:
    """Whether a field that the class lacks has no effect."""
    if key in cls.model_fields:
        return False
    return is_one_of(value, IGNORED.get(key, ())) or f"{cls.type_name()}.{key}" in DERIVED


def is_one_of(value: Any, known: Iterable[Any]) -> bool:
    """Whether an argument has one of these values: true is not 1."""
    return any(type(value) is type(one) and value == one for one in known)


def translate(value: Any, site: Site, read: Read) -> Any:
    """Translate a value of a config to the document's form."""
    match value:
        case {"class_name": _}:
            return _object(value, site, read)
        case dict():
            return {key: translate(item, site.at(key), read) for key, item in value.items()}
        case list():
            return [translate(item, site.at(number), read) for number, item in enumerate(value)]
    return value


def dtype_of(value: Any, site: Site) -> Any:
    """Return a dtype, or the name of a policy."""
    return translate(value, site, refuse_layer)


def refuse_layer(entry: dict[str, Any], site: Site) -> dict[str, Any]:
    """Refuse a layer where none is allowed."""
    raise site.refusal("no layer can stand here", "a value", shown(entry.get("class_name")))


def _object(value: dict[str, Any], site: Site, read: Read) -> Any:
    """Translate a serialised object, by its class."""
    word, config, module = value.get("class_name"), value.get("config"), value.get("module")
    if word in ("__numpy__", "__tensor__"):
        return site.opened("config", "value").object(value.get("config"), "config").get("value")
    if word == "__lambda__":
        raise site.refusal("a lambda is code, and code is not run", "the name of a function", "a lambda")
    if word == "function":
        return _function(value, site)
    if isinstance(word, str) and word.endswith(QUANTIZATION):
        advice = "leave it out, and upload float weights"
        raise site.refusal(QUANTIZED, "null", shown(word), advice)
    if isinstance(word, str) and POLICY.search(word) and word not in WRITTEN_AS_ONE:
        raise _policy_refusal(word, site)
    if is_subclass(value):
        return held_layer(value, site, read)
    word = check_own(value, site)
    if word in WRITTEN_AS_ONE:
        field = WRITTEN_AS_ONE[word]
        site.reading("config", field).writing()
        return site.reading("config").object(config, "config").get(field)
    if module in NAMED:
        site.reading("class_name").writing("type")
        fields = site.opened("config").object(config or {}, "config")
        inner = site.reading("config")
        return {"type": word, **{key: translate(item, inner.at(key), read) for key, item in fields.items()}}
    return held_layer(value, site, read)


def _policy_refusal(word: str, site: Site) -> InvalidDocument:
    """Return the refusal of a dtype policy other than Keras' plain one."""
    several = word == "DTypePolicyMap"
    message = "a policy for each part of a layer cannot be written" if several else QUANTIZED
    advice = "give the whole layer one dtype" if several else UNQUANTIZED
    return site.reading("class_name").refusal(message, "DTypePolicy", shown(word), advice)


def _function(value: dict[str, Any], site: Site) -> Any:
    """Return a function's name: Keras' own have a name only; one registered by a user has a package."""
    registered = value.get("registered_name")
    if registered not in (None, "function", value.get("config")):
        raise site.reading("registered_name").refusal(
            "this function is its author's: its code is not in this document", "a function of Keras'", shown(registered)
        )
    return site.reading("config").writing().text(value.get("config"), "config")

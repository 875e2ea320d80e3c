"""The calls of a layer: Keras' positional and keyword arguments become inputs, keywords and fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from models.documents.call_arguments import CallArguments
from models.errors import shown
from models.layers.layer import Layer
from models.reading.keras_json.constants import constant
from models.reading.keras_json.site import Site
from models.reading.keras_json.tensors import Sources, argument_address, arguments, is_tensor

FIRST = ("inputs", "input", "sequences", "sequence", "x", "xs", "args")
"""What Keras' classes call their first argument."""


@dataclass
class Call:
    """One call: addresses with the places they are read at, tensors read by name, constants and flags."""

    inputs: list[tuple[str, Site]] = field(default_factory=list)
    dtypes: list[str | None] = field(default_factory=list)
    """Those of the inputs."""
    keywords: dict[str, Any] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    positional: int | None = None
    """How many arguments were given by position, where that decides the order in which Keras lists the tensors."""
    by_name: bool = False
    """Whether a model was given its inputs in an object, by their names."""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Callee:
    """What is called: a layer of a class, or a model (then `cls` is None) with inputs of these names.

    A model whose inputs are an object is given objects with the same keys, whatever its inputs are named.
    """

    cls: type[Layer] | None
    names: tuple[str, ...]
    sources: Sources
    keyed: bool = False

    @property
    def operands(self) -> tuple[str, ...]:
        """The arguments that are inputs, in order."""
        if self.cls is not None and self.cls.operands:
            return self.cls.operands
        return self.cls.call_inputs if self.cls is not None and self.cls.inputs_as == "positional" else ("inputs",)

    @property
    def order(self) -> tuple[str, ...]:
        """The positional arguments."""
        return self.operands + (() if self.cls is None else self.cls.call_order)

    @property
    def tensors(self) -> tuple[str, ...]:
        """The arguments that are tensors; the others are flags."""
        return self.operands + (() if self.cls is None else self.cls.call_tensors())

    @property
    def kind(self) -> str:
        """What to call it."""
        return "a model" if self.cls is None else self.cls.type_name()


def call_of(node: Any, callee: Callee, site: Site) -> Call:
    """Reads one entry of `inbound_nodes`.

    Raises:
        InvalidDocument: for arguments that a document cannot express.
    """
    if isinstance(node, list):
        raise site.refusal(
            "this is how Keras 2 writes a call", 'an object with "args" and "kwargs"', shown(node),
            "load the model with Keras 3 and call its to_json()",
        )  # fmt: skip
    made, positional = Call(), 0
    for name, value, place, by_position in _arguments(site.object(node, "a call"), callee, site):
        if not _is_nothing(value):
            _read(made, name, value, callee, place)
            positional += by_position and name in callee.tensors
    made.positional = _positional(made, callee, positional)
    return made


def _positional(call: Call, callee: Callee, count: int) -> int | None:
    """How many arguments were given by position, unless the order of the tensors is that of a document anyway."""
    inputs = [address for address, _ in call.inputs]
    if callee.cls is None:
        masks = call.keywords.get("mask", ())
        masks = [masks] if isinstance(masks, str) else masks
        arguments = CallArguments(callee.names, inputs, separate=True, masks=masks)
        count = 0 if call.by_name else len(inputs)
    else:
        keywords = {name: [read] if isinstance(read, str) else read for name, read in call.keywords.items()}
        separate = callee.cls.inputs_as == "positional"
        arguments = CallArguments(callee.cls.call_names(), inputs, separate, keywords)
    return count if arguments.flattened(count) != arguments.flattened() else None


def _is_nothing(value: Any) -> bool:
    """Whether an argument is left out: null, or several nulls (the masks of a model's inputs)."""
    several = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or (bool(several) and all(item is None for item in several))


def _arguments(node: dict[str, Any], callee: Callee, site: Site) -> Iterator[tuple[str, Any, Site, bool]]:
    """Every argument of a call by its name, the inputs first and in order, and whether it is given by position."""
    positional = site.reading("args").array(node.get("args", []), "args")
    named = site.reading("kwargs").object(node.get("kwargs", {}), "kwargs")
    names, order = callee.operands, callee.order
    found: dict[str, tuple[Any, Site, bool]] = {}
    for number, value in enumerate(positional):
        place = site.reading("args", number)
        if number >= len(order) and value is not None:
            raise place.refusal("there are more arguments than a document can express", f"{len(order)}", shown(value))
        if number < len(order):
            found[order[number]] = value, place, True
    for word, value in named.items():
        name = names[0] if word in FIRST and word not in names else word
        found[name] = value, site.reading("kwargs", word), False
    for name in (*names, *(name for name in found if name not in names)):
        if name in found:
            yield name, *found[name]


def _read(made: Call, name: str, value: Any, callee: Callee, site: Site) -> None:
    """Adds one argument to a call."""
    cls = callee.cls
    if name in callee.operands:
        _read_operand(made, name, value, callee, site)
    elif name == "training":
        _check_training(value, site)
    elif cls is None and name == "mask":
        made.keywords[name], made.sites[name] = _masks(value, callee.sources, site), site
    elif cls is not None and name in cls.call_tensors():
        made.keywords[name], made.sites[name] = _keyword(value, callee.sources, site), site
    elif cls is not None and name in cls.call_fields:
        made.fields[name], made.sites[name] = value, site
    else:
        message = f"a document cannot say {shown(name)} in a call of {callee.kind}"
        raise site.refusal(message, "a call without it", shown(value))


def _read_operand(made: Call, name: str, value: Any, callee: Callee, site: Site) -> None:
    """A tensor, several, or (of operations) a constant."""
    if callee.cls is not None and callee.cls.operands and not _has_tensors(value):
        made.fields[name], made.sites[name] = constant(value, site), site
        return
    if isinstance(value, dict) and not callee.keyed and set(value) == set(callee.names):
        found, made.by_name = [(value[key], site.reading(key)) for key in callee.names], True
    else:
        found = list(arguments(value, site))
    for item, place in found:
        if not is_tensor(item):
            raise place.refusal("only tensors of the graph can stand here", "a __keras_tensor__", shown(item))
        made.inputs.append((argument_address(item, callee.sources, place), place))
        made.dtypes.append(item["config"].get("dtype"))


def _has_tensors(value: Any) -> bool:
    return is_tensor(value) or (isinstance(value, list) and any(is_tensor(item) for item in value))


def _keyword(value: Any, sources: Sources, site: Site) -> Any:
    """The address of a tensor that is read by name, or those of several."""
    if is_tensor(value):
        return argument_address(value, sources, site)
    return [
        None if item is None else _keyword(item, sources, site.reading(number))
        for number, item in enumerate(site.array(value, "a tensor, or several,"))
    ]


def _masks(value: Any, sources: Sources, site: Site) -> Any:
    """The masks of a model's inputs. Keras flattens an object by its keys, and takes what it finds for the masks of
    the inputs in their own order.

    Source: keras.src.models.functional.Functional.call.
    """
    if is_tensor(value):
        return argument_address(value, sources, site)
    return [None if item is None else _mask(item, sources, place) for item, place in arguments(value, site)]


def _mask(value: Any, sources: Sources, site: Site) -> str:
    if not is_tensor(value):
        raise site.refusal("only tensors of the graph can mask inputs", "a __keras_tensor__ or null", shown(value))
    return argument_address(value, sources, site)


def _check_training(value: Any, site: Site) -> None:
    """The flag of one call counts for nothing: Keras overrules it by that of the whole network, which is always given.

    Source: keras.src.models.functional.operation_fn.
    """
    if not isinstance(value, bool):
        raise site.refusal("training is a flag", "true, false or null", shown(value))

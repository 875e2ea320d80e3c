"""Translation of layer calls: Keras' positional and keyword arguments become inputs, keywords and fields."""

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
"""Names of the first argument in Keras' classes."""


@dataclass
class KerasCall:
    """One call: addresses with their sites, tensors read by name, constants and flags."""

    inputs: list[tuple[str, Site]] = field(default_factory=list)
    dtypes: list[str | None] = field(default_factory=list)
    """Dtypes of the inputs."""
    shapes: list[list[Any]] = field(default_factory=list)
    """Shapes of the inputs, with the batch; empty where Keras' JSON has none."""
    keywords: dict[str, Any] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    positional: int | None = None
    """Number of positional arguments, where that decides the order in which Keras lists the tensors."""
    by_name: bool = False
    """Whether a model was given its inputs in an object, by their names."""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Callee:
    """A layer of a class that is called, or a model (then `cls` is None) with inputs of these names.

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
        """Its name in messages."""
        return "a model" if self.cls is None else self.cls.type_name()


def call_of(node: Any, callee: Callee, site: Site) -> KerasCall:
    """Read one entry of `inbound_nodes`.

    Raises:
        InvalidDocument: for arguments that a document cannot express.
    """
    if isinstance(node, list):
        raise site.refusal(
            "this is how Keras 2 writes a call", 'an object with "args" and "kwargs"', shown(node),
            "load the model with Keras 3 and call its to_json()",
        )  # fmt: skip
    call, positional = KerasCall(), 0
    for name, value, argument_site, by_position in _arguments(site.object(node, "a call"), callee, site):
        if not _is_omitted(value):
            _read(call, name, value, callee, argument_site)
            positional += by_position and name in callee.tensors
    call.positional = _positional(call, callee, positional)
    return call


def _positional(call: KerasCall, callee: Callee, count: int) -> int | None:
    """Return the number of positional arguments, or None if the order of the tensors is that of a document anyway."""
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


def _is_omitted(value: Any) -> bool:
    """Whether an argument is omitted: null, or several nulls (the masks of a model's inputs)."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or (bool(values) and all(item is None for item in values))


def _arguments(node: dict[str, Any], callee: Callee, site: Site) -> Iterator[tuple[str, Any, Site, bool]]:
    """Yield every argument of a call by its name, the inputs first and in order, and whether it is positional."""
    positional = site.reading("args").array(node.get("args", []), "args")
    named = site.reading("kwargs").object(node.get("kwargs", {}), "kwargs")
    names, order = callee.operands, callee.order
    by_name: dict[str, tuple[Any, Site, bool]] = {}
    for number, value in enumerate(positional):
        item_site = site.reading("args", number)
        if number >= len(order) and value is not None:
            raise item_site.refusal(
                "there are more arguments than a document can express", f"{len(order)}", shown(value)
            )
        if number < len(order):
            by_name[order[number]] = value, item_site, True
    for word, value in named.items():
        name = names[0] if word in FIRST and word not in names else word
        by_name[name] = value, site.reading("kwargs", word), False
    for name in (*names, *(name for name in by_name if name not in names)):
        if name in by_name:
            yield name, *by_name[name]


def _read(call: KerasCall, name: str, value: Any, callee: Callee, site: Site) -> None:
    """Add one argument to a call."""
    cls = callee.cls
    if name in callee.operands:
        _read_operand(call, name, value, callee, site)
    elif name == "training":
        _check_training(value, site)
    elif cls is None and name == "mask":
        call.keywords[name], call.sites[name] = _masks(value, callee.sources, site), site
    elif cls is not None and name in cls.call_tensors() and name in cls.model_fields and not is_tensor(value):
        call.fields[name], call.sites[name] = constant(value, site), site
    elif cls is not None and name in cls.call_tensors():
        call.keywords[name], call.sites[name] = _keyword(value, callee.sources, site), site
    elif cls is not None and name in cls.call_fields:
        call.fields[name], call.sites[name] = constant(value, site) if cls.operands else value, site
    else:
        message = f"a document cannot say {shown(name)} in a call of {callee.kind}"
        raise site.refusal(message, "a call without it", shown(value))


def _read_operand(call: KerasCall, name: str, value: Any, callee: Callee, site: Site) -> None:
    """Read a tensor, several, or (of operations) a constant."""
    if callee.cls is not None and callee.cls.operands and not _has_tensors(value):
        call.fields[name], call.sites[name] = constant(value, site), site
        return
    if isinstance(value, dict) and not callee.keyed and set(value) == set(callee.names):
        items, call.by_name = [(value[key], site.reading(key)) for key in callee.names], True
    else:
        items = list(arguments(value, site))
    for item, item_site in items:
        if not is_tensor(item):
            raise item_site.refusal("only tensors of the graph can stand here", "a __keras_tensor__", shown(item))
        call.inputs.append((argument_address(item, callee.sources, item_site), item_site))
        call.dtypes.append(item["config"].get("dtype"))
        shape = item["config"].get("shape")
        call.shapes.append(shape if isinstance(shape, list) else [])


def _has_tensors(value: Any) -> bool:
    return is_tensor(value) or (isinstance(value, list) and any(is_tensor(item) for item in value))


def _keyword(value: Any, sources: Sources, site: Site) -> Any:
    """Return the address of a tensor that is read by name, or those of several."""
    if is_tensor(value):
        return argument_address(value, sources, site)
    return [
        None if item is None else _keyword(item, sources, site.reading(number))
        for number, item in enumerate(site.array(value, "a tensor, or several,"))
    ]


def _masks(value: Any, sources: Sources, site: Site) -> Any:
    """Return the masks of a model's inputs. Keras flattens an object by its keys, and takes the values as the masks of
    the inputs in their own order.

    Source: keras.src.models.functional.Functional.call.
    """
    if is_tensor(value):
        return argument_address(value, sources, site)
    return [None if item is None else _mask(item, sources, item_site) for item, item_site in arguments(value, site)]


def _mask(value: Any, sources: Sources, site: Site) -> str:
    if not is_tensor(value):
        raise site.refusal("only tensors of the graph can mask inputs", "a __keras_tensor__ or null", shown(value))
    return argument_address(value, sources, site)


def _check_training(value: Any, site: Site) -> None:
    """Check the flag of one call, which has no effect: Keras overrides it by that of the whole network, always given.

    Source: keras.src.models.functional.operation_fn.
    """
    if not isinstance(value, bool):
        raise site.refusal("training is a flag", "true, false or null", shown(value))

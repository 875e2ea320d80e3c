"""Calls of layers, as Keras 1 and 2 write them: `[[["conv", 0, 0, {}]]]`, in the form of Keras 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import shown
from models.layers.valid_names import valid_names
from models.reading.keras_json.classes import MODELS, has_graph
from models.reading.keras_json.site import Site
from models.reading.older_keras.values import RECURRENT

CONSTANT = "_CONSTANT_VALUE"
"""Stands for the name of a layer where an operation reads a constant first."""
WITH_STATES = (*RECURRENT, "Bidirectional")
"""Layers that read initial states after their input: Keras 2 lists them as inputs."""
CASTS = ("cast", "one_hot")
"""Functions of TensorFlow that return another dtype than they are given."""
OMITTED = ("training", "mask", "name")
"""Arguments of calls that are left out where they are null."""
Entry = dict[str, Any]


def is_model(value: Any) -> bool:
    """Whether this is a serialised model; of a Sequential of Keras 1 the config is the list of its layers."""
    if not isinstance(value, dict):
        return False
    config = value.get("config")
    is_own = value.get("class_name") in (*MODELS,) and isinstance(config, dict | list)
    return is_own or (isinstance(value.get("class_name"), str) and has_graph(config))


@dataclass(frozen=True)
class Graph:
    """The layers of one model: their names as Keras 3 allows them, how they count the calls of models inside, and the
    dtypes of their outputs, where they are known.
    """

    names: Mapping[str, str]
    shifted: frozenset[str]
    """Models inside this one whose first call is number 1, as it is in Keras 2: number 0 is their creation."""
    functional: frozenset[str]
    dtypes: Mapping[str, str | None]
    is_float32: bool = False
    """Whether every input and layer is float32, and no operation casts."""

    def name_of(self, entry: Entry, site: Site) -> str:
        """Return the name of a layer as Keras 3 allows it."""
        return self.names[_name(entry, site)]

    def is_reference(self, value: Any) -> bool:
        """Whether this is a tensor of the graph: [layer, call, output], perhaps with keyword arguments."""
        return (
            isinstance(value, list)
            and len(value) in (3, 4)
            and isinstance(value[0], str)
            and all(type(number) is int for number in value[1:3])
            and value[0] != CONSTANT
        )


def graph_of(entries: Sequence[Entry], sites: Sequence[Site], config: Entry) -> Graph:
    """Return the names and the counting of a model's layers."""
    names = valid_names(_name(entry, site) for entry, site in zip(entries, sites, strict=True))
    models = {_name(entry, site): entry["class_name"] for entry, site in zip(entries, sites, strict=True)
              if is_model(entry)}  # fmt: skip
    used = [entry.get("inbound_nodes") for entry in entries] + [config.get("output_layers")]
    from_zero = {name for name, call in _references(used) if call == 0}
    dtypes = {_name(entry, site): _dtype(entry) for entry, site in zip(entries, sites, strict=True)}
    functional = frozenset(name for name, word in models.items() if word != "Sequential")
    known = {_dtype(entry) for entry in entries if not _is_operation(entry)}
    is_float32 = known <= {"float32"} and not any(map(_casts, entries))
    return Graph(names, frozenset(models.keys() - from_zero), functional, dtypes, is_float32)


def _is_operation(entry: Entry) -> bool:
    config = entry.get("config")
    return isinstance(config, dict) and "function" in config


def _casts(entry: Entry) -> bool:
    return _is_operation(entry) and entry["config"]["function"] in CASTS


def _name(entry: Entry, site: Site) -> str:
    """Return the name of a layer as the file has it."""
    if "name" in entry:
        return site.at("name").text(entry["name"], "name")
    config = site.at("config").object(entry.get("config"), "config")
    return site.at("config", "name").text(config.get("name"), "name")


def _references(value: Any) -> Iterator[tuple[str, int]]:
    """Yield every [layer, call, …] in a structure of lists and objects."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            if len(item) >= 3 and isinstance(item[0], str) and type(item[1]) is int:
                yield item[0], item[1]
            waiting += [inner for inner in item if isinstance(inner, list | dict)]


def _dtype(entry: Entry) -> str | None:
    """Return the dtype of a layer's outputs, if its config tells: operations and models do not."""
    config = entry.get("config")
    dtype = config.get("dtype") if isinstance(config, dict) and "function" not in config else None
    return dtype if isinstance(dtype, str) and not dtype.startswith("mixed") else None


def modern_references(value: Any, graph: Graph, shift: bool) -> Any:
    """Rewrite the inputs or outputs of a model; Keras 3, too, counts the calls of Functional models from 1 there."""
    if graph.is_reference(value):
        name, call, output = value[:3]
        shifts = shift and name in graph.shifted and name not in graph.functional
        from_zero = shift and name in graph.functional and name not in graph.shifted
        return [graph.names.get(name, name), call - shifts + from_zero, output]
    if isinstance(value, list):
        return [modern_references(item, graph, shift) for item in value]
    if isinstance(value, dict):
        return {key: modern_references(item, graph, shift) for key, item in value.items()}
    return value


def is_constant(value: Any) -> bool:
    """Whether this is a constant in place of the first tensor of an operation."""
    return isinstance(value, list) and len(value) in (3, 4) and value[0] == CONSTANT and value[1] == -1


def tensor_of(value: Sequence[Any], graph: Graph) -> Entry:
    """Return a tensor of the graph as Keras 3 writes it."""
    name, call, output = value[:3]
    history = [graph.names.get(name, name), call - (name in graph.shifted), output]
    config = {"shape": None, "dtype": graph.dtypes.get(name), "keras_history": history}
    return {"class_name": "__keras_tensor__", "config": config}


def items_of(node: Any, graph: Graph, site: Site) -> tuple[list[tuple[Any, Site]], bool]:
    """Return the tensors and constants of a call, and whether they are a list: operations have one alone."""
    if graph.is_reference(node) or is_constant(node):
        return [(node, site)], False
    return _leaves(node if isinstance(node, dict) else site.array(node, "a call"), graph, site), True


def _leaves(value: Any, graph: Graph, site: Site) -> list[tuple[Any, Site]]:
    """Return the references in nested lists and objects, in the order of Keras: keys are sorted."""
    if graph.is_reference(value):
        return [(value, site)]
    if isinstance(value, list):
        return [leaf for number, item in enumerate(value) for leaf in _leaves(item, graph, site.at(number))]
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in _leaves(value[key], graph, site.at(key))]
    raise site.refusal("this is not a tensor", "[layer, call, output]", shown(value))


def keywords_of(items: Sequence[tuple[Any, Site]]) -> Iterator[tuple[str, Any, Site]]:
    """Yield the keyword arguments of a call: those of its last tensor, which are those of all."""
    for value, site in items[-1:]:
        keywords = value[3] if len(value) > 3 else {}
        for name, argument in site.at(3).object(keywords, "the keyword arguments").items():
            if name == "training" and argument not in (None, False):
                message = "this call is in training mode whatever the model's is, which Keras 3 lacks"
                raise site.at(3, name).refusal(message, "null or false", shown(argument))
            if argument is not None or name not in OMITTED:
                yield name, argument, site.at(3, name)


def modern_call(node: Any, class_name: str, graph: Graph, site: Site) -> Entry:
    """Rewrite one entry of `inbound_nodes` of a layer or a model."""
    items, _ = items_of(node, graph, site)
    for value, place in items:
        if not graph.is_reference(value):
            raise place.refusal("only operations read constants", "[layer, call, output]", shown(value))
    tensors = [tensor_of(value, graph) for value, _ in items]
    kwargs = {}
    for name, value, place in keywords_of(items):
        kwargs[name] = modern_argument(value, graph)
        place.into(site, "kwargs", name)
    has_states = class_name in WITH_STATES and len(tensors) > 1
    for number, (_, place) in enumerate(items):
        place.into(site, *_path(number, len(items), has_states), "config", "keras_history")
    if has_states:
        return {"args": tensors[:1], "kwargs": kwargs | {"initial_state": tensors[1:]}}
    return {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": kwargs}


def _path(number: int, count: int, has_states: bool) -> tuple[str | int, ...]:
    """Return where the tensor of this number is in a rewritten call."""
    if has_states and number:
        return ("kwargs", "initial_state", number - 1)
    return ("args", 0) if count == 1 or has_states else ("args", 0, number)


def modern_argument(value: Any, graph: Graph) -> Any:
    """Rewrite a keyword argument: tensors in it, or a constant."""
    if graph.is_reference(value) and value[0] in graph.names:
        return tensor_of(value, graph)
    if isinstance(value, list) and any(graph.is_reference(item) for item in value):
        return [modern_argument(item, graph) for item in value]
    return value

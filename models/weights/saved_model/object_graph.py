"""The objects of a SavedModel, and of its checkpoint: two graphs of the same names.

Source: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto, saved_object_graph.proto and
trackable_object_graph.proto; tf_keras.protobuf.saved_metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from models.weights.reader_refusal import Refusal
from models.weights.saved_model.wire import Malformed, Value, as_bytes, as_integer, as_text, fields, messages

MAX_OBJECTS = 1_000_000
META_GRAPHS, OBJECT_GRAPH, NODES = 2, 7, 1
CHILDREN, USER_OBJECT, VARIABLE = 1, 4, 7
"""Fields of an object."""
ATTRIBUTES, ATTRIBUTE_NAME, CHECKPOINT_KEY = 2, 1, 3
"""Fields of an object of the checkpoint."""
EMPTY = memoryview(b"")
"""Of a field that is left out."""
VALUE = "VARIABLE_VALUE"
"""The attribute of a variable that is its numbers."""
Children = Mapping[str, int]
"""Maps the names of an object's attributes to the numbers of objects."""


@dataclass
class SavedObject:
    """One object: Keras' word for its kind, its JSON, and whether it is a variable."""

    children: dict[str, int] = field(default_factory=dict)
    identifier: str = ""
    metadata: str = ""
    is_variable: bool = False


def read_objects(data: memoryview) -> list[SavedObject]:
    """Return the objects in saved_model.pb; the first is the model.

    Raises:
        Refusal: there are none, as in files of TensorFlow 1.
        Malformed
    """
    graphs = list(messages(data, META_GRAPHS))
    found = [graph for one in graphs for graph in messages(one, OBJECT_GRAPH)]
    if len(graphs) != 1 or len(found) != 1:
        message, received = "this SavedModel is a graph of TensorFlow 1, without objects", f"{len(graphs)} graphs"
        raise Refusal(message, received, suggestion="graphs are not run: build the network's layers, and send weights")
    objects = [_object(node) for node in _nodes(found[0])]
    _check_children([one.children for one in objects])
    return objects


def _nodes(graph: memoryview) -> Iterator[memoryview]:
    for number, node in enumerate(messages(graph, NODES)):
        if number == MAX_OBJECTS:
            raise Refusal("the SavedModel has too many objects", f"over {MAX_OBJECTS}", too_large=True)
        yield node


def _object(node: memoryview) -> SavedObject:
    made = SavedObject()
    for number, value in fields(node):
        if number == CHILDREN:
            _add_child(made.children, value)
        elif number == USER_OBJECT:
            words = {key: text for key, text in fields(as_bytes(value)) if key in (1, 3)}
            made.identifier, made.metadata = (as_text(words.get(key, EMPTY)) for key in (1, 3))
        made.is_variable |= number == VARIABLE
    return made


def _add_child(children: dict[str, int], reference: Value) -> None:
    values = dict(fields(as_bytes(reference)))
    name = as_text(values.get(2, EMPTY))
    if name in children:
        raise Malformed("an object has two attributes of one name")
    children[name] = as_integer(values.get(1, 0))


def _check_children(objects: Sequence[Children]) -> None:
    if not objects or any(child >= len(objects) for children in objects for child in children.values()):
        raise Malformed("an object is not in the graph")


def read_metadata(data: memoryview) -> dict[int, str]:
    """Return the JSON in keras_metadata.pb of every object of Keras, by the object's number."""
    found: dict[int, str] = {}
    for node in messages(data, NODES):
        values = dict(fields(node))
        number = as_integer(values.get(2, 0))
        if number in found:
            raise Malformed("an object is described twice")
        found[number] = as_text(values.get(5, EMPTY))
    return found


def read_keys(data: memoryview, objects: Sequence[SavedObject]) -> dict[int, str]:
    """Return the keys of variables in the checkpoint, by the object's number; its graph has the same names as that of
    saved_model.pb, in which both are walked together.

    Raises:
        Malformed: an object is two different ones there.
    """
    graph = [_checkpointed(node) for node in _nodes(data)]
    _check_children([children for children, _ in graph])
    twins = {0: 0}
    waiting = [0]
    while waiting:
        number = waiting.pop()
        children, _ = graph[twins[number]]
        for name in objects[number].children.keys() & children.keys():
            child, twin = objects[number].children[name], children[name]
            if child not in twins:
                waiting.append(child)
            if twins.setdefault(child, twin) != twin:
                raise Malformed("the two graphs of objects differ")
    return {number: key for number, twin in twins.items() if (key := graph[twin][1])}


def _checkpointed(node: memoryview) -> tuple[Children, str]:
    """Return the children of an object of the checkpoint, and the key of its value."""
    children: dict[str, int] = {}
    for reference in messages(node, CHILDREN):
        _add_child(children, reference)
    key = ""
    for attribute in messages(node, ATTRIBUTES):
        values = dict(fields(attribute))
        if as_text(values.get(ATTRIBUTE_NAME, EMPTY)) == VALUE:
            key = as_text(values.get(CHECKPOINT_KEY, EMPTY))
    return children, key

"""The layers of a model in a SavedModel with their variables, in the order in which Keras itself lists them.

Each layer lists those that are trained, and the others: the order of HDF5, too, which for models is not that of
`variables`. A layer that Keras only ever makes from its config (preprocessing) lists none; the lists of the whole model
then have the order.
Source: tf_keras.src.saving.legacy.saved_model (save_impl.wrap_layer_objects, load._get_child_layer_node_ids).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from models.weights.reader_refusal import Refusal
from models.weights.saved_model.keras_model import Description
from models.weights.saved_model.object_graph import SavedObject
from models.weights.saved_model.wire import Malformed

LAYER = re.compile(r"layer-(\d{1,9})")
"""The attribute of a model that is its layer of this number."""
VARIABLES, TRAINED, OTHERS, MORE = "variables", "trainable_variables", "non_trainable_variables", "keras_api"
"""The lists of all, those that are trained, and the others, which is an attribute of the attribute `keras_api`."""
LISTS = frozenset({VARIABLES, TRAINED, MORE, "regularization_losses", "signatures"})
"""Attributes that repeat what others hold."""
MAX_PATH = 1024


class LayerVariables(NamedTuple):
    """A layer of the model: its name and class, and its variables' paths with the numbers of the objects, in order."""

    name: str
    class_name: str
    variables: tuple[tuple[str, int], ...]


class Layers:
    """The layers of the model that is the first of the objects."""

    def __init__(self, objects: Sequence[SavedObject], metadata: Mapping[int, str]) -> None:
        self._objects, self._metadata = objects, metadata

    def __iter__(self) -> Iterator[LayerVariables]:
        """Yield the layers in order.

        Raises:
            Refusal, Malformed: names are missing, too long or not of one layer only.
        """
        names: set[str] = set()
        whole = self._listed(0) or []
        for number in self._layer_numbers():
            described = msgspec.json.decode(self._metadata.get(number, ""), type=Description)
            if described.name in names:
                raise Malformed("two layers have one name")
            names.add(described.name)
            paths = self._paths(number, described.name)
            listed = self._listed(number)
            order = [one for one in whole if one in paths] if listed is None else listed
            yield LayerVariables(described.name, described.class_name, tuple(_named(order, paths, described.name)))

    def _layer_numbers(self) -> list[int]:
        """Return the numbers of the objects that are layers, in order."""
        found = {
            int(match[1]): child
            for name, child in self._objects[0].children.items()
            if (match := LAYER.fullmatch(name))
        }
        if sorted(found) != list(range(len(found))):
            raise Malformed("a layer is missing among the objects")
        return [found[position] for position in range(len(found))]

    def _listed(self, number: int) -> list[int] | None:
        """Return the variables that an object lists, those that are trained first; None if it has no lists."""
        whole, trained = self._list(number, VARIABLES), self._list(number, TRAINED) or []
        if whole is None:
            return None
        others = self._list(self._objects[number].children.get(MORE, number), OTHERS)
        first = set(trained)
        order = [*trained, *([one for one in whole if one not in first] if others is None else others)]
        if sorted(order) != sorted(whole):
            raise Malformed("the lists of variables differ")
        return order

    def _list(self, number: int, name: str) -> list[int] | None:
        """Return the objects in a list; None if there is no such attribute."""
        listed = self._objects[number].children.get(name)
        if listed is None:
            return None
        children = self._objects[listed].children
        if children.keys() != {str(position) for position in range(len(children))}:
            raise Malformed("a list of variables is not complete")
        return [children[str(position)] for position in range(len(children))]

    def _paths(self, number: int, name: str) -> dict[int, str]:
        """Return the paths of all variables that a layer holds: the names of the layers inside, and of attributes."""
        waiting, seen, paths = [(number, name)], {number}, {}
        for current, path in waiting:  # which grows
            if len(path) > MAX_PATH:
                raise Refusal("a name is too long", f"over {MAX_PATH} characters", too_large=True)
            for attribute, child in self._objects[current].children.items():
                if attribute in LISTS or child in seen:
                    continue
                seen.add(child)
                inner = f"{path}/{self._name(child) or attribute}"
                if self._objects[child].is_variable:
                    paths[child] = inner
                else:
                    waiting.append((child, inner))
        return paths

    def _name(self, number: int) -> str | None:
        """Return the name of a layer; None for other objects."""
        text = self._metadata.get(number)
        return msgspec.json.decode(text, type=Description).name if text else None


def _named(order: Sequence[int], paths: Mapping[int, str], layer: str) -> Iterator[tuple[str, int]]:
    """Yield the path of each variable, which no other has, and its number."""
    taken: set[str] = set()
    for position, number in enumerate(order):
        path = paths.get(number, f"{layer}/{VARIABLES}/{position}")
        path = f"{path}:{position}" if path in taken else path
        taken.add(path)
        yield path, number

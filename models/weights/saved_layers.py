"""Matching of a file in Keras' older format with the network's weights: layer by layer, in the order of saving.

The file lists layers, and the weights of each: those that are trained first, then the others. A model inside another is
one layer, with the weights of all its layers. Layers are found by their order, as Keras finds them, and by name; where
both fit and they disagree, neither is used.
Source: tf_keras.src.saving.legacy.hdf5_format.load_weights_from_hdf5_group, _legacy_weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from models.layers.valid_names import valid_names
from models.weights.hdf5_paths import Ambiguity, PathMatch
from models.weights.reader_messages import OlderFile, SavedLayer
from models.weights.source import Declared
from models.weights.specs import WeightSpec

Choice = Mapping[str, SavedLayer]
"""Maps the network's layers to the file's."""


def match_saved(specs: Sequence[WeightSpec], saved: OlderFile, tensors: Mapping[str, Declared]) -> PathMatch:
    """Return the paths of the network's weights, where they are found."""
    layers = {name: list(group) for name, group in groupby(specs, lambda spec: spec.name.partition("/")[0])}
    named = valid_names(layer.name for layer in saved.layers)
    holding = {named[layer.name]: layer for layer in saved.layers if layer.paths}
    by_order = dict(zip(layers, holding.values(), strict=False)) if len(layers) == len(holding) else {}
    by_name = {name: holding[name] for name in layers if name in holding}
    choice, ambiguities = _choose(layers, by_order, by_name, tensors)
    for name, layer in choice.items():
        ambiguities += _contradictions(layers[name], layer)
    paths = {spec.name: path for name, layer in choice.items() for spec, path in _pairs(layers[name], layer)}
    return PathMatch(paths, ambiguities)


def _choose(
    layers: Mapping[str, Sequence[WeightSpec]], by_order: Choice, by_name: Choice, tensors: Mapping[str, Declared]
) -> tuple[Choice, list[Ambiguity]]:
    """Choose the file's layers for the network's; neither where both fit and differ."""
    fit_by_order, fit_by_name = _fits(layers, by_order, tensors), _fits(layers, by_name, tensors)
    if not fit_by_order:
        return by_name if fit_by_name or len(by_name) >= len(by_order) else by_order, []
    if not fit_by_name or by_order == by_name:
        return by_order, []
    differing = [name for name in layers if by_order[name] is not by_name[name]]
    ambiguities = [Ambiguity(name, by_order[name].name, by_name[name].name, True) for name in differing]
    return {name: layer for name, layer in by_order.items() if name not in differing}, ambiguities


def _fits(layers: Mapping[str, Sequence[WeightSpec]], choice: Choice, tensors: Mapping[str, Declared]) -> bool:
    """Whether every layer exists, with tensors of its dtypes and shapes."""
    return all(
        name in choice
        and [tensors[path] for path in choice[name].paths]
        == [Declared(s.dtype, s.shape) for s in in_saved_order(specs)]
        for name, specs in layers.items()
    )


def in_saved_order(specs: Sequence[WeightSpec]) -> list[WeightSpec]:
    """Return the weights of one layer in the order of the older format: those that are trained first."""
    return sorted(specs, key=lambda spec: not spec.trainable)


def _contradictions(specs: Sequence[WeightSpec], layer: SavedLayer) -> Iterator[Ambiguity]:
    """Yield the weights that by order have the place of another: of another layer of an inner model, or of another
    attribute. Only paths that all name such ones are compared.
    """
    inner = {spec.layers[-1] for spec in specs if len(spec.layers) > 1}
    attributes = {_attribute(spec.name) for spec in specs}
    pairs = list(_pairs(specs, layer))
    by_layer = [(*pair, pair[0].layers[-1:], inner & set(pair[1].split("/"))) for pair in pairs]
    by_attribute = [(*pair, (_attribute(pair[0].name),), attributes & {_attribute(pair[1])}) for pair in pairs]
    for compared in (by_layer, by_attribute):
        if all(named for *_, named in compared):
            for spec, path, own, named in compared:
                if named.isdisjoint(own):
                    yield Ambiguity(spec.name, path, named.pop(), True)


def _attribute(name: str) -> str:
    """Return the last part of a name, without TensorFlow's number of an output: `dense/kernel:0` → `kernel`."""
    return name.rpartition("/")[2].removesuffix(":0")


def _pairs(specs: Sequence[WeightSpec], layer: SavedLayer) -> Iterator[tuple[WeightSpec, str]]:
    return zip(in_saved_order(specs), layer.paths, strict=False)

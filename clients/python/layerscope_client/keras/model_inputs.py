"""The inputs of a model: their names, shapes and dtypes, in the structure that its `call` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from layerscope_client.keras.untraceable import Untraceable

EXAMPLE = "Give them: inputs=(28, 28, 1), or inputs={'ids': keras.Input((128,), dtype='int32')}"
EXAMPLE_SIZES = "{'ids': (128,), …}"


@dataclass(frozen=True)
class InputSpec:
    """One input: its shape without the batch, None where free, and its dtype."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class ModelInputs:
    """Inputs in the structure of the call, and their names in its flat order."""

    structure: Any
    names: tuple[str, ...]

    def symbolic(self, batch: int | None) -> Any:
        """Return new symbolic tensors in that structure, of so many rows."""
        return keras.tree.map_structure(
            lambda spec: keras.KerasTensor((batch, *spec.shape), spec.dtype), self.structure
        )

    def with_given(self, given: dict[str, InputSpec]) -> Any:
        """Return the structure with inputs in place of those of the same names: keys, or names of the model's own.

        Raises:
            Untraceable: there is no input of a name.
        """
        own = dict(zip(self.names, keras.tree.flatten(self.structure), strict=True))
        if isinstance(self.structure, dict) and all(isinstance(spec, InputSpec) for spec in self.structure.values()):
            own = self.structure
        unknown = given.keys() - own.keys()
        if unknown:
            raise Untraceable(f"the model has no input {min(unknown)}", advice=f"It has {', '.join(own)}.")
        merged = {name: given.get(name, spec) for name, spec in own.items()}
        return merged if own is self.structure else keras.tree.pack_sequence_as(self.structure, list(merged.values()))

    def with_sizes(self, error: Untraceable) -> Untraceable:
        """Return an error with the way to fix free sizes, if there are any: Python may have computed with them."""
        free = [name for name, spec in self.declared().items() if None in spec["shape"]]
        if error.advice or not free:
            return error
        advice = f"{', '.join(free)}: lengths are free. Fix them, for instance inputs={EXAMPLE_SIZES}"
        return Untraceable(error.reason, error.layer, error.line, advice)

    def declared(self) -> dict[str, Any]:
        """Return the inputs as a document declares them."""
        specs = zip(self.names, keras.tree.flatten(self.structure), strict=True)
        return {name: {"shape": list(spec.shape), "dtype": spec.dtype} for name, spec in specs}


def inputs_of(model: keras.Model, given: Any = None) -> ModelInputs:
    """Return the inputs of a model, with those given in place of its own.

    Raises:
        Untraceable: it has none, and none are given.
    """
    own = _own(model)
    if given is None and own is None:
        raise Untraceable(f"the shapes of the inputs of {model.name} are not known", advice=EXAMPLE)
    structure = own.structure if given is None and own is not None else _specs(given)
    if own is not None and isinstance(structure, dict):
        structure = own.with_given(structure)
    flat = keras.tree.flatten(structure)
    if own is None or len(own.names) != len(flat):
        known = keras.tree.map_structure(lambda spec: InputSpec(spec.shape, spec.dtype or "float32"), structure)
        return ModelInputs(known, tuple(_names(structure)))
    kept = keras.tree.flatten(own.structure)
    specs = [InputSpec(one.shape, one.dtype or two.dtype) for one, two in zip(flat, kept, strict=True)]
    return ModelInputs(keras.tree.pack_sequence_as(own.structure, specs), own.names)


def _own(model: Any) -> ModelInputs | None:
    """Return the inputs that Keras knows of a model: those of its graph, or of what it was built on."""
    structure = getattr(model, "_inputs_struct", None)
    functional = getattr(model, "_functional", None)
    if structure is None and functional is not None:
        structure = functional._inputs_struct
    if structure is not None:
        names = tuple(_layer_name(tensor) for tensor in keras.tree.flatten(structure))
        specs = keras.tree.map_structure(lambda tensor: InputSpec(tuple(tensor.shape[1:]), tensor.dtype), structure)
        specs = specs[0] if isinstance(specs, list) and len(specs) == 1 else specs
        return ModelInputs(specs, names)
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes or len(shapes) != 1 or not _is_shape(next(iter(shapes.values()))):
        return None
    return ModelInputs(InputSpec(tuple(next(iter(shapes.values()))[1:]), "float32"), ("input",))


def _layer_name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(length, int | None) for length in value)


def _specs(given: Any) -> Any:
    """Return given inputs as specs: shapes, symbolic tensors and arrays."""
    if _is_shape(given):
        return InputSpec(tuple(given), "")
    if isinstance(given, dict):
        return {name: _specs(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(_specs(value) for value in given)
    if isinstance(given, InputSpec):
        return given
    dtype = keras.backend.standardize_dtype(given.dtype if hasattr(given, "dtype") else np.asarray(given).dtype)
    return InputSpec(tuple(given.shape[1:]), dtype)


def _names(structure: Any) -> list[str]:
    """Return names for the inputs of a structure: their keys, or numbers."""
    if isinstance(structure, InputSpec):
        return ["input"]
    paths = keras.tree.flatten_with_path(structure)
    return ["_".join(map(str, path)) if isinstance(path[0], str) else f"input_{path[0]}" for path, _ in paths]

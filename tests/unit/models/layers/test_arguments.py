"""Every layer type of the catalog compared with the installed Keras."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

import models.layers
from models.engine.layers import create_layer, derived_seed
from models.layers.activation_names import ACTIVATIONS, KERAS2_HARD_SIGMOID
from models.layers.block import Block
from models.layers.block_weights import OwnWeights
from models.layers.layer import GRAPH_FIELDS, Layer
from models.layers.named import STRICT
from models.layers.operations import Operation

INHERITED = {"name", "trainable", "dtype", "activity_regularizer"}
"""Arguments of keras.layers.Layer that Keras' constructors forward, most of them through **kwargs."""
INNER = {
    "autocast", "rank", "cell", "pool_dimensions", "pool_mode",  # passed by Keras' own classes to their bases
    "bounding_box_format", "factor",  # of labels, and of random layers that declare it themselves
    "score_mode", "unroll", "AdditiveAttention.seed",  # announced by Keras, and ignored by those classes
}  # fmt: skip
"""Arguments of Keras' base classes that users cannot set."""
HOSTILE = [True, 1.0, 2**31, -1, "3", float("nan")]
LEGAL = {
    "axis": (-1,),
    "axes": (-1,),
    "attention_axes": (-1,),
    "target_shape": (-1,),
    "GroupNormalization.groups": (-1,),
    "salt": (2**31,),
    "mask_value": (-1, 2**31),
    "mask_token": (-1, 2**31),
    "oov_token": (-1, 2**31),
    "vocabulary": (-1, 2**31),
    "newshape": (-1,),
    "axis1": (-1,),
    "axis2": (-1,),
    "source": (-1,),
    "destination": (-1,),
    "shift": (-1,),
    "TrilOp.k": (-1,),
    "TriuOp.k": (-1,),
    "BroadcastToOp.shape": (-1,),
    "SliceOp.shape": (-1,),
    "TensordotOp.axes": (),
    "key": (-1,),
}
"""Integers among the hostile ones that are valid in a field."""


def catalogue() -> list[type[Layer]]:
    """Return every class with a `type` in models.layers, except those of blocks, which Keras does not have."""
    for module in pkgutil.iter_modules(models.layers.__path__):
        import_module(f"models.layers.{module.name}")
    found = {cls.__name__: cls for cls in _subclasses(Layer) if cls.__module__.startswith("models.layers.")}
    return [cls for name, cls in sorted(found.items()) if "type" in cls.model_fields and cls not in (Block, OwnWeights)]


def _subclasses(base: type[Layer]) -> Iterator[type[Layer]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)


CATALOGUE = catalogue()
STANDALONE = [cls for cls in CATALOGUE if cls.standalone]
CONSTRUCTED = [cls for cls in CATALOGUE if not issubclass(cls, Operation)]
"""The types that are Keras classes; the others are functions (test_operations.py)."""
every_constructed_type = pytest.mark.parametrize("cls", CONSTRUCTED, ids=lambda cls: cls.__name__)
every_type = pytest.mark.parametrize("cls", CATALOGUE, ids=lambda cls: cls.__name__)
every_standalone_type = pytest.mark.parametrize("cls", STANDALONE, ids=lambda cls: cls.__name__)


def keras_layer_of(layer: Layer) -> keras.Layer:
    return create_layer(layer, "l0", lambda field: derived_seed(0, "l0", field))


def call_layer(layer: Layer, made: keras.Layer, inputs: list[Any]) -> list[Any]:
    """Call Keras' layer at inference, as the class declares its inputs, and return the outputs."""
    arguments = {"positional": inputs, "list": [inputs], "one": inputs[:1]}[layer.inputs_as]
    inference = {"training": False} if "training" in inspect.signature(made.call).parameters else {}
    return keras.tree.flatten(made(*arguments, **layer.call_arguments(), **inference))


def keras_class(cls: type[Layer]) -> Any:
    home = cls.keras_modules[0]
    return getattr(keras.layers if home == "keras.layers" else import_module(home), cls.keras_name())


def own_fields(cls: type[Layer]) -> set[str]:
    """Return the fields that are this type's own constructor arguments."""
    return set(cls.model_fields) - GRAPH_FIELDS - INHERITED - cls.call_fields


def own_parameters(cls: type[Layer]) -> dict[str, inspect.Parameter]:
    """Return Keras' constructor arguments except inherited ones and INNER, including those forwarded as **kwargs."""
    found: dict[str, inspect.Parameter] = {}
    for base in keras_class(cls).__mro__:
        parameters = inspect.signature(vars(base)["__init__"]).parameters if "__init__" in vars(base) else {}
        kinds = [parameter.kind for parameter in parameters.values()]
        inner = INNER if base is not keras_class(cls) else set()
        found |= {
            name: p for name, p in parameters.items()
            if p.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
            and name not in INHERITED | inner | {"self", *found} and f"{cls.__name__}.{name}" not in inner
        }  # fmt: skip
        if parameters and inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return found


def example_of(cls: type[Layer], **changes: Any) -> Layer:
    return cls.model_validate({**cls.example.arguments, **changes})


def normalize(cls: type[Layer], field: str, value: Any) -> Any:
    """Validate a value of Keras as the field does: names become objects, sizes tuples."""
    annotation = cls.model_fields[field].rebuild_annotation()
    return TypeAdapter(list[annotation], config=STRICT).validate_python([as_json(value)])[0]


def as_json(value: Any) -> Any:
    return [as_json(item) for item in value] if isinstance(value, tuple | list) else value


@every_constructed_type
def test_fields_match_the_constructor_arguments_of_keras(cls: type[Layer]) -> None:
    """None is missing or extra."""
    assert own_fields(cls) == set(own_parameters(cls))


@every_constructed_type
def test_defaults_match_keras(cls: type[Layer]) -> None:
    """Omitting a field has the same effect as in Keras."""
    for name, parameter in own_parameters(cls).items():
        field = cls.model_fields[name]
        assert field.is_required() == (parameter.default is inspect.Parameter.empty), name
        if not field.is_required():
            assert field.get_default(call_default_factory=True) == normalize(cls, name, parameter.default), name


@every_constructed_type
def test_call_fields_are_arguments_of_keras_call(cls: type[Layer]) -> None:
    """Keras' `call` accepts each of them."""
    assert cls.call_fields <= set(inspect.signature(keras_class(cls).call).parameters)


def test_positional_call_arguments_are_in_the_order_of_keras() -> None:
    """After the inputs, up to the last tensor argument."""
    for cls in CONSTRUCTED:
        taken = list(inspect.signature(keras_class(cls).call).parameters)[1:]
        behind = taken[3 if cls.inputs_as == "positional" else 1 :]
        last = max((behind.index(name) for name in cls.call_tensors()), default=-1)
        assert list(cls.call_order) == behind[: last + 1], cls.__name__


@every_constructed_type
def test_type_lists_all_names_of_one_keras_class(cls: type[Layer]) -> None:
    """The canonical name comes first, and every name that Keras exports for the class is accepted."""
    names = get_args(cls.model_fields["type"].annotation)
    exported = {name for name in dir(keras.layers) if getattr(keras.layers, name) is keras_class(cls)}
    assert names[0] == cls.model_fields["type"].default == cls.__name__
    assert set(names) == (exported or {cls.__name__})


def test_the_catalog_has_every_type() -> None:
    """No class of models.layers is missing."""
    assert set(models.layers.CATALOGUE.values()) == set(CATALOGUE)


def test_type_names_are_unique() -> None:
    """A name refers to one class."""
    names = [name for cls in CATALOGUE for name in get_args(cls.model_fields["type"].annotation)]
    assert len(names) == len(set(names))


def test_every_type_has_a_unique_summary() -> None:
    """One line of at most 100 characters that ends in a period."""
    summaries = {cls.__name__: cls.summary() for cls in CATALOGUE}
    unfit = {name: text for name, text in summaries.items() if len(text) > 100 or not text.endswith(".")}
    assert unfit == {}
    assert len(set(summaries.values())) == len(summaries)


@every_standalone_type
def test_examples_build_and_run(cls: type[Layer]) -> None:
    """The outputs have the announced number, shapes and dtypes."""
    layer = example_of(cls)
    inputs = [keras.Input(shape, dtype=cls.example.dtype) for shape in cls.example.shapes]
    layer.check_shapes(tuple(tuple(tensor.shape) for tensor in inputs))
    made = keras_layer_of(layer)
    announced = call_layer(layer, made, inputs)
    assert len(announced) == layer.output_count()
    outputs = call_layer(layer, made, sample(cls))
    for symbolic, output in zip(announced, outputs, strict=True):
        assert fits(symbolic.shape, output.shape), (symbolic.shape, output.shape)
        assert symbolic.dtype == keras.backend.standardize_dtype(output.dtype)


def sample(cls: type[Layer]) -> list[np.ndarray]:
    """Draw a random batch of two for each input of the example."""
    random = np.random.default_rng(0)
    whole = cls.example.dtype.startswith(("int", "uint", "bool"))
    draw = (lambda shape: random.integers(0, 2, shape)) if whole else random.random
    return [draw((2, *shape)).astype(cls.example.dtype) for shape in cls.example.shapes]


def fits(symbolic: tuple[int | None, ...], actual: tuple[int, ...]) -> bool:
    pairs = zip(symbolic, actual, strict=True)
    return all(expected is None or expected == length for expected, length in pairs)


@every_standalone_type
def test_examples_have_figures(cls: type[Layer]) -> None:
    """Multiply-adds are a number for concrete shapes, and windows are along existing axes."""
    layer = example_of(cls)
    shapes = tuple((2, *shape) for shape in cls.example.shapes)
    inputs = [keras.KerasTensor(shape, dtype=cls.example.dtype) for shape in shapes]
    outputs = tuple(tuple(output.shape) for output in call_layer(layer, keras_layer_of(layer), inputs))
    multiply_adds = layer.macs(shapes, outputs)
    assert isinstance(multiply_adds, int)
    assert multiply_adds >= 0
    windows = layer.windows(shapes[0])
    assert windows is None or len(windows) <= max(len(shapes[0]) - 2, 0)


def hostile_integers(cls: type[Layer]) -> Iterator[tuple[str, Any]]:
    """Yield each integer field with each spelling of it (a number, an array) and each hostile value."""
    schema = cls.model_json_schema()
    properties = schema.get("$defs", {}).get(cls.__name__, schema)["properties"]
    for field in sorted(own_fields(cls)):
        for length in sorted(integer_spellings(properties[field])):
            for value in HOSTILE:
                if not is_legal(cls, field, value):
                    yield field, [value] * length if length else value


def integer_spellings(schema: dict[str, Any]) -> set[int]:
    """Return 0 if the field may be a bare integer, and n if it may be an array of n integers."""
    if "anyOf" in schema:
        return {length for arm in schema["anyOf"] for length in integer_spellings(arm)}
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return {schema.get("minItems") or 1} if 0 in integer_spellings(items) else set()
    return {0} if schema.get("type") == "integer" else set()


def is_legal(cls: type[Layer], field: str, value: Any) -> bool:
    legal = LEGAL.get(f"{cls.__name__}.{field}", LEGAL.get(field, ()))
    return type(value) is int and value in legal


@every_type
def test_integers_are_bounded_and_strict(cls: type[Layer]) -> None:
    """Only integers within bounds reach Keras, and the error names the field."""
    accepted = [(field, value) for field, value in hostile_integers(cls) if not is_rejected(cls, field, value)]
    assert accepted == []


def is_rejected(cls: type[Layer], field: str, value: Any) -> bool:
    """Whether the value is an error of that field."""
    try:
        example_of(cls, **{field: value})
    except ValidationError as error:
        return field in {problem["loc"][0] for problem in error.errors() if problem["loc"]}
    return False


def test_most_types_have_integers_to_check() -> None:
    """The cases come from the schema: a change of its form must not empty them."""
    assert sum(1 for cls in CATALOGUE for _ in hostile_integers(cls)) > 1_900


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != KERAS2_HARD_SIGMOID])
def test_activations_keep_the_shape(name: str) -> None:
    """Keras announces this for every activation; those listed do."""
    x = np.linspace(-2, 2, 24, dtype="float32").reshape(2, 3, 4)
    assert keras.activations.get(name)(x).shape == (2, 3, 4)


def test_excluded_activations_are_still_unfit() -> None:
    """`glu` halves the last axis and `threshold` cannot be called by name: list them once Keras fixes that."""
    x = np.ones((2, 4), "float32")
    assert keras.activations.get("glu")(x).shape == (2, 2)
    with pytest.raises(TypeError):
        keras.activations.get("threshold")(x)

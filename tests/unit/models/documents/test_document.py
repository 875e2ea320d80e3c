"""Model documents: accepted spellings, rejected values, and the pointers of errors."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from models.documents.document import Document, canonical
from models.documents.inputs import InputSpec
from models.documents.raw_json import MAX_DEPTH
from models.errors import InvalidDocument, Problem
from models.errors.problem import MAX_PROBLEMS
from models.layers import CATALOGUE
from models.layers.block import Block
from models.layers.core import Dense
from models.layers.excluded import EXCLUDED
from models.layers.layer import Layer
from models.layers.pooling import MaxPooling2D
from models.limits import MAX_INPUTS, MAX_LAYERS
from models.reading.parse import parse_document

RELU: dict[str, Any] = {"type": "ReLU"}
DENSE: dict[str, Any] = {"type": "Dense", "units": 2}
HUGE = pytest.param(10**5000, id="huge")


def problems(raw: Any) -> tuple[Problem, ...]:
    """Return all problems of a document, which must be rejected."""
    with pytest.raises(InvalidDocument) as refused:
        parse_document(raw)
    return refused.value.problems


def problem(raw: Any) -> Problem:
    """Return its only problem."""
    (only,) = problems(raw)
    return only


def layer(**arguments: Any) -> dict[str, Any]:
    """Build a document of one layer."""
    return {"layers": [{**DENSE, **arguments}]}


def nested_blocks(depth: int) -> list[Any]:
    """Nest a layer in this many blocks."""
    layers = [RELU]
    for _ in range(depth):
        layers = [{"type": "Block", "layers": layers}]
    return layers


def test_a_document_needs_only_layers() -> None:
    """Everything else has a default."""
    document = parse_document({"layers": [DENSE]})
    assert (document.name, document.seed, document.input, document.outputs) == (None, 0, None, None)
    assert document.layers == [Dense(units=2)]


def test_a_bare_list_is_short_for_layers() -> None:
    """`[…]` and `{"layers": […]}` are one document."""
    assert canonical(parse_document([DENSE, RELU])) == canonical(parse_document({"layers": [DENSE, RELU]}))


@pytest.mark.parametrize(
    ("written", "inputs"),
    [
        ([28, 28, 1], {"input": InputSpec(shape=[28, 28, 1])}),
        ([], {"input": InputSpec(shape=[])}),
        ([None, 4], {"input": InputSpec(shape=[None, 4])}),
        ({"shape": [4]}, {"input": InputSpec(shape=[4])}),
        ({"shape": [4], "dtype": "int32"}, {"input": InputSpec(shape=[4], dtype="int32")}),
        ({"a": [4], "b": {"shape": [2], "dtype": "bool"}},
         {"a": InputSpec(shape=[4]), "b": InputSpec(shape=[2], dtype="bool")}),
        ({"shape": {"shape": [4]}}, {"shape": InputSpec(shape=[4])}),
        (None, None),
    ],
)  # fmt: skip
def test_input_is_a_shape_a_spec_or_a_mapping(written: Any, inputs: Any) -> None:
    """A single shape declares an input called `input`; null or absent, it is inferred from the request."""
    assert parse_document({"input": written, "layers": [RELU]}).input == inputs


@pytest.mark.parametrize(
    ("written", "pointer"),
    [
        (3, "/input"),
        ("28", "/input"),
        ({}, "/input"),
        ([0], "/input/0"),
        ([4, True], "/input/1"),
        ([4.0], "/input/0"),
        ([2**24 + 1], "/input/0"),
        ([10**400], "/input/0"),
        ([1] * 8, "/input"),
        ({"shape": [4], "dtype": "string"}, "/input/dtype"),
        ({"shape": [4], "dtyp": "int8"}, "/input/dtyp"),
        ({"a": 3}, "/input/a"),
        ({"a": [4, -1]}, "/input/a/1"),
        ({"a": {"dtype": "int8"}}, "/input/a/shape"),
        ({"a": {"shape": [4, "5"]}}, "/input/a/shape/1"),
        ({"a/b": [4]}, "/input/a~1b"),
        ({"a/b": {"shape": [4]}}, "/input/a~1b"),
        ({f"i{n}": [1] for n in range(MAX_INPUTS + 1)}, "/input"),
    ],
)
def test_input_errors_point_at_the_value_or_key(written: Any, pointer: str) -> None:
    """Of the document as it was sent."""
    assert problem({"input": written, "layers": [RELU]}).pointer == pointer


def test_a_misspelled_field_of_an_input_gets_a_suggestion() -> None:
    """The known fields are those of an input, not of the document."""
    found = problem({"input": {"shape": [4], "dtyp": "int8"}, "layers": [RELU]})
    assert (found.expected, found.suggestion) == ("one of shape, dtype", 'write "dtype"')


@pytest.mark.parametrize("raw", [None, 3, "Dense", True, 1.5])
def test_a_document_is_an_object_or_a_list(raw: Any) -> None:
    """Other values are rejected with an empty pointer."""
    assert problem(raw).pointer == ""


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        ({}, "/layers"),
        ({"layers": []}, "/layers"),
        ([], ""),
        ({"layers": None}, "/layers"),
        ({"layers": {"0": RELU}}, "/layers"),
        ({"layers": [RELU, 3]}, "/layers/1"),
        ([RELU, None], "/1"),
        ({"layers": [[RELU]]}, "/layers/0"),
        ({"layers": [RELU], "outputs": "re_lu"}, "/outputs"),
        ({"layers": [RELU], "outputs": []}, "/outputs"),
        ({"layers": [RELU], "outputs": ["re_lu", 1]}, "/outputs/1"),
        ({"layers": [RELU], "name": "n" * 129}, "/name"),
        (layer(inputs="input"), "/layers/0/inputs"),
        (layer(calls=[["input"], []]), "/layers/0/calls/1"),
        ([{"type": "Block", "layers": []}], "/0/layers"),
        ([{"type": "Block", "layers": [RELU, {**DENSE, "units": True}]}], "/0/layers/1/units"),
        ([{"type": "Bidirectional", "layer": {"type": "LSTM", "units": 0}}], "/0/layer/units"),
        ([{"type": "Bidirectional", "layer": DENSE}], "/0/layer/type"),
        ([{"type": "RNN", "cell": [{"type": "LSTMCell", "units": 2}, {"type": "LSTMCell", "units": -2}]}],
         "/0/cell/1/units"),
        ([{"type": "RNN", "cell": {"type": "LSTMCell", "units": 2, "dropout": 2}}], "/0/cell/dropout"),
        ([{"type": "RNN", "cell": {"type": "LSTM", "units": 2}}], "/0/cell/type"),
        ([{"type": "RNN", "cell": 3}], "/0/cell"),
        (layer(kernel_initializer={"type": "HeNormal", "seed": True}), "/layers/0/kernel_initializer/seed"),
        (layer(kernel_initializer={"class_name": "HeNormal", "config": {"seed": -1}}),
         "/layers/0/kernel_initializer/config/seed"),
        (layer(**{"a/b~c": 1}), "/layers/0/a~1b~0c"),
    ],
)  # fmt: skip
def test_pointers_lead_to_the_fault(raw: Any, pointer: str) -> None:
    """RFC 6901, into the document as it was sent: a bare list has no `/layers`."""
    assert problem(raw).pointer == pointer


HOSTILE = [True, 3.5, "x", [], [True], [[True]], {}, {"type": "x"}, {"class_name": "x", "config": {"a": 1}}, None]


@pytest.mark.parametrize("cls", CATALOGUE.values(), ids=lambda cls: cls.__name__)
def test_pointers_exist_in_the_document(cls: type[Layer]) -> None:
    """For hostile values of every field, without pydantic's internal locations."""
    for name, value in product(cls.model_fields, HOSTILE):
        sent = {"type": cls.__name__, **cls.example.arguments, name: value}
        try:
            parse_document([sent])
        except InvalidDocument as error:
            for found in error.problems:
                parent, _, last = found.pointer.rpartition("/")
                holder = at(parent, [sent])
                assert found.received == "nothing" or at(f"/{last}", holder) is not MISSING, (name, value, found)
                assert "[_" not in found.message + str(found.expected), (name, value, found)


MISSING = object()


def at(pointer: str, value: Any) -> Any:
    """Resolve a JSON pointer."""
    for part in pointer.split("/")[1:]:
        word = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(word)]
        else:
            value = value.get(word, MISSING) if isinstance(value, dict) else MISSING
    return value


@pytest.mark.parametrize("value", [True, 1.0, 2.5, float("nan"), float("inf"), "2", None, [2], {}, 2**31, HUGE, -1])
def test_integers_are_strict(value: Any) -> None:
    """No other type is coerced, and none is beyond its bounds."""
    assert problem(layer(units=value)).pointer == "/layers/0/units"


@pytest.mark.parametrize("value", [True, 1.0, -1, 2**63, HUGE, "0", None])
def test_the_seed_is_an_integer_of_63_bits(value: Any) -> None:
    """The seed of a document is as strict as other integers."""
    assert problem({"seed": value, "layers": [RELU]}).pointer == "/seed"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "0.3", 10**400])
def test_numbers_are_finite(value: Any) -> None:
    """NaN, infinities, booleans and strings are rejected."""
    assert problem([{"type": "LeakyReLU", "negative_slope": value}]).pointer == "/0/negative_slope"


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_booleans_are_strict(value: Any) -> None:
    """1 is not true."""
    assert problem(layer(use_bias=value)).pointer == "/layers/0/use_bias"


@pytest.mark.parametrize("name", ["conv", "ü", "日本", "😀", "a b", "a,b", "a.b", "x" * 128])
def test_names_may_be_any_text(name: str) -> None:
    """Letters of every script, spaces and dots are allowed in layer names."""
    assert parse_document(layer(name=name)).layers[0].name == name


@pytest.mark.parametrize(
    "name", ["", "a/b", "a@b", "a:b", "a#b", "a*", "a?", "a\nb", "a\x00", "\ud800", "x" * 129, ".", ".."]
)
def test_names_exclude_address_syntax(name: str) -> None:
    """Separators, wildcards, control characters and lone surrogates are rejected."""
    assert problem(layer(name=name)).pointer == "/layers/0/name"


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "\ud800", "layers": [RELU]},
        {"\ud800": 1, "layers": [RELU]},
        {"layers": [{"type": "\ud800"}]},
        {"layers": [{"type": "ReLU", "\udfff": 1}]},
        {"layers": [{"type": "ReLU", "inputs": ["\ud800"]}]},
        {"input": {"\ud800": [1]}, "layers": [RELU]},
        {"layers": [{**DENSE, "activation": "\ud800"}]},
        {"layers": [{**DENSE, "kernel_initializer": "\ud800"}]},
    ],
)
def test_errors_of_lone_surrogates_are_encodable(raw: Any) -> None:
    """Apart from the pointer, their text is valid UTF-8."""
    for found in problems(raw):
        words = (found.message, found.expected or "", found.received or "", found.suggestion or "")
        assert "\\u" in " ".join(words)
        assert " ".join(words).encode()


def test_nesting_is_bounded() -> None:
    """The documented depth is inclusive, and the check is not recursive."""
    deepest = (MAX_DEPTH - 2) // 2
    assert parse_document(nested_blocks(deepest))
    assert problem(nested_blocks(deepest + 1)).expected == f"at most {MAX_DEPTH} levels of nesting"
    assert problem(nested_blocks(10_000)).pointer == ""


@pytest.mark.parametrize("key", ["layers", "input", "name", "x"])
def test_nesting_is_bounded_everywhere(key: str) -> None:
    """Not only inside layers."""
    value: Any = 1
    for _ in range(10_000):
        value = [value]
    assert problem({"layers": [RELU], key: value}).received == "more levels"


def test_the_number_of_layers_is_bounded() -> None:
    """The limit is inclusive."""
    assert len(parse_document([RELU] * MAX_LAYERS).layers) == MAX_LAYERS == 2048
    assert problem({"layers": [RELU] * (MAX_LAYERS + 1)}).pointer == "/layers"
    assert problem([RELU] * (MAX_LAYERS + 1)).pointer == ""


def test_layers_inside_blocks_are_counted() -> None:
    """A block counts as one layer plus its own layers."""
    half = {"type": "Block", "layers": [RELU] * (MAX_LAYERS // 2 - 1)}
    assert parse_document([half, half])
    assert problem([half, half, RELU]) == Problem("", "there are too many layers", "at most 2048 layers", "2049 layers")
    assert problem({"layers": [half, half, RELU]}).pointer == "/layers"


@pytest.mark.parametrize("layers", [[{}], [{"type": "Denss"}], [{"type": "Dense"}]])
def test_the_number_of_problems_is_bounded(layers: list[Any]) -> None:
    """A document with a hundred thousand mistakes is rejected fast, with the first of them."""
    found = problems({"layers": layers * (MAX_LAYERS if layers == [{"type": "Dense"}] else 100_000)})
    assert len(found) == MAX_PROBLEMS
    assert found[1].pointer.startswith("/layers/1/")


def test_all_problems_are_reported_at_once() -> None:
    """In the order of the document."""
    raw = [{**DENSE, "units": True}, RELU, {**DENSE, "use_bias": 1, "activation": "rellu"}]
    assert [found.pointer for found in problems(raw)] == ["/0/units", "/2/activation", "/2/use_bias"]


@pytest.mark.parametrize(
    ("raw", "pointer", "suggestion"),
    [
        ({"layer": [RELU]}, "/layer", "layers"),
        ({"layers": [RELU], "sead": 1}, "/sead", "seed"),
        ([{"type": "Dense", "Units": 3}], "/0/Units", "units"),
        (layer(activaton="relu"), "/layers/0/activaton", "activation"),
        ([{"type": "Block", "layer": [RELU]}], "/0/layer", "layers"),
        ([{"type": "MaxPool2D", "poolsize": 3}], "/0/poolsize", "pool_size"),
        (layer(kernel_initializer={"type": "HeNormal", "sed": 1}), "/layers/0/kernel_initializer/sed", "seed"),
        ([{"type": "Bidirectional", "layer": {"type": "LSTM", "unitz": 3}}], "/0/layer/unitz", "units"),
        (layer(activation="rellu"), "/layers/0/activation", "relu"),
        (layer(kernel_initializer="he_norml"), "/layers/0/kernel_initializer", "he_normal"),
        ([{"type": "Conv2D", "filters": 1, "kernel_size": 1, "padding": "sam"}], "/0/padding", "same"),
        ([{"type": "Conv2d", "filters": 1}], "/0/type", "Conv2D"),
        ([{"type": "maxpool2d"}], "/0/type", "MaxPool2D"),
        ([{"type": "keras.layers.Dense", "units": 1}], "/0/type", "Dense"),
        ([{"type": "Linear"}], "/0/type", "Dense"),
    ],
)
def test_misspellings_get_a_suggestion(raw: Any, pointer: str, suggestion: str) -> None:
    """For unknown fields, values and types: the nearest known one."""
    found = problem(raw)
    assert (found.pointer, found.suggestion) == (pointer, f'write "{suggestion}"')


def test_unknown_arguments_list_the_valid_ones() -> None:
    """The message names the layer type."""
    found = problem(layer(colour=3))
    assert found.message == '"colour" is not an argument of Dense'
    assert "units, use_bias" in str(found.expected)


@pytest.mark.parametrize("raw", [{}, {"type": None}, {"type": 3}, {"type": ["Dense"]}, {"type": {}}])
def test_a_layer_needs_a_type(raw: Any) -> None:
    """Without a valid type its other fields are not validated."""
    found = problem([RELU, raw])
    assert (found.pointer, found.message) == ("/1/type", "a layer needs a type")


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_excluded_types_are_rejected_with_the_reason(name: str) -> None:
    """Keras types that the catalog omits have a reason."""
    assert problem([{"type": name}]).message == f"{name} is not in the catalogue: {EXCLUDED[name]}"


def test_excluded_types_are_rejected_in_blocks() -> None:
    """At any depth."""
    assert problem([{"type": "Block", "layers": [RELU, {"type": "Lambda"}]}]).pointer == "/0/layers/1/type"


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells"])
def test_cells_are_rejected_as_layers(name: str) -> None:
    """A recurrent cell belongs inside an RNN."""
    found = problem([{"type": name, "units": 2}])
    assert found.message == f"{name} is a cell: it stands inside a layer that steps through time"
    assert '"RNN"' in str(found.suggestion)


def test_a_missing_argument_is_named() -> None:
    """The pointer is that of the required argument."""
    assert problem([{"type": "Dense"}]) == Problem("/0/units", "units is required", "a value for units", "nothing")


def test_a_misspelled_required_argument_is_one_problem() -> None:
    """Writing `unit` for `units` does not also report `units` as missing."""
    assert problem([{"type": "Dense", "unit": 2}]).suggestion == 'write "units"'


def test_aliases_are_the_same_type() -> None:
    """Keras' other names refer to the same class."""
    assert isinstance(parse_document([{"type": "MaxPool2D"}]).layers[0], MaxPooling2D)


def test_a_block_has_inputs_layers_and_outputs() -> None:
    """A block nests a graph."""
    raw = {"type": "Block", "name": "b", "input": ["x", "y"], "layers": [{"type": "Add"}], "outputs": ["add"]}
    (block,) = parse_document([raw]).layers
    assert isinstance(block, Block)
    assert (block.input, block.outputs, len(block.layers)) == (["x", "y"], ["add"], 1)


def test_the_canonical_form_is_explicit() -> None:
    """Defaults are included, sizes are arrays, aliases are resolved, and names of objects become objects."""
    document = parse_document({"input": [4, 4, 1], "layers": [{"type": "MaxPool2D", "pool_size": 3}]})
    assert canonical(document) == {
        "name": None,
        "seed": 0,
        "input": {"input": {"shape": [4, 4, 1], "dtype": "float32"}},
        "outputs": None,
        "trainable": True, "scale": None,
        "layers": [
            {
                "type": "MaxPooling2D", "name": None, "inputs": None, "calls": None, "keywords": None,
                "trainable": True, "dtype": None,
                "activity_regularizer": None, "pool_size": [3, 3], "strides": None, "padding": "valid",
                "data_format": None,
            }
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw",
    [
        [DENSE],
        {"name": "n", "seed": 3, "input": {"a": [4], "b": {"shape": [None], "dtype": "int8"}},
         "layers": [{"type": "Concatenate"}, {**DENSE, "kernel_initializer": "he_normal", "activation": "swish"}],
         "outputs": ["dense"]},
        [{"type": "Block", "layers": [{"type": "Bidirectional", "layer": {"type": "GRU", "units": 2}}]}],
        [{"type": "ZeroPadding2D", "padding": [[1, 2], 3]}],
        [{"type": "RNN", "cell": [{"type": "GRUCell", "units": 2}]}],
    ],
)  # fmt: skip
def test_the_canonical_form_round_trips(raw: Any) -> None:
    """Serialized as JSON and parsed again it is the same document."""
    document = parse_document(raw)
    written = json.dumps(canonical(document), allow_nan=False)
    assert json.dumps(canonical(parse_document(json.loads(written)))) == written


def test_inputs_can_be_declared_later() -> None:
    """A document without input takes that of the request; the original is unchanged."""
    document = parse_document([DENSE])
    declared = document.with_inputs({"input": InputSpec(shape=[3])})
    assert canonical(declared) == canonical(parse_document({"input": [3], "layers": [DENSE]}))
    assert document.input is None
    assert isinstance(document, Document)

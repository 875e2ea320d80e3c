"""Suggestions for common terms of other libraries lead to valid names that are not used already."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.documents.document import canonical
from models.documents.synonyms import ARGUMENTS, TYPES
from models.errors import InvalidDocument
from models.errors.problem import suggest
from models.errors.suggestions import DTYPES, LEAVE_OUT, advice, dtype_advice
from models.layers import CATALOGUE
from models.reading.parse import FIELDS, parse_document
from models.reading.unknown_types import TYPES as KNOWN_TYPES
from models.reading.unknown_types import nearest_type
from models.tensors.dtypes import DTYPES as KNOWN_DTYPES
from service.options.foreign_names import form_words, json_words


def suggested_names(suggestion: str) -> list[str]:
    """Return the suggested names."""
    return re.findall(r'"([^"]+)"', suggestion) if suggestion.startswith("write") else []


def test_suggested_arguments_exist() -> None:
    """For every layer and term, whatever else is given."""
    for name in CATALOGUE:
        for word in ARGUMENTS.keys() - set(FIELDS[name]):
            found = advice(word, FIELDS[name], (), ARGUMENTS, 0.75) or ""
            assert set(suggested_names(found)) <= {*FIELDS[name], "input"}, (name, word, found)
            for field in suggested_names(found):
                assert advice(word, FIELDS[name], [field], ARGUMENTS, 0.75) == LEAVE_OUT


def test_suggested_types_exist() -> None:
    """Also those by spelling; an ambiguous term lists a whole family."""
    for word, suggestion in TYPES.items():
        named = [one for one in suggested_names(suggestion) if one not in ("layers", "type", "layer", "threshold")]
        assert named, word
        assert set(named) <= set(KNOWN_TYPES), word
    assert nearest_type("Conv") == 'write "Conv1D" or "Conv2D" or "Conv3D"'
    assert nearest_type("Cov2D") == 'write "Conv2D"'
    assert [nearest_type(word) for word in ("Custom", "Noise", "Conv4D", "Functional", "x" * 500)] == [None] * 5


def test_suggested_dtypes_exist() -> None:
    """Ambiguous terms list both dtypes."""
    assert {one for word in DTYPES for one in suggested_names(str(dtype_advice(word, KNOWN_DTYPES)))} <= set(
        KNOWN_DTYPES
    )
    assert dtype_advice("torch.float", KNOWN_DTYPES) == 'write "float32" or "float64"'
    assert dtype_advice("<f4", KNOWN_DTYPES) == dtype_advice("flaot32", KNOWN_DTYPES) == 'write "float32"'


def test_suggested_request_fields_exist() -> None:
    """Of JSON and forms, with and without the model."""
    for words in (json_words(True), json_words(False), form_words(True), form_words(False)):
        known = list(words.fields[""])
        for word in words.synonyms[""].keys() - set(known):
            found = advice(word, known, (), words.synonyms[""], 0.6) or ""
            assert set(suggested_names(found)) <= {*known, "image", "<base64>"}, (word, found)


def parsed(raw: Any) -> Any:
    """Parse the document with all its defaults."""
    return canonical(parse_document(raw))


DENSE = {"type": "Dense", "units": 1}
OWN: dict[str, Any] = {"input": {"x": {"shape": [4], "dtype": "int32"}}, "layers": [DENSE]}


@pytest.mark.parametrize("layer", [
    {"shape": [4]}, {"batch_shape": [None, 4]}, {"input_shape": [4], "sparse": False}, {"input_dim": 4},
])  # fmt: skip
def test_input_layers_declare_inputs(layer: dict[str, Any]) -> None:
    """A leading InputLayer is the document's input, in a bare list and in a document."""
    head = {"type": "InputLayer", "name": "x", "dtype": "int32", **layer}
    assert parsed([head, DENSE]) == parsed({"layers": [head, DENSE]}) == parsed(OWN)


def test_several_input_layers_declare_named_inputs() -> None:
    """Each is the input of its name."""
    heads = [{"type": "keras.Input", "name": name, "shape": [2]} for name in ("left", "right")]
    add = {"type": "Add", "inputs": ["left", "right"]}
    assert parsed([*heads, add]) == parsed({"input": {"left": [2], "right": [2]}, "layers": [add]})


def test_the_first_layer_may_declare_the_input() -> None:
    """As in Keras 2, unless the argument is the layer's own."""
    plain = parsed({"input": [4], "layers": [DENSE]})
    for shape in ({"input_shape": [4]}, {"batch_input_shape": [None, 4]}, {"input_dim": 4}):
        assert parsed([DENSE | shape]) == plain
    assert parse_document([{"type": "Embedding", "input_dim": 4, "output_dim": 2}]).input is None


WRONG: list[tuple[Any, list[str]]] = [
    ([{"type": "Input", "shape": [0]}, DENSE], ["/0/shape/0"]),
    ([{"type": "Input", "shape": [4]}, {"type": "Dense", "unit": 1}], ["/1/unit"]),
    ([{"type": "Input", "shape": [4]}, DENSE, {"type": "Cov2D"}], ["/2/type"]),
    ([{"type": "Input", "shape": [4]}, {"type": "Input", "shape": [4]}, DENSE], ["/0/name", "/1/name"]),
    ([{"type": "Input", "shape": [4], "batch_size": 3}, DENSE], ["/0/batch_size"]),
    ({"input": [4], "layers": [{"type": "Input", "shape": [4]}, DENSE]}, ["/layers/0"]),
    ([DENSE | {"input_shape": "4"}], ["/0/input_shape"]),
    ({"input": [4], "layers": [DENSE | {"input_shape": [4]}]}, ["/layers/0/input_shape"]),
    ([DENSE, DENSE | {"input_shape": [1]}], ["/1/input_shape"]),
    ([DENSE, {"type": "InputLayer", "shape": [4]}], ["/1/type"]),
    ([{"type": "Input", "shape": [4]}, {"type": "Input", "name": "input", "shape": [2]}, DENSE], ["/0/name"]),
    ([{"type": "Input", "name": "", "shape": [4]}, {"type": "Input", "name": "x", "shape": [2]}, DENSE], ["/0/name"]),
    ([{"type": "InputLayer", "shape": [4], "batch_shape": [None, 8]}, DENSE], ["/0/batch_shape"]),
    ([{"type": "InputLayer", "batch_shape": []}, DENSE], ["/0/batch_shape"]),
    ([DENSE | {"batch_input_shape": []}], ["/0/batch_input_shape"]),
    ([{"type": "InputLayer"}, DENSE], ["/0/shape"]),
    ({"modelTopology": {"class_name": "Sequential"}}, ["/modelTopology/config"]),
    ({"modelTopology": {"class_name": "Sequential", "config": {}, "layers": []}}, ["/modelTopology/config/layers"]),
]


def test_errors_of_declared_inputs_point_into_the_document() -> None:
    """As it was sent."""
    for raw, pointers in WRONG:
        with pytest.raises(InvalidDocument) as caught:
            parse_document(raw)
        assert [problem.pointer for problem in caught.value.problems] == pointers, raw
    for shape, suggestion in ((4, "write [4]"), ("a", None)):
        with pytest.raises(InvalidDocument) as caught:
            parse_document([{"type": "Input", "shape": shape}, DENSE])
        assert caught.value.problems[0].suggestion == suggestion


def test_the_nearest_known_word_is_suggested() -> None:
    """For text that is similar to one; other values have no suggestion."""
    assert suggest("Conv2", ["dense", "conv2d"]) == 'write "conv2d"'
    assert [suggest(word, ["dense", "conv2d"]) for word in ("lstm", "", 3, None, ["dense"])] == [None] * 5

"""Boxes through networks: branches, blocks, shared layers and several inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.documents.document import canonical
from models.engine.build import BuiltModel, build
from models.explaining.reads.walk import parts_read
from models.networks.expansion import expand
from models.reading.parse import parse_document

LIMIT = 2**30
SHIFT = 50.0
"""Large enough to make any element the largest of its window."""
LEAKY = "leaky_relu"


def conv(name: str, **fields: Any) -> dict[str, Any]:
    """Return a convolution that no value saturates."""
    return {
        "type": "Conv2D",
        "name": name,
        "filters": 2,
        "kernel_size": 3,
        "activation": LEAKY,
        "dtype": "float64",
        **fields,
    }


def layer(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """Return a layer in float64."""
    return {"type": kind, "name": name, "dtype": "float64", **fields}


IMAGE = {"shape": [9, 8, 2], "dtype": "float64"}
RESIDUAL = {
    "input": {"image": IMAGE},
    "layers": [
        conv("a", padding="same"),
        layer("MaxPooling2D", "pool"),
        conv("b", padding="same"),
        layer("Add", "sum", inputs=["pool", "b"]),
        layer("Flatten", "flat"),
        layer("Dense", "scores", units=3, activation="softmax"),
    ],
}
BRANCHES = {
    "input": {"image": IMAGE},
    "layers": [
        layer("Cropping2D", "left", cropping=[[0, 0], [0, 5]]),
        layer("Cropping2D", "right", cropping=[[0, 0], [5, 0]], inputs=["image"]),
        layer("Add", "both", inputs=["left", "right"]),
        conv("c", strides=2),
    ],
}
BLOCKS = {
    "input": {"first": IMAGE, "second": IMAGE},
    "layers": [
        {"type": "Block", "name": "stem", "layers": [conv("c", strides=2), layer("AveragePooling2D", "p", pool_size=2)],
         "calls": [["first"], ["second"]]},
        layer("Concatenate", "all", inputs=["stem@0", "stem@1"]),
        conv("d", kernel_size=1),
    ],
}  # fmt: skip
RECURRENT = {
    "input": {"steps": {"shape": [5, 3], "dtype": "float64"}},
    "layers": [
        layer("Conv1D", "c", filters=2, kernel_size=2),
        layer("LSTM", "l", units=2),
        layer("Dense", "d", units=2),
    ],
}
NETWORKS = {"residual": RESIDUAL, "branches": BRANCHES, "blocks": BLOCKS, "recurrent": RECURRENT}


def built(document: dict[str, Any]) -> BuiltModel:
    """Build a network."""
    network = expand(parse_document(document))
    return build(expand(parse_document(canonical(network.document))), LIMIT, None, None)


def shapes_of(model: BuiltModel, batch: int = 1) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor."""
    symbolic = model.symbolic.on_batch(batch)
    return {address: symbolic.shape(address) for address in symbolic.specs}  # type: ignore[misc]


def changed(model: BuiltModel, address: str, index: tuple[int, ...]) -> dict[str, np.ndarray[Any, Any]]:
    """Return, for each input, where a change of one of its numbers changes the element."""
    specs = {name: tuple(spec.shape) for name, spec in model.network.inputs.items()}
    rng = np.random.default_rng(5)
    plain = {name: rng.normal(0, 1, shape) for name, shape in specs.items()}
    found = {}
    for name, shape in specs.items():
        count = int(np.prod(shape))
        rows = {other: np.repeat(array[np.newaxis], 2 * count + 1, 0) for other, array in plain.items()}
        flat = rows[name].reshape(2 * count + 1, count)
        flat[np.arange(count), np.arange(count)] += SHIFT
        flat[np.arange(count) + count, np.arange(count)] -= SHIFT
        (output,) = model.compiled_selection((address,), False, False).run([rows[other] for other in specs])
        element = np.asarray(memoryview(output))[(slice(None), *index[1:])]
        differs = element[:-1] != element[-1]
        found[name] = (differs[:count] | differs[count:]).reshape(shape)
    return found


@pytest.mark.parametrize(("name", "address", "index"), [
    ("residual", "b", (0, 0, 0, 1)), ("residual", "b:pre", (0, 2, 3, 0)), ("residual", "sum", (0, 1, 3, 0)),
    ("residual", "flat", (0, 5)), ("residual", "scores", (0, 1)), ("residual", "pool", (0, 3, 3, 1)),
    ("branches", "both", (0, 4, 2, 0)), ("branches", "c", (0, 1, 0, 1)),
    ("blocks", "stem@1", (0, 1, 0, 1)), ("blocks", "stem@0/c", (0, 1, 1, 0)), ("blocks", "d", (0, 0, 0, 1)),
    ("recurrent", "c", (0, 3, 1)), ("recurrent", "d", (0, 1)),
])  # fmt: skip
def test_boxes_hold_what_changes_the_element(name: str, address: str, index: tuple[int, ...]) -> None:
    """An exact box is the smallest around the numbers whose change changes the element; none leaves one out."""
    model = built(NETWORKS[name])
    parts = parts_read(model.network, shapes_of(model), address, index)
    for given, where in changed(model, address, index).items():
        if not where.any():
            assert given not in parts
            continue
        places = [
            np.flatnonzero(where.any(tuple(n for n in range(where.ndim) if n != axis))) for axis in range(where.ndim)
        ]
        hull = [[0, 1], *([int(own[0]), int(own[-1]) + 1] for own in places)]
        part = parts[given]
        assert part.box == hull if part.extent == "exact" else _inside(hull, part.box)
        assert part.extent == ("whole_input" if address == "d" and name == "recurrent" else "exact")


def _inside(inner: list[list[int]], outer: list[list[int]]) -> bool:
    return all(low <= first and last <= high for (first, last), (low, high) in zip(inner, outer, strict=True))


def test_every_earlier_address_has_a_box() -> None:
    """Those before the element in the order of the network, what activations are applied to included."""
    model = built(RESIDUAL)
    parts = parts_read(model.network, shapes_of(model), "sum", (0, 0, 0, 0))
    assert {name: (part.box, part.extent) for name, part in parts.items()} == {
        "image": ([[0, 1], [0, 5], [0, 5], [0, 2]], "exact"),
        "a:pre": ([[0, 1], [0, 4], [0, 4], [0, 2]], "exact"),
        "a": ([[0, 1], [0, 4], [0, 4], [0, 2]], "exact"),
        "pool": ([[0, 1], [0, 2], [0, 2], [0, 2]], "exact"),
        "b:pre": ([[0, 1], [0, 1], [0, 1], [0, 1]], "exact"),
        "b": ([[0, 1], [0, 1], [0, 1], [0, 1]], "exact"),
    }


def test_blocks_have_the_boxes_of_their_results() -> None:
    """Addresses inside a block and the block itself are listed for the call that is read, others are not."""
    model = built(BLOCKS)
    assert list(parts_read(model.network, shapes_of(model), "stem@1", (0, 0, 0, 0))) == [
        "second", "stem@1/c:pre", "stem@1/c", "stem@1/p",
    ]  # fmt: skip


def test_the_item_of_the_batch_is_kept() -> None:
    """Layers with a rule and without read the same row."""
    model = built(RECURRENT)
    parts = parts_read(model.network, shapes_of(model, 4), "d", (2, 0))
    assert {part.box[0][0]: part.box[0][1] for part in parts.values()} == {2: 3}
    assert {name: part.extent for name, part in parts.items()} == {
        "steps": "whole_input",
        "c": "whole_input",
        "l": "exact",
    }


def test_ids_are_read_one_by_one() -> None:
    """An element of an embedding is read from one id."""
    model = built({"input": {"ids": {"shape": [6], "dtype": "int32"}},
                   "layers": [{"type": "Embedding", "input_dim": 9, "output_dim": 4}]})  # fmt: skip
    parts = parts_read(model.network, shapes_of(model), "embedding", (0, 4, 2))
    assert (parts["ids"].box, parts["ids"].extent) == ([[0, 1], [4, 5]], "exact")

"""Attention layers: outputs, call arguments, costs, and rejected arguments."""

from __future__ import annotations

from math import prod
from typing import Any

import keras
import pytest
from pydantic import ValidationError

from models.engine.layers import create_layer, derived_seed
from models.layers.attention import AdditiveAttention, Attention
from models.layers.attention_heads import GroupQueryAttention, MultiHeadAttention
from models.layers.faults import LayerFault
from models.layers.layer import Layer
from models.layers.sizes import Shape

QUERY, VALUE = (2, 4, 6), (2, 5, 6)


def heads(**arguments: Any) -> MultiHeadAttention:
    return MultiHeadAttention.model_validate({"num_heads": 2, "key_dim": 3} | arguments)


def groups(**arguments: Any) -> GroupQueryAttention:
    return GroupQueryAttention.model_validate(
        {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2} | arguments
    )


@pytest.mark.parametrize("made", [Attention(), AdditiveAttention(), heads(), groups()])
def test_scores_are_a_second_output(made: Layer) -> None:
    """Keras' call arguments are passed at the call, not to the constructor."""
    scored = made.model_copy(update={"return_attention_scores": True})
    assert (made.output_count(), scored.output_count()) == (1, 2)
    assert scored.call_arguments() == {"return_attention_scores": True, "use_causal_mask": False}
    assert not scored.call_arguments().keys() & scored.arguments().keys()


def test_group_query_attention_has_the_default_name_of_its_class() -> None:
    """Keras exports GroupedQueryAttention under a shorter name."""
    assert groups().default_name() == keras.src.utils.naming.to_snake_case(keras.layers.GroupQueryAttention.__name__)


def projection_macs(made: Layer, query: tuple[int, ...], value: tuple[int, ...]) -> int:
    """Compute the multiply-adds of the projections from Keras' kernels: rows × kernel elements."""
    layer = create_layer(made, "l0", lambda field: derived_seed(0, "l0", field))
    layer(keras.KerasTensor(query), keras.KerasTensor(value))
    rows = {"key": prod(value[:-1]), "value": prod(value[:-1])}
    kernels = {weight.path.split("/")[-2]: prod(weight.shape) for weight in layer.weights if weight.name == "kernel"}
    return sum(rows.get(name, prod(query[:-1])) * size for name, size in kernels.items())


@pytest.mark.parametrize("gate", [False, True])
def test_macs_of_heads_are_projections_and_products(gate: bool) -> None:
    """Projections from Keras' kernels, then scores and weighted sums for every head."""
    made, grouped = heads(use_gate=gate, value_dim=5), groups(use_gate=gate)
    assert made.macs((QUERY, VALUE), (QUERY,)) == projection_macs(made, QUERY, VALUE) + 2 * 4 * 5 * 2 * (3 + 5)
    assert grouped.macs((QUERY, VALUE), (QUERY,)) == projection_macs(grouped, QUERY, VALUE) + 2 * 4 * 5 * 4 * (3 + 3)


def test_macs_of_attention_are_its_products() -> None:
    """Queries times keys, then the weighted sums; None for unknown lengths."""
    assert Attention().macs((QUERY, VALUE), (QUERY,)) == 2 * 4 * 5 * (6 + 6)
    for made in (Attention(), AdditiveAttention(), heads(), groups()):
        assert made.macs(((2, None, 6), VALUE), ((2, None, 6),)) is None
        made.check_shapes(((None, None, 6), (None, 5, 6)))


def test_macs_depend_on_the_attention_axes() -> None:
    """Only positions along these axes are combined; negative axes count from the end."""
    image = (2, 3, 4, 6)
    along_one, same = heads(attention_axes=2), heads(attention_axes=[-2])
    everywhere = heads()
    products = [made.macs((image, image), (image,)) or 0 for made in (along_one, same, everywhere)]
    assert products[0] == products[1]
    assert products[2] - products[0] == 2 * 3 * 4 * (3 * 4 - 4) * 2 * (3 + 3)


REFUSED = [
    (Attention(), (QUERY, (2, 5, 7)), "inputs"),
    (Attention(), (QUERY, VALUE, (2, 6, 6)), "inputs"),
    (heads(), (QUERY, (2, 1, 5, 6)), "inputs"),
    (Attention(), ((None, 20_000, 6), (None, 20_000, 6)), "inputs"),
    (AdditiveAttention(), ((None, 5_000, 6), (None, 5_000, 6)), "inputs"),
    (Attention(score_mode="concat"), ((2, 5_000, 6), (2, 5_000, 6)), "inputs"),
    (heads(), ((2, 8_000, 6), (2, 8_000, 6)), "inputs"),
    (groups(), ((2, 8_000, 6), (2, 8_000, 6)), "inputs"),
    (heads(attention_axes=[0]), (QUERY, VALUE), "attention_axes"),
    (heads(attention_axes=-1), (QUERY, VALUE), "attention_axes"),
    (heads(use_causal_mask=True), ((2, 3, 4, 6), (2, 3, 4, 6)), "use_causal_mask"),
    (heads(sliding_window=2), ((2, 3, 4, 6), (2, 3, 4, 6)), "sliding_window"),
    (heads(attention_axes=2), ((2, 3, 4, 6), (2, 5, 4, 6)), "inputs"),
    (Attention(), ((2, 3, 4, 6), (2, 2, 4, 6)), "inputs"),
    (Attention(), ((2, 1, 4, 6), (2, 3, 4, 6)), "inputs"),
]


@pytest.mark.parametrize(("made", "shapes", "field"), REFUSED)
def test_invalid_shapes_are_rejected_at_their_field(made: Layer, shapes: tuple[Shape, ...], field: str) -> None:
    """Inputs must match, scores must fit into memory, and the output must have the shape that Keras announces."""
    with pytest.raises(LayerFault) as refused:
        made.check_shapes(shapes)
    assert refused.value.field == field


SCORES = [
    (heads(), (2, 4, 6), (2, 5, 6)),
    (heads(attention_axes=2), (2, 3, 4, 6), (2, 3, 5, 6)),
    (heads(attention_axes=[1]), (2, 3, 4, 6), (2, 5, 4, 6)),
    (heads(attention_axes=[2, 1]), (2, 3, 4, 6), (2, 5, 2, 6)),
    (heads(), (2, 3, 4, 2, 6), (2, 2, 5, 3, 6)),
    (Attention(), (2, 3, 4, 6), (2, 3, 5, 6)),
    (Attention(score_mode="concat"), (2, 3, 4, 6), (2, 1, 5, 6)),
    (AdditiveAttention(), (2, 3, 2, 4, 6), (2, 3, 2, 5, 6)),
    (groups(), (2, 4, 6), (2, 5, 6)),
]


@pytest.mark.parametrize(("made", "query", "value"), SCORES)
def test_scores_have_the_shape_that_keras_computes(made: Layer, query: Shape, value: Shape) -> None:
    """Not always the one that it announces: that of MultiHeadAttention has the query's second axis twice."""
    scored = made.model_copy(update={"return_attention_scores": True})
    layer = create_layer(scored, "l0", lambda field: derived_seed(0, "l0", field))

    def called(*several: Any) -> Any:
        inputs = [list(several)] if made.inputs_as == "list" else several
        return layer(*inputs, **scored.call_arguments())

    announced = tuple(spec.shape for spec in called(keras.KerasTensor(query), keras.KerasTensor(value)))
    computed = tuple(tuple(tensor.shape) for tensor in called(keras.ops.ones(query), keras.ops.ones(value)))
    scored.check_shapes((query, value))
    assert scored.output_shapes((query, value), announced) == computed


MASKS = [
    (Attention(), 3, (2, 2), None),
    (Attention(), 3, (2, 3), None),
    (Attention(), 3, (3, 2), "keywords/mask/0"),
    (Attention(use_causal_mask=True), 3, (2, 3), "keywords/mask/1"),
    (Attention(), 4, (None, 4), None),
    (Attention(), 4, (3, None), None),
    (Attention(), 4, (None, 2), "keywords/mask/1"),
    (Attention(), 4, (None, 3), "keywords/mask/1"),
    (Attention(use_causal_mask=True), 4, (3, 3), None),
    (AdditiveAttention(), 4, (2, None), "keywords/mask/0"),
]


@pytest.mark.parametrize(("made", "rank", "axes", "field"), MASKS)
def test_masks_that_keras_aligns_with_other_axes_are_rejected(
    made: Layer, rank: int, axes: tuple[int | None, int | None], field: str | None
) -> None:
    """A mask (batch, steps) of scores (batch, heads, steps, steps) would hide steps of other rows."""
    query, value = (2, 3, 3, 3, 6)[5 - rank :], (2, 3, 3, 3, 6)[5 - rank :]
    masks = tuple(None if count is None else (2, 3, 3, 3)[:count] for count in axes)
    if field is None:
        made.check_masks((query, value), masks, named=True)
        return
    with pytest.raises(LayerFault) as refused:
        made.check_masks((query, value), masks, named=True)
    assert refused.value.field == field
    with pytest.raises(LayerFault) as refused:
        made.check_masks((query, value), masks, named=False)
    assert refused.value.field == "inputs"


def test_unknown_axes_count_as_one() -> None:
    """A free batch is rejected only if a batch of one would be."""
    heads().check_shapes(((None, 8_000, 6), (None, 8_000, 6)))


@pytest.mark.parametrize(
    ("arguments", "code"), [({"flash_attention": True}, "flash_attention"), ({"num_query_heads": 3}, "num_query_heads")]
)
def test_invalid_arguments_are_rejected(arguments: dict[str, Any], code: str) -> None:
    """Independent of shapes."""
    with pytest.raises(ValidationError) as refused:
        groups(**arguments)
    assert code in {error["type"] for error in refused.value.errors()}

"""Attention without weights, on several heads."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import model_validator

from models.layers.attention import MAX_SCORES
from models.layers.constants import Constant, ConstantArray, Number, Unwrapped, shape_of
from models.layers.faults import LayerFault, fault
from models.layers.fields import Unset
from models.layers.fixed_values import NoFlash
from models.layers.layer import Example
from models.layers.operations import Operation
from models.layers.sizes import Shape, least_size, size_of
from models.layers.spatial import known_length, shape_text, shapes_text


class DotProductAttentionOp(Operation):
    """Attention of a query to the keys of values, each (batch, steps, heads, features).

    `bias` and `mask` are constants or tensors read by name, which fit the scores: (batch, heads, queries, keys).
    """

    type: Literal["ops.dot_product_attention"] = "ops.dot_product_attention"
    keras_module = "keras.src.ops.nn"
    example = Example({}, ((4, 2, 3), (5, 2, 3), (5, 2, 3)))
    operands: ClassVar[tuple[str, ...]] = ("query", "key", "value")
    call_order = ("bias", "mask", "scale")
    call_fields = frozenset({"scale"})
    input_count = (3, 3)
    input_rank = 4
    passes = 4
    bias: Constant = None
    mask: Constant = None
    scale: Annotated[Number, Unwrapped] | None = None
    is_causal: bool = False
    flash_attention: NoFlash = None
    attn_logits_soft_cap: Unset = None

    @model_validator(mode="after")
    def _masks_are_booleans(self) -> Self:
        if self.mask is not None and not (isinstance(self.mask, ConstantArray) and self.mask.dtype == "bool"):
            raise fault("mask", "a mask says of each score whether it counts", 'an array of dtype "bool"')
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that keys match values, and the heads those of the query: TensorFlow repeats several, but not one."""
        query, key, value = shapes
        if any(None not in pair and pair[0] != pair[1] for pair in (*zip(key, value, strict=True), (query[3], key[3]))):
            expected = "a key and a value of the same shape, with the features of the query"
            raise LayerFault("inputs", "query, key and value do not correspond", expected, shapes_text(shapes))
        heads, groups = known_length(query, 2), known_length(key, 2)
        if heads != groups and (groups == 1 or heads % groups):
            expected = f"{heads} heads of the key and the value, or several that divide them"
            suggestion = 'repeat it: {"type": "ops.repeat", "axis": 2}' if groups == 1 else None
            raise LayerFault("inputs", "the heads do not correspond", expected, f"{groups} heads", suggestion)
        if self._scores(shapes) > MAX_SCORES:
            expected = f"scores of at most {MAX_SCORES:,} numbers"
            raise LayerFault("inputs", "the sequences are too long", expected, f"{self._scores(shapes):,} numbers")
        for name, constant in (("bias", self.bias), ("mask", self.mask)):
            self._check_fits(name, shape_of(constant), self._score_shape(shapes))

    def check_keywords(self, shapes: tuple[Shape, ...], keywords: Mapping[str, tuple[Shape, ...]]) -> None:
        """Check that a bias and a mask have the batch first, and fit the scores."""
        for name, several in keywords.items():
            if getattr(self, name) is not None:
                raise LayerFault(name, f"there are two of {name}", "a constant, or a tensor read by name", "both")
            if len(several) != 1 or len(several[0]) != 4:
                expected = "one tensor (batch, heads, queries, keys), of length 1 where it is repeated"
                message = f"{name} does not have the axes of the scores: with fewer its batch would meet another axis"
                raise LayerFault(f"keywords/{name}", message, expected, shapes_text(several))
            self._check_fits(f"keywords/{name}", several[0][1:], self._score_shape(shapes))

    def _check_fits(self, field: str, shape: Shape, scores: Shape) -> None:
        """Check that a shape broadcasts to the scores, whose batch only a length of 1 fits."""
        aligned = (1, *scores[1:])[len(scores) - len(shape) :] if len(shape) <= len(scores) else None
        if aligned is not None and all(
            length in (None, 1, whole) or whole is None for length, whole in zip(shape, aligned, strict=True)
        ):
            return
        raise LayerFault(
            field, "this does not fit the scores", f"what repeats to {shape_text(scores)}", shape_text(shape)
        )

    def _score_shape(self, shapes: tuple[Shape, ...]) -> Shape:
        query, key, _ = shapes
        return (query[0], query[2], query[1], key[1])

    def _scores(self, shapes: tuple[Shape, ...]) -> int:
        """Return the number of scores; free axes count as one."""
        return least_size(self._score_shape(shapes))

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Scores of every query with every key, then the weighted sums of the values."""
        scores, features = size_of(self._score_shape(shapes)), shapes[0][3]
        return None if scores is None or features is None else 2 * scores * features

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The scores before and after bias, mask and softmax; query, key and value with their heads first, the latter
        two repeated for all heads of the query.
        """
        query, key, _ = shapes
        repeated = least_size(key) // (key[2] or 1) * (query[2] or 1)
        return 4 * self._scores(shapes) + 2 * least_size(query) + 4 * repeated

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        return ((announced[0][0], *shapes[0][1:]),)

"""Attention: weighted sums of values for queries."""

from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from models.layers.faults import LayerFault
from models.layers.fields import AnyCase, PerCall, Rate, SeedNumber
from models.layers.layer import Example, Layer
from models.layers.sizes import Shape, least_size, size_of, sizes_of
from models.layers.spatial import shape_text

MAX_SCORES = 2**27
"""Maximum size of the scores, which plans show only if they are returned."""


class AttentionLayer(Layer):
    """Base of layers that take a query, a value and, unless it is the value, a key."""

    input_count = (2, 3)
    passes = 4
    call_fields = frozenset({"return_attention_scores", "use_causal_mask"})
    per_call = call_fields
    dropout: Rate = 0.0
    return_attention_scores: Annotated[
        PerCall,
        Field(description="Returns the scores too, as a second output; with `calls`, a list may have one for each."),
    ] = False
    use_causal_mask: Annotated[
        PerCall, Field(description="No position looks at a later one; with `calls`, a list may have one for each.")
    ] = False

    def output_count(self) -> int:
        return 2 if self.return_attention_scores else 1

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that keys match values, that all inputs have the same rank and that the scores are not too large."""
        value, key = shapes[1], shapes[-1]
        if len({len(shape) for shape in shapes}) > 1 or value[:-1] != key[:-1]:
            raise LayerFault(
                "inputs",
                "query, value and key do not correspond",
                "the same number of axes, and a key with the axes of the value except the last",
                ", ".join(shape_text(shape) for shape in shapes),
            )
        self.check_axes(len(value))
        scores = self.score_size(shapes[0], value)
        if scores > MAX_SCORES:
            raise LayerFault(
                "inputs",
                "the sequences are too long to score every query against every key",
                f"scores of at most {MAX_SCORES:,} numbers",
                f"{scores:,} numbers",
                "use shorter sequences, fewer heads, or post fewer rows at once",
            )

    def check_axes(self, rank: int) -> None:
        """Refuse axes that inputs of this rank do not have.

        Raises:
            LayerFault: naming the argument at fault.
        """

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Scores, their softmax, and transposed copies before and after."""
        return 2 * self.score_size(shapes[0], shapes[1]) + 2 * sizes_of(outputs)

    @abstractmethod
    def score_size(self, query: Shape, value: Shape) -> int:
        """Return the size of the largest tensor of scores; free axes count as one."""


class ScoredAttention(AttentionLayer):
    """Base of attention without projections, on [query, value] or [query, value, key]."""

    inputs_as = "list"
    call_order = ("mask",)
    input_rank = (3, 4, 5, 6)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        super().check_shapes(shapes)
        self._check_leading_axes(shapes[0], shapes[1])
        if shapes[0][-1] != shapes[-1][-1]:
            raise LayerFault(
                "inputs",
                "the query and the key have different numbers of features",
                f"a key of {shapes[0][-1]} features",
                str(shapes[-1][-1]),
                "project one of them with Dense, or use MultiHeadAttention",
            )

    def _check_leading_axes(self, query: Shape, value: Shape) -> None:
        """Refuse values with an axis between the batch and the steps that the query lacks: Keras announces the
        query's.
        """
        pairs = list(zip(query[1:-2], value[1:-2], strict=True))
        if any(None not in (length, other) and other not in (1, length) for length, other in pairs):
            raise LayerFault(
                "inputs",
                "the query and the value differ in the axes before the steps",
                f"a value whose axes between the batch and the steps are {shape_text(query[1:-2])}, or 1",
                shape_text(value[1:-2]),
            )

    def check_masks(self, shapes: tuple[Shape, ...], masks: tuple[Shape | None, ...], *, named: bool) -> None:
        """Refuse masks that Keras would align with other axes than the batch and the steps, and so with other rows.

        Source: keras.src.layers.attention.attention.Attention (_apply_scores, _calculate_score_mask, call).
        """
        rank = len(shapes[0])
        value_axes = (rank - 1,) if self.use_causal_mask else (2, 3) if rank == 3 else (rank,)
        for number, (mask, allowed) in enumerate(zip(masks[:2], ((rank - 1,), value_axes), strict=True)):
            if mask is not None and len(mask) not in allowed:
                expected = " or ".join(map(str, allowed))
                raise LayerFault(
                    f"keywords/mask/{number}" if named else "inputs",
                    f"Keras would apply the mask of the {('query', 'value')[number]} to other axes than its own",
                    f"a mask of {expected} axes for inputs of {rank}",
                    f"the shape {shape_text(mask)}",
                    f'write "keywords": {{"mask": [null, MASK]}} with a mask of {value_axes[-1]} axes of the value',
                )

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Scores of every query with every key, then the weighted sums of the values."""
        query, value, key = shapes[0], shapes[1], shapes[-1]
        rows, columns = size_of(query[:-1]), value[-2]
        if rows is None or columns is None or key[-1] is None or value[-1] is None:
            return None
        return rows * columns * (key[-1] + value[-1])

    def score_size(self, query: Shape, value: Shape) -> int:
        """Queries × keys; × features if they are added instead of multiplied."""
        return least_size(query if self.adds() else query[:-1]) * (value[-2] or 1)

    def adds(self) -> bool:
        """Whether queries and keys are added."""
        return True


class Attention(ScoredAttention):
    """Averages the values, weighted by how well their keys match each query."""

    type: Literal["Attention"] = "Attention"
    example = Example({}, ((4, 6), (5, 6)))
    use_scale: bool = False
    score_mode: Annotated[Literal["dot", "concat"], AnyCase] = "dot"
    seed: SeedNumber | None = None

    def adds(self) -> bool:
        return self.score_mode == "concat"


class AdditiveAttention(ScoredAttention):
    """Averages the values, weighted by scores that are sums of tanh(query + key) over the features."""

    type: Literal["AdditiveAttention"] = "AdditiveAttention"
    example = Example({}, ((4, 6), (5, 6)))
    use_scale: bool = True

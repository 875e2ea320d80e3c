"""Multi-head attention with learned projections."""

from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from models.layers.attention import AttentionLayer
from models.layers.constraints import AnyConstraint
from models.layers.faults import LayerFault, fault
from models.layers.fields import Axis, Features, Length, OneOrSeveral, SeedNumber
from models.layers.fixed_values import NoFlash
from models.layers.initializers import AnyInitializer, GlorotUniform, Zeros
from models.layers.layer import Example
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape, least_size, size_of
from models.layers.spatial import shape_text

Heads = Annotated[int, Field(ge=1, le=1024)]


class ProjectedAttention(AttentionLayer):
    """Base of multi-head attention with learned projections, called on query, value and optionally key."""

    inputs_as = "positional"
    call_inputs = ("query", "value", "key")
    call_order = ("query_mask", "value_mask", "key_mask", "attention_mask")
    use_bias: bool = True
    sliding_window: Length | None = None
    flash_attention: NoFlash = None
    kernel_initializer: AnyInitializer = GlorotUniform()
    bias_initializer: AnyInitializer = Zeros()
    kernel_regularizer: AnyRegularizer | None = None
    bias_regularizer: AnyRegularizer | None = None
    kernel_constraint: AnyConstraint | None = None
    bias_constraint: AnyConstraint | None = None
    use_gate: bool = False
    seed: SeedNumber | None = None


class MultiHeadAttention(ProjectedAttention):
    """Attends in several heads, each with learned projections, and joins what they find."""

    type: Literal["MultiHeadAttention"] = "MultiHeadAttention"
    example = Example({"num_heads": 2, "key_dim": 3}, ((4, 6), (5, 6)))
    input_rank = (3, 4, 5, 6)
    num_heads: Heads
    key_dim: Features
    value_dim: Features | None = None
    output_shape: Annotated[
        Features | Annotated[list[Features], Field(min_length=1, max_length=4)] | None, OneOrSeveral
    ] = None
    attention_axes: Annotated[Axis | Annotated[list[Axis], Field(min_length=1, max_length=4)] | None, OneOrSeveral] = (
        None
    )

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        super().check_shapes(shapes)
        rank = len(shapes[0])
        if rank > 3 and (self.use_causal_mask or self.sliding_window is not None):
            field = "use_causal_mask" if self.use_causal_mask else "sliding_window"
            raise LayerFault(field, "the mask is made for one sequence axis", "inputs of 3 axes", f"{rank} axes")
        others = [axis for axis in range(1, rank - 1) if axis not in self._axes(rank)]
        pairs = [(shapes[0][axis], shapes[1][axis]) for axis in others]
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            expected = f"a value of the same lengths along {', '.join(f'axis {axis}' for axis in others)}"
            message = "the query and the value differ along axes that are not attended"
            raise LayerFault("inputs", message, expected, f"{shape_text(shapes[0])} and {shape_text(shapes[1])}")

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Return the scores as (batch, other axes, heads, attended axes of the query, of the value): Keras announces
        them with the query's second axis twice.

        Source: keras.src.layers.attention.multi_head_attention (compute_output_spec, _build_attention_equation).
        """
        if len(announced) == 1:
            return announced
        query, value = shapes[0], shapes[1]
        axes = self._axes(len(query))
        others = [length for axis, length in enumerate(query[:-1]) if axis not in axes]
        scores = (*others, self.num_heads, *(query[axis] for axis in axes), *(value[axis] for axis in axes))
        return announced[0], scores

    def check_axes(self, rank: int) -> None:
        if not all(1 <= axis <= rank - 2 for axis in self._axes(rank)):
            raise LayerFault(
                "attention_axes",
                "attention runs along axes between the batch and the features",
                f"axes from 1 to {rank - 2}",
                str(self.attention_axes),
            )

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """The projections in and out, the scores and the weighted sums."""
        query, value, key = shapes[0], shapes[1], shapes[-1]
        counts = [size_of(shape) for shape in (query, value, key, outputs[0])]
        if None in counts:
            return None
        sizes = [count for count in counts if count is not None]
        width, values = self.num_heads * self.key_dim, self.num_heads * (self.value_dim or self.key_dim)
        gate = values if self.use_gate else 0
        projections = sizes[0] * (width + gate) + sizes[1] * values + sizes[2] * width + sizes[3] * values
        return projections + self._pairs(query, value) * (width + values)

    def score_size(self, query: Shape, value: Shape) -> int:
        return self.num_heads * self._pairs(query, value)

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The scores, and each projection with its transposed copy."""
        rows, columns = least_size(shapes[0][:-1]), least_size(shapes[1][:-1])
        width = self.num_heads * (self.key_dim + (self.value_dim or self.key_dim))
        return super().inner(shapes, outputs) + 2 * width * (rows + columns)

    def _axes(self, rank: int) -> list[int]:
        """Return the attended axes, counted from the front."""
        if self.attention_axes is None:
            return list(range(1, rank - 1))
        axes = [self.attention_axes] if isinstance(self.attention_axes, int) else self.attention_axes
        return [axis if axis >= 0 else rank + axis for axis in axes]

    def _pairs(self, query: Shape, value: Shape) -> int:
        """Count the (query, value) pairs of positions; free axes count as one."""
        return least_size(query[:-1]) * prod(value[axis] or 1 for axis in self._axes(len(query)))


class GroupQueryAttention(ProjectedAttention):
    """Several query heads share one head of keys and values."""

    type: Literal["GroupQueryAttention"] = "GroupQueryAttention"
    example = Example({"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}, ((4, 6), (5, 6)))
    input_rank: ClassVar[int] = 3
    head_dim: Features
    num_query_heads: Heads
    num_key_value_heads: Heads

    @classmethod
    def default_name(cls) -> str:
        """Return the name of Keras' class, GroupedQueryAttention, which is exported without the "ed"."""
        return "grouped_query_attention"

    @model_validator(mode="after")
    def _query_heads_in_groups(self) -> "GroupQueryAttention":
        if self.num_query_heads % self.num_key_value_heads:
            raise fault(
                "num_query_heads",
                "num_query_heads must be a multiple of num_key_value_heads",
                f"a multiple of {self.num_key_value_heads}",
            )
        return self

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """The projections in and out, the scores and the weighted sums."""
        query, value, key = (size_of(shape) for shape in (shapes[0], shapes[1], shapes[-1]))
        rows, columns = size_of(shapes[0][:-1]), shapes[1][1]
        if query is None or value is None or key is None or rows is None or columns is None:
            return None
        wide, narrow = self.head_dim * self.num_query_heads, self.head_dim * self.num_key_value_heads
        projections = query * wide * (3 if self.use_gate else 2) + (key + value) * narrow
        return projections + rows * columns * 2 * wide

    def score_size(self, query: Shape, value: Shape) -> int:
        return least_size(query[:-1]) * (value[1] or 1) * self.num_query_heads

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The scores, and each projection with its transposed copy, keys and values repeated for all queries."""
        rows, columns = least_size(shapes[0][:-1]), least_size(shapes[1][:-1])
        width = 2 * self.head_dim * self.num_query_heads
        return super().inner(shapes, outputs) + 2 * width * (rows + columns)

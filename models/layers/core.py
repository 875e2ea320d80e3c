"""Dense layers, embeddings, identity and masking."""

from typing import Annotated, Literal

from pydantic import Field

from models.layers.activated import Activated
from models.layers.constraints import AnyConstraint
from models.layers.faults import LayerFault
from models.layers.fields import DType, Features, Length, PerCall
from models.layers.fixed_values import NoAdapter, NoQuantization, NoWeights
from models.layers.initializers import AnyInitializer, GlorotUniform, RandomUniform, Zeros
from models.layers.layer import Example, Layer
from models.layers.pointwise import Pointwise
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape, size_of
from models.layers.spatial import known_length, shape_text
from models.layers.work import READ_AHEAD, Work
from models.limits import MAX_RANK

EmbeddingSize = Annotated[int, Field(ge=1, le=2**16)]


class Dense(Activated, Pointwise):
    """Multiplies the last axis by a learned matrix, then adds a bias and applies the activation."""

    type: Literal["Dense"] = "Dense"
    example = Example({"units": 10, "activation": "softmax"}, ((16,),))
    runs_directly = True
    passes = 1
    input_rank = tuple(range(2, MAX_RANK + 1))
    units: Features
    use_bias: bool = True
    kernel_initializer: AnyInitializer = GlorotUniform()
    bias_initializer: AnyInitializer = Zeros()
    kernel_regularizer: AnyRegularizer | None = None
    bias_regularizer: AnyRegularizer | None = None
    kernel_constraint: AnyConstraint | None = None
    bias_constraint: AnyConstraint | None = None
    lora_rank: NoAdapter = None
    lora_alpha: NoAdapter = None
    quantization_config: NoQuantization = None

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the last axis, which sizes the kernel, is known."""
        known_length(shapes[0], -1)

    def work(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Work:
        """Add reading the weights, which with few rows are used little for each read."""
        return super().work(shapes, outputs) + Work(moved=self.units * known_length(shapes[0], -1) / READ_AHEAD)

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × input features."""
        elements = size_of(outputs[0])
        return None if elements is None else elements * known_length(shapes[0], -1)


class EmbeddingLayer(Layer):
    """Base of lookup tables indexed by integers; they add an axis for the features."""

    input_rank = tuple(range(1, MAX_RANK))
    input_dim: Length
    output_dim: EmbeddingSize
    embeddings_initializer: AnyInitializer = RandomUniform()
    embeddings_regularizer: AnyRegularizer | None = None
    embeddings_constraint: AnyConstraint | None = None
    mask_zero: bool = False

    def id_bound(self) -> int | None:
        return self.input_dim


class Embedding(EmbeddingLayer):
    """The learned vector of each integer."""

    type: Literal["Embedding"] = "Embedding"
    example = Example({"input_dim": 20, "output_dim": 4}, ((6,),), "int32")
    weights: NoWeights = None
    lora_rank: NoAdapter = None
    lora_alpha: NoAdapter = None
    quantization_config: NoQuantization = None


class ReversibleEmbedding(EmbeddingLayer):
    """The learned vector of each integer or, in `reverse`, its product with given vectors."""

    type: Literal["ReversibleEmbedding"] = "ReversibleEmbedding"
    example = Example({"input_dim": 20, "output_dim": 4}, ((6,),), "int32")
    later = frozenset({"weights", "lora_rank", "lora_alpha", "quantization_config", "reverse"})
    call_fields = frozenset({"reverse"})
    per_call = call_fields
    input_rank = tuple(range(1, MAX_RANK + 1))
    tie_weights: bool = True
    reverse_dtype: DType | None = None
    logit_soft_cap: Annotated[float, Field(gt=0)] | None = None
    weights: NoWeights = None
    lora_rank: NoAdapter = None
    lora_alpha: NoAdapter = None
    quantization_config: NoQuantization = None
    reverse: Annotated[
        PerCall,
        Field(description="Projects vectors of `output_dim` numbers to one for each id, as the last layer of language "
              "models; with `calls`, a list may have one for each."),
    ] = False  # fmt: skip

    def id_bound(self) -> int | None:
        return None if self.reverse else self.input_dim

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that what is projected back is vectors of the table's length."""
        shape = shapes[0]
        if not self.reverse and len(shape) == MAX_RANK:
            expected = f"at most {MAX_RANK - 1} axes"
            raise LayerFault("inputs", "the features need another axis", expected, f"the shape {shape_text(shape)}")
        if self.reverse and (len(shape) < 2 or shape[-1] != self.output_dim):
            message, expected = "vectors of another length are projected back", f"{self.output_dim} along the last axis"
            raise LayerFault("inputs", message, expected, f"the shape {shape_text(shape)}")

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """In reverse, output elements × the length of a vector."""
        elements = size_of(outputs[0])
        return 0 if not self.reverse else None if elements is None else elements * self.output_dim

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """In reverse, the table with its axes exchanged, in another dtype too, and the steps of the soft cap."""
        tables = self.tie_weights + (self.reverse_dtype is not None)
        return super().inner(shapes, outputs) + bool(self.reverse) * tables * self.input_dim * self.output_dim


class Identity(Pointwise):
    """Returns its input unchanged."""

    type: Literal["Identity"] = "Identity"
    passes = 0
    example = Example({}, ((4,),))
    runs_directly = True


class Masking(Pointwise):
    """Sets steps whose values all equal `mask_value` to 0, and masks them for the layers after it."""

    type: Literal["Masking"] = "Masking"
    example = Example({}, ((5, 3),))
    input_rank = tuple(range(2, MAX_RANK + 1))
    mask_value: float = 0.0

"""Encoding of integers as categories: bins, hashes, vocabularies and one-hot codes."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.layers.faults import LayerFault, fault
from models.layers.fields import AnyCase, Length
from models.layers.fixed_values import AlwaysTrainable, Dense, NoDType, NoRegularizer
from models.layers.layer import Example, Layer
from models.layers.preprocessing import MAX_LISTED
from models.layers.sizes import Shape, sizes_of
from models.layers.spatial import shape_text

Codes = Annotated[Literal["int", "one_hot", "multi_hot", "count"], AnyCase]
Integer = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
SaltNumber = Annotated[int, Field(ge=0, le=2**63 - 1)]
Salt = SaltNumber | Annotated[tuple[SaltNumber, SaltNumber], Field(strict=False)]
Buckets = Annotated[int, Field(ge=1, le=2**31 - 1)]


def check_sample_rank(field: str, mode: str, shape: Shape) -> None:
    """Refuse inputs for which Keras announces one shape and returns another."""
    if mode in ("multi_hot", "count") and len(shape) != 2:
        raise LayerFault(
            field,
            f"output_mode {mode} encodes one row of values for each sample",
            "an input of shape [values], (batch, values)",
            f"an input of shape {shape_text(shape)}",
            'use output_mode "one_hot", or Flatten before',
        )


class CategoryEncoding(Layer):
    """Codes integers from 0 to num_tokens - 1."""

    type: Literal["CategoryEncoding"] = "CategoryEncoding"
    example = Example({"num_tokens": 5}, ((3,),), "int32")
    num_tokens: Length | None = None
    output_mode: Annotated[Literal["multi_hot", "one_hot", "count"], AnyCase] = "multi_hot"
    sparse: Dense = False

    @model_validator(mode="after")
    def _has_num_tokens(self) -> "CategoryEncoding":
        if self.num_tokens is None:
            raise fault("num_tokens", "num_tokens is needed", "the number of categories")
        return self

    def id_bound(self) -> int | None:
        return self.num_tokens

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        check_sample_rank("output_mode", self.output_mode, shapes[0])


class Discretization(Layer):
    """The number of the bin that each value falls into."""

    type: Literal["Discretization"] = "Discretization"
    example = Example({"bin_boundaries": [0.0, 0.5, 1.0]}, ((4,),))
    not_taken = frozenset({"trainable", "activity_regularizer"})
    trainable: AlwaysTrainable = True
    activity_regularizer: NoRegularizer = None
    bin_boundaries: Annotated[list[float], Field(min_length=1, max_length=MAX_LISTED)] | None = None
    num_bins: Length | None = None
    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.01
    output_mode: Codes = "int"
    sparse: Dense = False

    @model_validator(mode="after")
    def _has_boundaries(self) -> "Discretization":
        """Require boundaries: Keras would learn those of `num_bins` bins with adapt()."""
        if self.bin_boundaries is None or self.num_bins is not None:
            raise fault(
                "bin_boundaries",
                "bin_boundaries are needed, because adapt() is not part of a model document",
                "bin_boundaries, and no num_bins",
                "copy them from the adapted layer: layer.bin_boundaries",
            )
        if any(low >= high for low, high in pairwise(self.bin_boundaries)):
            raise fault("bin_boundaries", "the boundaries must grow", "numbers in ascending order")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        check_sample_rank("output_mode", self.output_mode, shapes[0])


class Hashing(Layer):
    """The number of the bin that the hash of each integer falls into."""

    type: Literal["Hashing"] = "Hashing"
    example = Example({"num_bins": 8}, ((4,),), "int64")
    passes = 32
    num_bins: Buckets
    mask_value: Integer | None = None
    salt: Salt | None = None
    output_mode: Codes = "int"
    sparse: Dense = False

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """Integers are hashed as text, for which TensorFlow keeps the size of three numbers each."""
        return 4 * sizes_of(shapes) + sizes_of(outputs)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        check_sample_rank("output_mode", self.output_mode, shapes[0])
        if self.output_mode == "one_hot" and (len(shapes[0]) != 2 or shapes[0][-1] != 1):
            raise LayerFault(
                "output_mode",
                "output_mode one_hot of Hashing codes one value for each sample",
                "an input of shape [1], (batch, 1)",
                f"an input of shape {shape_text(shapes[0])}",
                'use output_mode "int" and CategoryEncoding after it',
            )


class HashedCrossing(Layer):
    """The number of the bin that the hash of two integers together falls into."""

    type: Literal["HashedCrossing"] = "HashedCrossing"
    example = Example({"num_bins": 8}, ((1,), (1,)), "int64")
    passes = 32
    input_rank = (1, 2)
    input_count = (2, 2)
    inputs_as = "list"
    not_taken = frozenset({"trainable", "activity_regularizer"})
    trainable: AlwaysTrainable = True
    activity_regularizer: NoRegularizer = None
    num_bins: Buckets
    output_mode: Annotated[Literal["int", "one_hot"], AnyCase] = "int"
    sparse: Dense = False

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """As in Hashing, and the text of both together."""
        return 4 * sizes_of(shapes) + sizes_of(outputs)

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Require one value per sample: Keras crosses it with one other."""
        for shape in shapes:
            if len(shape) == 2 and shape[-1] != 1:
                raise LayerFault("inputs", "a crossing takes one value of each sample", "shape [1]", shape_text(shape))


class IntegerLookup(Layer):
    """The place of each integer in a vocabulary that is written out."""

    type: Literal["IntegerLookup"] = "IntegerLookup"
    example = Example({"vocabulary": [12, 36, 1138, 42]}, ((3,),), "int64")
    passes = 6
    not_taken = frozenset({"trainable", "dtype", "activity_regularizer"})
    trainable: AlwaysTrainable = True
    dtype: NoDType = None
    activity_regularizer: NoRegularizer = None
    max_tokens: Annotated[int, Field(ge=2, le=2**24)] | None = None
    num_oov_indices: Annotated[int, Field(ge=0, le=MAX_LISTED)] = 1
    mask_token: Integer | None = None
    oov_token: Integer = -1
    vocabulary: Annotated[list[Integer], Field(min_length=1, max_length=MAX_LISTED)] | None = None
    vocabulary_dtype: Literal["int64"] = "int64"
    idf_weights: Annotated[list[float], Field(min_length=1, max_length=MAX_LISTED)] | None = None
    invert: bool = False
    output_mode: Annotated[Literal["int", "one_hot", "multi_hot", "count", "tf_idf"], AnyCase] = "int"
    sparse: Dense = False
    pad_to_max_tokens: bool = False
    oov_method: Annotated[Literal["floormod", "farmhash"], AnyCase] = "floormod"
    salt: Salt | None = None

    @model_validator(mode="after")
    def _has_vocabulary(self) -> "IntegerLookup":
        """Require a vocabulary: Keras would learn it with adapt(), or read it from a file."""
        if self.vocabulary is None:
            raise fault(
                "vocabulary",
                "the vocabulary is needed, because adapt() and files are not part of a model document",
                "an array of different integers",
                "copy it from the adapted layer: layer.get_vocabulary()",
            )
        return self

    @model_validator(mode="after")
    def _weights_for_tf_idf(self) -> "IntegerLookup":
        count = len(self.vocabulary or ()) if self.output_mode == "tf_idf" else 0
        if len(self.idf_weights or ()) != count:
            raise fault("idf_weights", "idf_weights belong to output_mode tf_idf", "one for each integer, or null")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        check_sample_rank("output_mode", mode, shapes[0])

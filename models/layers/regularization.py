"""Layers that act in training only; the identity at inference."""

from typing import Annotated, Literal

from pydantic import Field

from models.layers.fields import DataFormat, Length, NonNegative, Rate, SeedNumber
from models.layers.fixed_values import AlwaysTrainable, NoRegularizer
from models.layers.layer import Example
from models.layers.pointwise import Pointwise
from models.limits import MAX_RANK

NoiseShape = Annotated[list[Length | None], Field(min_length=1, max_length=MAX_RANK)]


class TrainingOnly(Pointwise):
    """Base of the layers that are the identity at inference."""

    runs_directly = True

    training_only = True


class Noise(TrainingOnly):
    """Base of layers that draw random numbers in training."""

    seed: SeedNumber | None = None


class Dropout(Noise):
    """Sets random values to 0 in training, and scales the others up to keep the sum."""

    type: Literal["Dropout"] = "Dropout"
    example = Example({"rate": 0.5}, ((4,),))
    rate: Rate
    noise_shape: NoiseShape | None = None


class AlphaDropout(Noise):
    """Drops random values in training so that mean and variance are kept, as SELU needs."""

    type: Literal["AlphaDropout"] = "AlphaDropout"
    example = Example({"rate": 0.5}, ((4,),))
    rate: Rate
    noise_shape: NoiseShape | None = None


class GaussianDropout(Noise):
    """Multiplies by random numbers around 1 in training."""

    type: Literal["GaussianDropout"] = "GaussianDropout"
    example = Example({"rate": 0.5}, ((4,),))
    rate: Rate


class GaussianNoise(Noise):
    """Adds random numbers around 0 in training."""

    type: Literal["GaussianNoise"] = "GaussianNoise"
    example = Example({"stddev": 0.1}, ((4,),))
    stddev: Rate


class SpatialDropout(Noise):
    """Base of dropout of whole feature maps. Keras' constructors accept neither of the two fixed fields."""

    not_taken = frozenset({"trainable", "activity_regularizer"})
    trainable: AlwaysTrainable = True
    activity_regularizer: NoRegularizer = None
    rate: Rate


class SpatialDropout1D(SpatialDropout):
    """Sets random channels of a sequence to 0 in training."""

    type: Literal["SpatialDropout1D"] = "SpatialDropout1D"
    example = Example({"rate": 0.5}, ((5, 3),))
    input_rank = 3


class SpatialDropout2D(SpatialDropout):
    """Sets random channels of images to 0 in training."""

    type: Literal["SpatialDropout2D"] = "SpatialDropout2D"
    example = Example({"rate": 0.5}, ((4, 5, 3),))
    input_rank = 4
    data_format: DataFormat | None = None


class SpatialDropout3D(SpatialDropout):
    """Sets random channels of volumes to 0 in training."""

    type: Literal["SpatialDropout3D"] = "SpatialDropout3D"
    example = Example({"rate": 0.5}, ((3, 4, 5, 2),))
    input_rank = 5
    data_format: DataFormat | None = None


class ActivityRegularization(TrainingOnly):
    """Passes its input on, and adds a penalty on the size of its values to the loss."""

    type: Literal["ActivityRegularization"] = "ActivityRegularization"
    example = Example({"l1": 0.01}, ((4,),))
    not_taken = frozenset({"activity_regularizer"})
    activity_regularizer: NoRegularizer = None
    l1: NonNegative = 0.0
    l2: NonNegative = 0.0

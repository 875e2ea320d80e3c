"""Closed list of weight initializers: Keras' names and arguments, without its deserialiser.

Written as a name ("he_normal", "HeNormal"), as `{"type": "HeNormal", "seed": 3}`, or as Keras
writes it, `{"class_name": "HeNormal", "config": {"seed": 3}}`. Without a seed, a random
initializer is seeded from the document's seed and the layer's address.
"""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from models.layers.named import Named, closed_union

Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Initializer(Named):
    """Base of the initializers."""


class Zeros(Initializer):
    """Fills the weights with 0."""

    type: Literal["Zeros"] = "Zeros"


class Ones(Initializer):
    """Fills the weights with 1."""

    type: Literal["Ones"] = "Ones"


class Constant(Initializer):
    """Fills the weights with `value`."""

    type: Literal["Constant"] = "Constant"
    value: float = 0.0


class Identity(Initializer):
    """The identity matrix times `gain`."""

    type: Literal["Identity"] = "Identity"
    gain: float = 1.0


class RandomInitializer(Initializer):
    """Base of random initializers."""

    seed: Seed | None = None


class FanInitializer(RandomInitializer):
    """Base of initializers scaled by the number of units on either side of a kernel."""

    input_axes: list[Annotated[int, Field(ge=-8, le=7)]] | None = None
    output_axes: list[Annotated[int, Field(ge=-8, le=7)]] | None = None


class RandomNormal(RandomInitializer):
    """Draws from a normal distribution."""

    type: Literal["RandomNormal"] = "RandomNormal"
    mean: float = 0.0
    stddev: Annotated[float, Field(ge=0)] = 0.05


class TruncatedNormal(RandomInitializer):
    """Draws from a normal distribution, cut off at two standard deviations from the mean."""

    type: Literal["TruncatedNormal"] = "TruncatedNormal"
    mean: float = 0.0
    stddev: Annotated[float, Field(ge=0)] = 0.05


class RandomUniform(RandomInitializer):
    """Draws evenly between `minval` and `maxval`."""

    type: Literal["RandomUniform"] = "RandomUniform"
    minval: float = -0.05
    maxval: float = 0.05


class VarianceScaling(FanInitializer):
    """Draws with a variance of `scale` divided by the units that `mode` counts."""

    type: Literal["VarianceScaling"] = "VarianceScaling"
    scale: Annotated[float, Field(gt=0)] = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["normal", "truncated_normal", "untruncated_normal", "uniform"] = "truncated_normal"


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix times `gain`."""

    type: Literal["Orthogonal"] = "Orthogonal"
    gain: float = 1.0


class GlorotNormal(FanInitializer):
    """Draws from a truncated normal distribution of variance 2 / (fan_in + fan_out)."""

    type: Literal["GlorotNormal"] = "GlorotNormal"


class GlorotUniform(FanInitializer):
    """Draws evenly between ±√(6 / (fan_in + fan_out))."""

    type: Literal["GlorotUniform"] = "GlorotUniform"


class HeNormal(FanInitializer):
    """Draws from a truncated normal distribution of variance 2 / fan_in."""

    type: Literal["HeNormal"] = "HeNormal"


class HeUniform(FanInitializer):
    """Draws evenly between ±√(6 / fan_in)."""

    type: Literal["HeUniform"] = "HeUniform"


class LecunNormal(FanInitializer):
    """Draws from a truncated normal distribution of variance 1 / fan_in."""

    type: Literal["LecunNormal"] = "LecunNormal"


class LecunUniform(FanInitializer):
    """Draws evenly between ±√(3 / fan_in)."""

    type: Literal["LecunUniform"] = "LecunUniform"


ALIASES = {
    "normal": "RandomNormal",
    "uniform": "RandomUniform",
    "zero": "Zeros",
    "one": "Ones",
    "identity_initializer": "Identity",
    "IdentityInitializer": "Identity",
    "OrthogonalInitializer": "Orthogonal",
}
INITIALIZERS: tuple[type[Initializer], ...] = (
    Zeros, Ones, Constant, Identity, RandomNormal, TruncatedNormal, RandomUniform, VarianceScaling, Orthogonal,
    GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform,
)  # fmt: skip
AnyInitializer = TypeAliasType(
    "AnyInitializer", Annotated[Initializer, closed_union("initializer", INITIALIZERS, ALIASES)]
)

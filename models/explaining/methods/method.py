"""Protocol of methods of explanation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from models.explaining.probe import Probe
from models.networks.network import Network
from models.tensors.dtypes import Array

RESIZED = ":resized"
"""Suffix of the address of a map at the size of the picture."""


class Knobs(BaseModel):
    """Options of one method; each has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class Rows(NamedTuple):
    """Rows that a method computes for one item: with gradients, and scores alone."""

    gradients: int
    scores: int = 0


@dataclass(frozen=True)
class Explained:
    """What a method gives: a tensor for each address, facts for the reply, and warnings with their evidence."""

    tensors: Mapping[str, Array]
    scores: Array
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[Mapping[str, Any]] = ()


class Method(ABC):
    """A method of explanation."""

    name: ClassVar[str]
    signed: ClassVar[bool] = True
    """Whether its values lie on both sides of zero."""
    knobs: ClassVar[type[Knobs]] = Knobs

    @classmethod
    def summary(cls) -> str:
        """Return one sentence on what it gives."""
        return (cls.__doc__ or "").strip().split("\n")[0]

    def default_to(self, network: Network) -> list[str] | None:
        """Return the addresses to explain by where the request names none: the inputs of floats. None: those that are
        `chosen` by shape.
        """
        return [name for name, spec in network.inputs.items() if "int" not in spec.dtype and spec.dtype != "bool"]

    def chosen(self, shapes: Mapping[str, Sequence[int]]) -> list[str]:
        """Return the addresses to explain by, of all that the target depends on, in the order of computation.

        Raises:
            InvalidOption: none will do.
        """
        return list(shapes)

    def check(self, shapes: Mapping[str, Sequence[int]], knobs: Any) -> None:  # noqa: B027 (most have nothing to check)
        """Check the shapes of the addresses to explain by.

        Raises:
            InvalidOption: one is of another form than the method explains.
        """

    @abstractmethod
    def rows(self, shapes: Mapping[str, Sequence[int]], knobs: Any) -> Rows:
        """Return the rows that it computes for one item; `shapes` are those of the addresses, the batch first."""

    @abstractmethod
    def explain(self, probe: Probe, knobs: Any) -> Explained:
        """Explain the items of a probe."""

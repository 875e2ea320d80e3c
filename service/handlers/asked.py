"""What a request asks of an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from models.explaining.editing import Edit, parse_edits
from models.explaining.questions import Explanation, Question
from models.explaining.targets import Target
from models.networks.network import Network
from models.tensors.dtypes import Array
from service.engines.request_builders import RunOf, RunSpec
from service.requests.inputs import ResolvedInputs


@dataclass(frozen=True)
class OtherRun:
    """The second run of a question about two."""

    run: RunOf
    network: Network
    members: Mapping[str, Any]
    """What the reply says of it."""

    @property
    def key(self) -> tuple[Any, ...]:
        """All that its results depend on but the values of its arrays."""
        spec = self.run.spec
        return self.run.source.key, self.run.names, repr(spec.edits), spec.training, spec.policy


class Asked(NamedTuple):
    """A run, and a question about it unless its activations are asked for."""

    spec: RunSpec
    question: Question | None = None
    other: OtherRun | None = None

    @property
    def target(self) -> Target | None:
        """What is explained, if anything is."""
        return self.question.target if isinstance(self.question, Explanation) else None

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays that are sent beside the inputs of the first run."""
        return (*self.spec.edit_arrays.values(), *(() if self.other is None else self.other.run.arrays))


def edits_of(resolved: ResolvedInputs, outputs: Sequence[str]) -> tuple[tuple[Edit, ...], dict[str, Array]]:
    """Return the edits of a request, and their arrays by the names under which they are sent; none without any.

    Raises:
        UnknownAddress, InvalidOption: as `parse_edits`.
    """
    if resolved.edits is None:
        return (), {}
    return parse_edits(resolved.network, resolved.edits, outputs, resolved.others)

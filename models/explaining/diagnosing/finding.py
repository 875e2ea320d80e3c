"""What every finding is: a rule about one layer, with what it saw and what to try."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from models.explaining.diagnosing.layer_run import LayerRun
from models.tensors.dtypes import Array

Status = Literal["found", "clear", "not_enough_items"]
Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
"""The most severe first: wrong results; a part of the network is lost; may be meant so."""
LISTED = 20
"""Units whose indices are listed."""
Threshold = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finding says of one layer."""

    finding: str
    status: Status
    severity: Severity
    text: str
    evidence: Mapping[str, Any]
    threshold: Threshold


class Finding(ABC):
    """A rule. It says nothing of layers that it is not made for, and `not_enough_items` where more items could turn its
    answer: a false alarm costs more than silence.
    """

    severity: ClassVar[Severity]
    """Unless an outcome says otherwise."""
    threshold: ClassVar[Threshold]
    """The figures that it compares with, by name."""
    min_items: ClassVar[int] = 1
    """Distinct items that it needs."""
    of_weights: ClassVar[bool] = False
    """Whether it looks at weights alone: it is said once of a layer that is called several times."""

    @classmethod
    def name(cls) -> str:
        """Return the name of its file."""
        return cls.__module__.rpartition(".")[2]

    @abstractmethod
    def look(self, run: LayerRun) -> Outcome | None:
        """Return what there is to say of a layer; None if the rule does not apply to it."""

    def found(self, run: LayerRun, text: str, evidence: Mapping[str, Any], severity: Severity | None = None) -> Outcome:
        """Return that the layer has it; the text says what it means and what to try."""
        return self._outcome(run, "found", text, evidence, severity)

    def clear(self, run: LayerRun, text: str, evidence: Mapping[str, Any]) -> Outcome:
        """Return that it has not."""
        return self._outcome(run, "clear", text, evidence)

    def not_enough_items(self, run: LayerRun, evidence: Mapping[str, Any]) -> Outcome:
        """Return that more items are needed."""
        text = f"This takes {self.min_items} different items; there {_are(run.items)}. Post a larger batch."
        return self._outcome(run, "not_enough_items", text, evidence)

    def _outcome(
        self, run: LayerRun, status: Status, text: str, evidence: Mapping[str, Any], severity: Severity | None = None
    ) -> Outcome:
        threshold = {**self.threshold, **({"items": self.min_items} if self.min_items > 1 else {})}
        return Outcome(
            self.name(), status, severity or self.severity, text, {"items": run.items, **evidence}, threshold
        )


def _are(count: int) -> str:
    return f"is {count}" if count == 1 else f"are {count}"


def units(mask: Array, name: str) -> dict[str, Any]:
    """Return the evidence of units for which a mask is true: how many of how many, and the indices of the first."""
    found = np.flatnonzero(mask)
    return {"units": int(mask.size), name: int(found.size), "indices": found[:LISTED].tolist()}

"""The diagnosis of a run: every finding on every layer, the most severe first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.explaining.diagnosing.finding import SEVERITIES, Finding, Outcome
from models.explaining.diagnosing.layer_run import LayerRun

STATUSES = ("found", "not_enough_items", "clear")
"""In the order of a reply."""


class Diagnosis(NamedTuple):
    """What one finding says of one layer."""

    address: str
    type: str
    outcome: Outcome


def diagnose(run: LayerRun, findings: Iterable[Finding]) -> list[Diagnosis]:
    """Return what the findings that apply to a layer say of it."""
    outcomes = (finding.look(run) for finding in findings if not (finding.of_weights and run.is_repeated))
    return [Diagnosis(run.address, run.layer.type_name(), outcome) for outcome in outcomes if outcome is not None]


def by_severity(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return diagnoses with what was found first, the most severe at the top; else in order of computation."""
    return sorted(diagnoses, key=_rank)


def _rank(diagnosis: Diagnosis) -> tuple[int, int]:
    outcome = diagnosis.outcome
    severity = SEVERITIES.index(outcome.severity) if outcome.status == "found" else 0
    return STATUSES.index(outcome.status), severity

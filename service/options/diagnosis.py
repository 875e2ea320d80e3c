"""Options of diagnoses."""

from __future__ import annotations

from service.options.activation import InputOptions, Selectors


class DiagnosisOptions(InputOptions):
    """Options of a request for a diagnosis."""

    layers: Selectors = None

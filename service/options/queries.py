"""Parsers of the options of every kind of request that runs a network."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.options.activation import ActivationOptions, QueryOptions
from service.options.arithmetic import ArithmeticOptions
from service.options.comparison import ComparisonOptions
from service.options.diagnosis import DiagnosisOptions
from service.options.explanation import ExplanationOptions, TargetedOptions


@dataclass(frozen=True)
class Queries:
    """One parser a kind, each with its own cache."""

    activations: QueryOptions[ActivationOptions] = field(default_factory=lambda: QueryOptions(ActivationOptions))
    comparisons: QueryOptions[ComparisonOptions] = field(default_factory=lambda: QueryOptions(ComparisonOptions))
    diagnoses: QueryOptions[DiagnosisOptions] = field(default_factory=lambda: QueryOptions(DiagnosisOptions))
    explanations: QueryOptions[TargetedOptions] = field(default_factory=lambda: QueryOptions(ExplanationOptions))
    arithmetic: QueryOptions[ArithmeticOptions] = field(default_factory=lambda: QueryOptions(ArithmeticOptions))

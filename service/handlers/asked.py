"""What a request asks of an engine."""

from __future__ import annotations

from typing import NamedTuple

from models.explaining.questions import Question
from service.engines.request_builders import RunSpec


class Asked(NamedTuple):
    """A run, and a question about it unless its activations are asked for."""

    spec: RunSpec
    question: Question | None = None

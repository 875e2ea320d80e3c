"""What a request asks of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.explaining.editing import Edit, parse_edits
from models.explaining.questions import Question
from models.tensors.dtypes import Array
from service.engines.request_builders import RunSpec
from service.requests.inputs import ResolvedInputs


class Asked(NamedTuple):
    """A run, and a question about it unless its activations are asked for."""

    spec: RunSpec
    question: Question | None = None


def edits_of(resolved: ResolvedInputs, outputs: Sequence[str]) -> tuple[tuple[Edit, ...], dict[str, Array]]:
    """Return the edits of a request, and their arrays by the names under which they are sent; none without any.

    Raises:
        UnknownAddress, InvalidOption: as `parse_edits`.
    """
    if resolved.edits is None:
        return (), {}
    return parse_edits(resolved.network, resolved.edits, outputs, resolved.others)

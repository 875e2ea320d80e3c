"""Edits of the inputs of an explanation, which are made once, before any row is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.engine.arrays import as_array
from models.engine.build import BuiltModel
from models.engine.explaining.edited_tensors import EditedTensor
from models.errors import InvalidOption
from models.explaining.editing import Edit
from models.tensors.dtypes import Array


def check_items_apart(edits: Sequence[Edit]) -> None:
    """Refuse edits that mix the items of a batch, which an explanation computes apart.

    Raises:
        InvalidOption: there is one.
    """
    for edit in edits:
        if edit.operation == "patch" or edit.arguments.get("over") == "batch":
            message = "an explanation computes items apart, and this edit takes values of others"
            advice = "set the values, which a run of activations returns"
            raise InvalidOption.at(edit.pointer, message, "an edit within each item", edit.operation, advice)


def edited_inputs(
    model: BuiltModel, inputs: Mapping[str, Array], edited: Sequence[EditedTensor]
) -> tuple[Mapping[str, Array], list[EditedTensor]]:
    """Return the inputs after their edits, and the other edits."""
    own = [one for one in edited if one.address in inputs]
    rest = [one for one in edited if one.address not in inputs]
    if not own:
        return inputs, rest
    found = model.edited_selection(tuple(inputs), False, own).run(inputs, own)
    return dict(zip(inputs, map(as_array, found.tensors), strict=True)), rest

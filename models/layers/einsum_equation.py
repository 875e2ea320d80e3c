"""Parsing and validation of einsum equations of one input and one kernel."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from models.errors import shown
from models.layers.faults import fault
from models.layers.sizes import Shape

_LETTERS = "([a-zA-Z]{1,8})"
_FORM = re.compile(rf"(\.\.\.)?{_LETTERS}(\.\.\.)?,{_LETTERS}->(\.\.\.)?{_LETTERS}(\.\.\.)?")


@dataclass(frozen=True)
class Equation:
    """`abc,cd->abd`: the letters of the input, the kernel and the output, and the side of `...`."""

    inputs: str
    kernel: str
    outputs: str
    ellipsis: str | None

    @classmethod
    def parse(cls, text: str) -> "Equation | None":
        """Parse an equation; None if its form is not one of Keras' three."""
        match = _FORM.fullmatch(text)
        if match is None:
            return None
        left, inputs, right, kernel, left_again, outputs, right_again = match.groups()
        if left != left_again or right != right_again or (left and right) or (right and len(inputs) == 1):
            return None
        return cls(inputs, kernel, outputs, "left" if left else "right" if right else None)

    def flaw(self) -> str | None:
        """Return what is wrong with the letters, or None."""
        if any(len(set(letters)) < len(letters) for letters in (self.inputs, self.kernel, self.outputs)):
            return "a letter stands twice in one operand"
        if set(self.outputs) - set(self.inputs + self.kernel):
            return "the output has a letter that neither the input nor the kernel has"
        if set(self.kernel) - set(self.inputs + self.outputs):
            return "the kernel has a letter that neither the input nor the output has"
        batch = self.batch()
        if batch and (self.outputs[0] != batch or batch in self.kernel):
            return "the input's first letter is the batch: it must come first in the output and not be in the kernel"
        return None

    def batch(self) -> str | None:
        """Return the letter of the batch; None if `...` covers it."""
        return None if self.ellipsis == "left" else self.inputs[0]

    def free_letters(self) -> str:
        """Return the output's letters whose lengths `output_shape` specifies, in order."""
        return self.outputs if self.ellipsis == "left" else self.outputs[1:]

    def split(self, shape: Shape, letters: str) -> tuple[dict[str, int | None], Shape]:
        """Return the length of each letter, and the lengths that `...` covers."""
        covered = len(shape) - len(letters)
        if self.ellipsis == "left":
            return dict(zip(letters, shape[covered:], strict=True)), shape[:covered]
        return dict(zip(letters, shape[: len(letters)], strict=True)), shape[len(letters) :]

    def keeps_positions(self) -> bool:
        """Whether only the last axis is transformed, as Dense does."""
        same = self.inputs[:-1] == self.outputs[:-1] and self.ellipsis != "right"
        return same and set(self.kernel) == {self.inputs[-1], self.outputs[-1]}


def _check_equation(text: str) -> str:
    equation = Equation.parse(text)
    if equation is None:
        raise fault(
            "equation",
            f"{shown(text)} is not an equation of an input and a kernel",
            'the form "ab,bc->ac", "...b,bc->...c" or "ab...,bc->ac..."',
        )
    flaw = equation.flaw()
    if flaw is not None:
        raise fault("equation", flaw, 'an equation such as "abc,cd->abd"')
    return text


EquationText = Annotated[str, Field(max_length=40), AfterValidator(_check_equation)]

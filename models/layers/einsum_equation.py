"""Einsum equations of one input and one kernel, taken apart and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from models.errors import shown
from models.layers.layer import Shape, fault

_LETTERS = "([a-zA-Z]{1,8})"
_FORM = re.compile(rf"(\.\.\.)?{_LETTERS}(\.\.\.)?,{_LETTERS}->(\.\.\.)?{_LETTERS}(\.\.\.)?")


@dataclass(frozen=True)
class Equation:
    """`abc,cd->abd`: the letters of the input, the kernel and the output, and the side on which `...` stands."""

    reads: str
    kernel: str
    gives: str
    ellipsis: str | None

    @classmethod
    def parse(cls, text: str) -> Equation | None:
        """The equation, or None where its form is not one of Keras' three."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        left, reads, right, kernel, left_again, gives, right_again = found.groups()
        if left != left_again or right != right_again or (left and right) or (right and len(reads) == 1):
            return None
        return cls(reads, kernel, gives, "left" if left else "right" if right else None)

    def flaw(self) -> str | None:
        """What is wrong with the letters, if anything."""
        if any(len(set(letters)) < len(letters) for letters in (self.reads, self.kernel, self.gives)):
            return "a letter stands twice in one operand"
        if set(self.gives) - set(self.reads + self.kernel):
            return "the output has a letter that neither the input nor the kernel has"
        if set(self.kernel) - set(self.reads + self.gives):
            return "the kernel has a letter that neither the input nor the output has"
        batch = self.batch()
        if batch and (self.gives[0] != batch or batch in self.kernel):
            return "the input's first letter is the batch: it must come first in the output and not be in the kernel"
        return None

    def batch(self) -> str | None:
        """The letter of the batch; None where `...` covers it."""
        return None if self.ellipsis == "left" else self.reads[0]

    def free_letters(self) -> str:
        """The output's letters whose lengths `output_shape` gives, in order."""
        return self.gives if self.ellipsis == "left" else self.gives[1:]

    def split(self, shape: Shape, letters: str) -> tuple[dict[str, int | None], Shape]:
        """The length of each letter, and the lengths that `...` covers."""
        covered = len(shape) - len(letters)
        if self.ellipsis == "left":
            return dict(zip(letters, shape[covered:], strict=True)), shape[:covered]
        return dict(zip(letters, shape[: len(letters)], strict=True)), shape[len(letters) :]

    def keeps_positions(self) -> bool:
        """Whether only the last axis is transformed, as Dense does."""
        same = self.reads[:-1] == self.gives[:-1] and self.ellipsis != "right"
        return same and set(self.kernel) == {self.reads[-1], self.gives[-1]}


def _checked(text: str) -> str:
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


EquationText = Annotated[str, Field(max_length=40), AfterValidator(_checked)]

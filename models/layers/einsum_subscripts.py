"""Parsing and validation of einsum's subscripts for several operands, whose batch has to stay apart."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Annotated

from pydantic import AfterValidator, Field

from models.errors import shown
from models.layers.faults import fault
from models.layers.sizes import Shape

MAX_OPERANDS = 4
ELLIPSIS = "..."
_TERM = r"[a-zA-Z]*(?:\.\.\.)?[a-zA-Z]*"
_FORM = re.compile(rf"{_TERM}(?:,{_TERM}){{0,{MAX_OPERANDS - 1}}}(?:->{_TERM})?")


@dataclass(frozen=True)
class Term:
    """The letters of one operand before and behind `...`; without it, all are before."""

    before: str
    behind: str
    has_ellipsis: bool

    @classmethod
    def parse(cls, text: str) -> "Term":
        """Parse a term of valid form."""
        before, ellipsis, behind = text.partition(ELLIPSIS)
        return cls(before, behind, bool(ellipsis))

    @property
    def letters(self) -> str:
        """All letters, in order."""
        return self.before + self.behind

    def fits(self, rank: int) -> bool:
        """Whether a tensor of so many axes has the axes of the term."""
        return rank == len(self.letters) or (self.has_ellipsis and rank > len(self.letters))

    def lengths(self, shape: Shape) -> list[tuple[str, int | None]]:
        """Return each letter with the length of its axis."""
        end = len(shape) - len(self.behind)
        return [*zip(self.before, shape, strict=False), *zip(self.behind, shape[end:], strict=True)]

    def covered(self, shape: Shape) -> Shape:
        """Return the lengths that `...` covers."""
        return shape[len(self.before) : len(shape) - len(self.behind)]


@dataclass(frozen=True)
class Subscripts:
    """`bij,bjk->bik`: the terms of the operands and of the result."""

    terms: tuple[Term, ...]
    result: Term

    @classmethod
    def parse(cls, text: str) -> "Subscripts":
        """Parse subscripts of valid form with an explicit result."""
        operands, _, result = text.partition("->")
        return cls(tuple(map(Term.parse, operands.split(","))), Term.parse(result))

    def flaw(self) -> str | None:
        """Return what is wrong with the letters, or None."""
        if len(set(self.result.letters)) < len(self.result.letters):
            return "a letter stands twice in the result"
        if set(self.result.letters) - {letter for term in self.terms for letter in term.letters}:
            return "the result has a letter that no operand has"
        if any(term.has_ellipsis for term in self.terms) != self.result.has_ellipsis:
            return '"..." stands in the operands and in the result, or in neither'
        return None

    def mixing(self, tensors: Sequence[int]) -> str | None:
        """Return why the rows of the batch, the first axis of the operands with these numbers, would mix, or None."""
        firsts = {self.terms[number].before[:1] for number in tensors}
        if len(firsts) > 1:
            return "every tensor begins with the same letter, that of the batch, or with ..."
        (batch,) = firsts
        if self.result.before[:1] != batch:
            return "the result begins with the batch, as the tensors do"
        if batch and any(term.letters.count(batch) != (number in tensors) for number, term in enumerate(self.terms)):
            return "the letter of the batch stands once in every tensor, and in no array"
        return None

    def lengths(self, shapes: Sequence[Shape]) -> dict[str, set[int]]:
        """Return the known lengths of each letter."""
        found: dict[str, set[int]] = {}
        for term, shape in zip(self.terms, shapes, strict=True):
            for letter, length in term.lengths(shape):
                found.setdefault(letter, set()).update(() if length is None else (length,))
        return found

    def is_multiplied(self, letter: str) -> bool:
        """Whether a letter is more than summed within one operand."""
        return letter in self.result.letters or sum(letter in term.letters for term in self.terms) > 1

    def covered(self, shapes: Sequence[Shape]) -> Shape:
        """Return the lengths of the axes that `...` covers, broadcast; None is free."""
        several = [term.covered(shape) for term, shape in zip(self.terms, shapes, strict=True) if term.has_ellipsis]
        rank = max(map(len, several), default=0)
        padded = [(1,) * (rank - len(shape)) + shape for shape in several]
        return tuple(_common(lengths) for lengths in zip(*padded, strict=True))

    def result_shape(self, shapes: Sequence[Shape], batch: int | None) -> Shape:
        """Return the shape of the result; an axis is free if no operand says its length."""
        lengths = {letter: next(iter(known), None) for letter, known in self.lengths(shapes).items()}
        middle = self.covered(shapes) if self.result.has_ellipsis else ()
        before, behind = ([lengths[letter] for letter in part] for part in (self.result.before, self.result.behind))
        return (batch, *(*before, *middle, *behind)[1:])

    def terms_of(self, numbers: Sequence[int]) -> Iterator[Term]:
        """Yield the terms of some operands."""
        return (self.terms[number] for number in numbers)

    def largest_between(self, shapes: Sequence[Shape]) -> int:
        """Return the size of the largest product of some of the operands, before the rest is multiplied with it, in
        any order of multiplication; free axes count as one.
        """
        lengths = {letter: max(known, default=1) for letter, known in self.lengths(shapes).items()}
        covered = prod(length or 1 for length in self.covered(shapes))
        numbers = range(len(self.terms))
        groups = [group for count in range(2, len(self.terms)) for group in combinations(numbers, count)]
        return max((covered * prod(lengths[letter] for letter in self._kept(group)) for group in groups), default=0)

    def _kept(self, group: Sequence[int]) -> set[str]:
        """Return the letters of a product of some operands that the others or the result still need."""
        rest = [number for number in range(len(self.terms)) if number not in group]
        needed = {letter for term in (*self.terms_of(rest), self.result) for letter in term.letters}
        return {letter for term in self.terms_of(group) for letter in term.letters} & needed


def _common(lengths: Sequence[int | None]) -> int | None:
    longer = [length for length in lengths if length != 1]
    return 1 if not longer else next((length for length in longer if length is not None), None)


def _explicit(text: str) -> str:
    """Add the result that NumPy infers: the letters that stand once, in the order of the alphabet."""
    if "->" in text:
        return text
    letters = sorted({letter for letter in text if letter.isalpha() and text.count(letter) == 1})
    return f"{text}->{ELLIPSIS if ELLIPSIS in text else ''}{''.join(letters)}"


def _check_subscripts(text: str) -> str:
    """Return the subscripts without spaces, with a result, in lower case: Keras' graphs have no other letters."""
    text = _explicit(text.replace(" ", ""))
    if _FORM.fullmatch(text) is None:
        expected = f'at most {MAX_OPERANDS} terms of letters and "...", as in "bij,bjk->bik"'
        raise fault("subscripts", f"{shown(text)} is not the subscripts of an einsum", expected)
    if len(set(text.lower())) < len(set(text)):
        raise fault("subscripts", "two letters differ in their case only", "other letters")
    flaw = Subscripts.parse(text).flaw()
    if flaw is not None:
        raise fault("subscripts", flaw, 'subscripts such as "bij,bjk->bik"')
    return text.lower()


SubscriptsText = Annotated[str, Field(max_length=80), AfterValidator(_check_subscripts)]

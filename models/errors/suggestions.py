"""Suggestions for unknown names: from common synonyms, else by spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.errors import did_you_mean, shown


class Hint(NamedTuple):
    """The fields that a word may stand for, the likeliest first, or advice when it stands for none of them."""

    fields: tuple[str, ...] = ()
    advice: str | None = None


Synonyms = Mapping[str, Hint]
"""Hints by the word that clients write."""
LEAVE_OUT = "leave it out"


def field_hints(words: Mapping[str, str]) -> dict[str, Hint]:
    """Invert a mapping of fields to their synonyms, separated by spaces, into hints by synonym."""
    hints: dict[str, Hint] = {}
    for field, synonyms in words.items():
        for word in synonyms.split():
            hints[word] = Hint((*hints.get(word, Hint()).fields, field))
    return hints


class Words(NamedTuple):
    """Known names and their synonyms: by layer type, by the top-level field that holds an object, and under "" those of
    the document itself.
    """

    fields: Mapping[str, Iterable[str]]
    synonyms: Mapping[str, Synonyms] = {}


def advice(name: str, known: Iterable[str], given: Iterable[str], synonyms: Synonyms, cutoff: float) -> str | None:
    """Return the advice for an unknown name: the name to write instead, unless it is already given."""
    known, present = list(known), set(given)
    hint = synonyms.get(name) or synonyms.get(name.casefold()) or Hint()
    field = next((candidate for candidate in hint.fields if candidate in known), None)
    if field is not None:
        return LEAVE_OUT if field in present else f"write {hint.advice or shown(field)}"
    if hint.advice is not None and not hint.fields:
        return hint.advice
    near = did_you_mean(name, known, cutoff)
    return None if near is None else LEAVE_OUT if near in present else f'write "{near}"'


_DTYPE_WORDS = {
    "float16": "half fp16 f2 f16", "bfloat16": "bf16", "float32": "single fp32 f4 f32", "float64": "double fp64 f8 f64",
    "int8": "i1 i8", "int16": "short i2 i16", "int32": "i4 i32", "int64": "long i64", "uint8": "byte u1 u8",
    "uint16": "u2 u16", "uint32": "u4 u32", "uint64": "u64", "bool": "boolean bool_ b1",
    "float32\" or \"float64": "float", "int32\" or \"int64": "int integer",
}  # fmt: skip
DTYPES = {word: dtype for dtype, words in _DTYPE_WORDS.items() for word in words.split()}
"""Dtypes by their names in C, NumPy, PyTorch, safetensors and the Open Inference Protocol."""


def dtype_advice(word: str, known: Iterable[str]) -> str | None:
    """Return the advice for an unknown dtype, by synonym first: `float` is spelled as much like float16 as like
    float64.
    """
    bare = word.rpartition(".")[2].lstrip("<>|=").casefold()
    dtype = DTYPES.get(bare) or did_you_mean(bare, known, 0.75)
    return f'write "{dtype}"' if dtype else None

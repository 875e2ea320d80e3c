"""What was meant by a name that nobody knows: by what people are used to, else by spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.errors import did_you_mean, shown


class Meant(NamedTuple):
    """The fields that a word may stand for, the likeliest first; or what to do instead of any."""

    fields: tuple[str, ...] = ()
    advice: str | None = None


Habits = Mapping[str, Meant]
"""By word."""
LEAVE_OUT = "leave it out"


def meaning(words: Mapping[str, str]) -> dict[str, Meant]:
    """From fields with the words that stand for them, in one text, to each word with its fields."""
    fields: dict[str, Meant] = {}
    for field, several in words.items():
        for word in several.split():
            fields[word] = Meant((*fields.get(word, Meant()).fields, field))
    return fields


class Words(NamedTuple):
    """The names that are known and what people call them: by layer type, by the top-level field that an object lies in,
    and under "" those of the document itself.
    """

    fields: Mapping[str, Iterable[str]]
    habits: Mapping[str, Habits] = {}


def advice(name: str, known: Iterable[str], given: Iterable[str], habits: Habits, cutoff: float) -> str | None:
    """What to do with a name that is none of the known: write another one, unless that is given already."""
    known, taken = list(known), set(given)
    meant = habits.get(name) or habits.get(name.casefold()) or Meant()
    field = next((one for one in meant.fields if one in known), None)
    if field is not None:
        return LEAVE_OUT if field in taken else f"write {meant.advice or shown(field)}"
    if meant.advice is not None and not meant.fields:
        return meant.advice
    near = did_you_mean(name, known, cutoff)
    return None if near is None else LEAVE_OUT if near in taken else f'write "{near}"'


_DTYPE_WORDS = {
    "float16": "half fp16 f2 f16", "bfloat16": "bf16", "float32": "single fp32 f4 f32", "float64": "double fp64 f8 f64",
    "int8": "i1 i8", "int16": "short i2 i16", "int32": "i4 i32", "int64": "long i64", "uint8": "byte u1 u8",
    "uint16": "u2 u16", "uint32": "u4 u32", "uint64": "u64", "bool": "boolean bool_ b1",
    "float32\" or \"float64": "float", "int32\" or \"int64": "int integer",
}  # fmt: skip
DTYPES = {word: dtype for dtype, words in _DTYPE_WORDS.items() for word in words.split()}
"""Dtypes by what C, NumPy, PyTorch, safetensors and the Open Inference Protocol call them."""


def dtype_advice(word: str, known: Iterable[str]) -> str | None:
    """What to write for a word in place of a dtype: `float` is as near to float16 as to float64."""
    bare = word.rpartition(".")[2].lstrip("<>|=").casefold()
    meant = DTYPES.get(bare) or did_you_mean(bare, known, 0.75)
    return f'write "{meant}"' if meant else None

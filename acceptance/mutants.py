"""Mutants of JSON and files: one thing or a few in it changed at random, the same ones for the same seed."""

from __future__ import annotations

from copy import deepcopy
from math import prod
from random import Random
from typing import Any

Json = Any
JUNK: tuple[Json, ...] = (
    None, True, False, 0, 1, -1, 3, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, "", "a", "float16", "int32", "bool", "relu",
    "\u202e", "x" * 1000, [], {}, [[]], [None], [1, 2], ["a", 0, 0], {"class_name": "Dense", "config": {}}, {"a": 1},
)  # fmt: skip


def mutant(value: Json, random: Random) -> Json:
    """Return a copy with one to three changes."""
    made = deepcopy(value)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        _change(made, random)
    return made


def _change(whole: Json, random: Random) -> None:
    """Change one member of one array or object, wherever it is."""
    holders = [one for one in _below(whole) if one]
    if not holders:
        return
    holder = random.choice(holders)
    key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match random.randrange(5):
        case 0:
            del holder[key]
        case 1 | 2:
            holder[key] = deepcopy(random.choice(JUNK))
        case 3:  # what stands elsewhere under the same name, or anywhere
            named = [one[key] for one in holders if isinstance(one, dict) and key in one]
            holder[key] = deepcopy(random.choice(named or holders))
        case _ if isinstance(holder, list):
            holder.insert(random.randrange(len(holder) + 1), deepcopy(holder[key]))
        case _:  # under another name
            name = random.choice([name for one in holders if isinstance(one, dict) for name in one])
            holder[name] = holder.pop(key)


def _below(value: Json) -> list[Json]:
    """Return every array and object in a value."""
    found = [value] if isinstance(value, dict | list) else []
    for one in found:  # which grows
        found += [inner for inner in (one.values() if isinstance(one, dict) else one) if isinstance(inner, dict | list)]
    return found


def zeros(plan: Json) -> Json:
    """Return inputs for a plan: zeros, and 4 for a free length."""
    made = {}
    for name, row in plan["inputs"].items():
        shape = [2, *(4 if length is None else length for length in row["shape"][1:])]
        made[name] = {"shape": shape, "dtype": row["dtype"], "data": [0] * prod(shape)}
    return made


def changed(data: bytes, random: Random) -> bytes:
    """Return a file with bytes changed, a run of them replaced, or its end cut off."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = random.randrange(len(made))
        match random.randrange(10):
            case 0:
                del made[at + 1 :]
            case 1 | 2 | 3:
                made[at : at + random.randrange(1, 64)] = random.randbytes(random.randrange(1, 64))
            case _:
                made[at] = random.randrange(256)
    return bytes(made)

"""Every layer type on inputs of every dtype, and with every dtype of its own: no 500, and the plan is what runs."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, get_args

from acceptance.drawn_replies import Replies, plan_and_run
from acceptance.live_service import Service, running
from models.layers import LAYERS
from models.layers.fields import DType
from models.layers.layer import Layer
from models.tensors.dtypes import DTYPES

NAME = "tried"
OF_LAYERS: tuple[str, ...] = get_args(get_args(DType.__value__)[0])


class Case(NamedTuple):
    """A document of one layer, with inputs."""

    what: str
    model: dict[str, Any]
    inputs: dict[str, Any]


def case(cls: type[Layer], dtype: str, own: str | None, free: bool) -> Case:
    """Return the example of a type on inputs of a dtype: with or without a dtype of its own, and lengths."""
    names = [f"x{number}" for number in range(len(cls.example.shapes))]
    inputs = {name: _ones(shape, dtype) for name, shape in zip(names, cls.example.shapes, strict=True)}
    declared = {
        name: {"shape": [None] * len(shape) if free else list(shape), "dtype": dtype}
        for name, shape in zip(names, cls.example.shapes, strict=True)
    }
    arguments = dict(cls.example.arguments) | ({} if own is None else {"dtype": own})
    if own is not None and isinstance(arguments.get("layer"), dict) and cls.type_name() != "SpectralNormalization":
        arguments["layer"] = {**arguments["layer"], "dtype": own}  # wrappers and what they hold have one
    layer = {"type": cls.type_name(), **arguments, "inputs": names}
    told = f"dtype {own}" if own else f"on {dtype}{', lengths free' if free else ''}"
    return Case(f"{cls.type_name()} {told}", {"input": declared, "layers": [layer]}, inputs)


def _ones(shape: tuple[int, ...], dtype: str) -> dict[str, Any]:
    """Return a batch of two of zeros and ones."""
    size = 2
    for length in shape:
        size *= length
    values = [number % 2 for number in range(size)]
    return {"shape": [2, *shape], "dtype": dtype, "data": [bool(one) for one in values] if dtype == "bool" else values}


def cases() -> Iterator[tuple[str, Case]]:
    """Yield all cases, by what is varied."""
    for cls in LAYERS:
        for dtype in DTYPES:
            yield "inputs", case(cls, dtype, None, False)
            yield "free inputs", case(cls, dtype, None, True)
        for own in OF_LAYERS:
            yield "layers", case(cls, cls.example.dtype, own, False)


def verdict(service: Service, one: Case, replies: Replies) -> str:
    """Return the verdict on a case; a registration has to be refused where the plan is."""
    fault = replies.fault()
    if fault is not None:
        return fault
    status = service.client.put(f"/v1/models/{NAME}", json=one.model).status_code
    if (status in (200, 201)) != (replies.plan.status_code == 200):
        return f"registered with {status}"
    if replies.plan.status_code == 200:
        return "served" if replies.statuses == [200] * 3 else "refused when it runs"
    pointer = replies.plan.json()["errors"][0]["pointer"]
    return "refused at the dtype" if pointer.endswith("/dtype") else "refused"


def main() -> None:
    """Print a line for each case with a wrong reply, then the counts; exit with 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="types whose name has one of these, with commas between, in it")
    options = parser.parse_args()
    good = {"served", "refused", "refused at the dtype", "refused when it runs"}
    counts: dict[str, Counter[str]] = {}
    with TemporaryDirectory() as folder, running(Path(folder), CACHE_BYTES="256MiB") as service:
        for kind, one in cases():
            if not any(part in one.what for part in options.only.split(",")):
                continue
            replies = plan_and_run(service.client, one.model, one.inputs)
            found = verdict(service, one, replies)
            counts.setdefault(kind, Counter())[found] += 1
            if found not in good:
                print(f"{one.what}: {found}, {replies.statuses}: {json.dumps(one.model)}", flush=True)
                print(f"    {replies.runs[-1].text[:500]}", flush=True)
    for kind, came in counts.items():
        print(f"{kind}: {sum(came.values())} cases, " + ", ".join(f"{count} {name}" for name, count in came.items()))
    raise SystemExit(any(set(came) - good for came in counts.values()))


if __name__ == "__main__":
    main()

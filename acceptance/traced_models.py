"""Models of real scripts, by `to_json()` alone and traced by the Python client: taken, equal, or refused and why.

`scripts/acceptance traced_models FOLDER` runs every script below a folder, such as a clone of keras-io, each in a
process of its own, and prints a line for each model and a table of the reasons. Below one named keras_hub, it builds
the backbones that the tests build. With `--rows FILE`, which they are added to, the scripts that it has are not run
again; with `--code`, only models that have some are looked at.
"""

from __future__ import annotations

import io
import json
import os
import signal
import traceback
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

import httpx
import keras
import numpy as np
from layerscope_client.keras import Untraceable, has_code, traced
from layerscope_client.keras.checking import difference, random_batch
from layerscope_client.keras.model_inputs import inputs_of

from acceptance.backbone_models import backbones_of
from acceptance.live_service import running
from acceptance.script_models import models_of

MAX_MODELS = 12
"""Most models of one script that are sent."""
MAX_SECONDS = 100
"""Longest that one script takes, before its models are given up."""
MAX_PARAMETERS = 60_000_000
IDS = "looks its input up in a table"
"""What the service says of numbers that are no ids."""
TOLERANCE = 1e-5
"""Largest difference that is none, as a part of the largest number: compiled and eager Keras differ by as much."""


@dataclass(frozen=True)
class Form:
    """A model as it is sent: its JSON, its weights by name, the names of its inputs; or why there is none."""

    json: str = ""
    weights: dict[str, Any] | None = None
    inputs: Sequence[str] = ()
    refusal: str = ""


def json_form(model: keras.Model) -> Form:
    """Return what `to_json()` says of a model."""
    try:
        weights = {f"arr_{number}": array for number, array in enumerate(model.get_weights())}
        return Form(model.to_json(), weights, inputs_of(model).names)
    except Exception as error:  # of code of its author's
        return Form(refusal=f"to_json: {type(error).__name__}")


def traced_form(model: keras.Model) -> Form:
    """Return what the tracer says of a model, with the sizes that it was called on where free ones are in the way."""
    inputs = getattr(model, "called_on", None)
    form = Form(refusal="it has no inputs")
    for given in (None, inputs) if hasattr(model, "_inputs_struct") else (inputs,):
        try:
            document, weights = traced(model, given)
            return Form(json.dumps(document), weights, list(document["input"]))
        except Untraceable as error:
            form = Form(refusal=error.reason)
    return form


def sent(client: httpx.Client, form: Form, arrays: Sequence[Any], expected: Sequence[Any]) -> str:
    """Send a model and a batch; returns "equal", the largest difference, or the refusal."""
    if form.refusal:
        return form.refusal
    parts: dict[str, Any] = {"model": ("model.json", form.json)}
    if form.weights:
        parts["weights"] = ("weights.npz", npz(form.weights))
    reply = client.put("/v1/models/traced", files=parts)
    if reply.is_error:
        return reason(reply)
    facts = client.get("/v1/models/traced").json()
    outputs, named = facts["outputs"], dict(zip(form.inputs, arrays, strict=True))
    batch = npz({name: named[name] for name in facts["inputs"]})  # those that are read
    files = {"tensor": ("tensor.npz", batch)}
    asked = {"layers": ",".join(dict.fromkeys(outputs)), "format": "npz"}
    reply = client.post("/v1/models/traced/activations", files=files, data=asked)
    if reply.is_error:
        return reason(reply)
    found = np.load(io.BytesIO(reply.content))
    worst = max(difference(found[address], array) for address, array in zip(outputs, expected, strict=True))
    return "equal" if worst == 0 else f"differs by {worst:.1e}"


def reason(reply: httpx.Response) -> str:
    """Return why the service refused: its first problem, or what it says in all."""
    problem = reply.json()
    return str(problem["errors"][0]["message"] if problem["errors"] else f"{problem['code']}: {problem['detail']}")


def npz(arrays: dict[str, Any]) -> bytes:
    """Return arrays as a file."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def checked(client: httpx.Client, model: keras.Model) -> tuple[str, str] | None:
    """Return the verdicts on a model, by `to_json()` and traced; None for one that cannot be called here."""
    verdicts = compared(client, model)
    return compared(client, model, only_ids=True) if verdicts and IDS in verdicts[1] else verdicts


def compared(client: httpx.Client, model: keras.Model, only_ids: bool = False) -> tuple[str, str] | None:
    """Return the verdicts on a model, run on random numbers or on ids alone."""
    try:
        given = inputs_of(model, None if hasattr(model, "_inputs_struct") else getattr(model, "called_on", None))
        batch = model.example if hasattr(model, "example") else random_batch(model, given, only_ids=only_ids)
        expected = [np.asarray(result) for result in keras.tree.flatten(model(batch, training=False))]
    except Exception:  # a trainer without a `call`, or strings
        return None
    if not expected or model.count_params() > MAX_PARAMETERS:
        return None
    arrays = keras.tree.flatten(batch)
    plain, by_tracer = (sent(client, form(model), arrays, expected) for form in (json_form, traced_form))
    return plain, by_tracer


def made(script: Path) -> list[keras.Model]:
    """Return the models that a script makes."""
    return backbones_of(script) if script.name.endswith("_backbone_test.py") else models_of(script)


def in_child(script: Path, url: str, found: Path, is_wanted: Callable[[keras.Model], bool]) -> None:
    """Check the models of one script in a process of its own; writes an array of [class, has code, both verdicts]."""
    if child := os.fork():
        watch = Timer(MAX_SECONDS, os.kill, (child, signal.SIGKILL))
        watch.start()
        os.waitpid(child, 0)
        watch.cancel()
        return
    try:
        rows = []
        with httpx.Client(base_url=url, timeout=600) as client:
            for model in filter(is_wanted, made(script)[:MAX_MODELS]):
                if (verdicts := checked(client, model)) is not None:
                    rows.append([type(model).__name__, has_code(model), *verdicts])
        found.write_text(json.dumps(rows))
    except BaseException:  # it is reported, and the next script is run
        traceback.print_exc()
    finally:
        os._exit(0)


def is_taken(verdict: str) -> bool:
    """Whether a model was taken, and computes what Keras does."""
    return verdict == "equal" or (verdict.startswith("differs") and float(verdict.rsplit(maxsplit=1)[-1]) <= TOLERANCE)


def scripts_of(folder: Path) -> list[Path]:
    """Return the scripts below a folder; of KerasHub, the tests of its backbones."""
    return sorted(folder.rglob("*_backbone_test.py" if folder.name == "keras_hub" else "*.py"))


def parsed() -> Namespace:
    """Return the arguments of the command line."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--code", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Print every verdict, the counts, and the reasons of what was refused."""
    options = parsed()
    folder = options.folder
    with TemporaryDirectory() as data, running(Path(data), MAX_BODY="2GiB", QUEUE_SECONDS="300") as service:
        kept = options.rows or Path(data) / "rows.jsonl"
        kept.touch()
        for script in scripts_of(folder):
            name, found = str(script.relative_to(folder)), Path(data) / "found.json"
            if name in (known[0] for known in lines_of(kept)):
                continue
            found.unlink(missing_ok=True)
            in_child(script, str(service.client.base_url), found, has_code if options.code else lambda _: True)
            rows = json.loads(found.read_text()) if found.exists() else []
            for row in rows:
                print(name, *row, sep="  ", flush=True)
            with kept.open("a") as file:
                file.write(json.dumps([name, rows]) + "\n")
        report([row for _, rows in lines_of(kept) for row in rows])


def lines_of(kept: Path) -> list[list[Any]]:
    """Return the scripts of a file of verdicts, each with its own."""
    return [json.loads(line) for line in kept.read_text().splitlines()]


def report(rows: Sequence[Sequence[Any]]) -> None:
    """Print how many were taken, with code and in all, and why the others were not."""
    for what, some in (("models", rows), ("of them with code", [row for row in rows if row[1]])):
        plain, by_tracer = (sum(is_taken(row[column]) for row in some) for column in (2, 3))
        bits, wrong = (sum(map(test, some)) for test in (lambda row: row[3] == "equal", is_wrong))
        print(f"{len(some)} {what}: {plain} by to_json(), {by_tracer} traced, {bits} of them to the bit, {wrong} wrong")
    for reason, count in Counter(row[3] for row in rows if row[3] != "equal").most_common():
        print(f"{count:4} {reason}")


def is_wrong(row: Sequence[Any]) -> bool:
    """Whether a model was taken, and computes something else."""
    return str(row[3]).startswith("differs") and not is_taken(row[3])


if __name__ == "__main__":
    main()

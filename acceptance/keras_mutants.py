"""Mutants of Keras' JSON, each planned and run twice where the plan has its inputs: no 500."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from acceptance import graph_models
from acceptance.drawn_replies import REFUSALS, plan_and_run
from acceptance.live_service import running
from acceptance.mutants import mutant, zeros
from tests.unit import keras_models


def main() -> None:
    """Print a line for each mutant with a wrong reply, then the counts; exit with 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first; each has the next one")
    parser.add_argument("--only", default="", help="models whose name has one of these, with commas between, in it")
    options = parser.parse_args()
    models = (*keras_models.MODELS.values(), *graph_models.GRAPHS)
    parts = options.only.split(",")
    texts = [made().to_json() for made in models if any(part in made.__name__ for part in parts)]
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as folder, running(Path(folder), CACHE_BYTES="256MiB") as service:
        for seed in range(options.first, options.first + options.count):
            random = Random(seed)
            model = mutant(json.loads(random.choice(texts)), random)
            plan = service.client.post("/v1/plan", json={"model": model})
            if plan.status_code != 200:
                fault, statuses = None if plan.status_code in REFUSALS else "not answered", [plan.status_code]
            else:
                replies = plan_and_run(service.client, model, zeros(plan.json()))
                fault, statuses = replies.fault(), replies.statuses
            counts[fault or ("served" if statuses[-1] == 200 else "refused")] += 1
            if fault:
                print(f"{seed}: {fault}, {statuses}: {plan.text[:500]}", flush=True)
    print(", ".join(f"{count} {name}" for name, count in counts.most_common()))
    raise SystemExit(set(counts) > {"served", "refused"})


if __name__ == "__main__":
    main()

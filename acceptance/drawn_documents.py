"""Documents drawn from the layers' JSON schemas, each planned and run twice: no 500, and nothing else than planned."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from acceptance.drawn import document
from acceptance.drawn_replies import plan_and_run
from acceptance.live_service import running


def main() -> None:
    """Print a line for each document with a wrong reply, then the counts; exit with 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first; each has the next one")
    parser.add_argument("--only", default="", help="types whose name has one of these, with commas between, in it")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as folder, running(Path(folder), CACHE_BYTES="256MiB") as service:
        for seed in range(options.first, options.first + options.count):
            model, inputs = document(Random(seed), options.only)
            replies = plan_and_run(service.client, model, inputs)
            fault = replies.fault()
            counts[fault or ("served" if replies.statuses[-1] == 200 else "refused")] += 1
            if fault:
                print(f"{seed}: {fault}, {replies.statuses}: {json.dumps(model)}", flush=True)
                print(f"    {replies.runs[-1].text[:500]}", flush=True)
    print(", ".join(f"{count} {name}" for name, count in counts.most_common()))
    raise SystemExit(set(counts) > {"served", "refused"})


if __name__ == "__main__":
    main()

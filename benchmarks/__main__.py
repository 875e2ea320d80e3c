"""`scripts/bench`: Layerscope beside its peers, and tables of what was measured."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import figures, two_trees
from benchmarks.machine import machine
from benchmarks.plan import ONCE, Measurement, plan
from benchmarks.samples import FOLDER, ROOT, WORKLOADS, Sample
from benchmarks.tables import report

WORK = FOLDER / "work"


def main() -> None:
    """Measures, unless a stored run is given, and prints."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that no server is left behind
    if options.before:
        _save(options.workloads)
        workloads = [one for one in options.workloads if one in two_trees.REQUESTS]
        two_trees.main(options.before, WORK, workloads, dict(options.variable))
        return
    if not options.stored:
        _run(options)
    run = json.loads((options.stored or options.output).read_text())
    if options.write:
        _write(run)
    sys.stdout.write(report(run))


def _options() -> argparse.Namespace:
    whole = plan(0)
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--workloads", type=_names(whole), default=list(whole), help=", ".join(whole))
    peers = list(dict.fromkeys(name for one in whole.values() for name in one))
    parser.add_argument("--peers", type=_names(peers), default=peers, help=", ".join(peers))
    parser.add_argument("--rounds", type=int, default=3, help="in each, every server is started once a workload (3)")
    parser.add_argument("--seconds", type=float, default=4, help="of load in each cell (4)")
    parser.add_argument("--documents", type=int, default=10_000, help="that churn posts, once (10,000)")
    parser.add_argument("--output", type=Path, default=FOLDER / "result.json", help="where figures are stored")
    parser.add_argument("--from", dest="stored", type=Path, help="prints stored figures, measures nothing")
    parser.add_argument(
        "--write", action="store_true", help=f"updates {figures.FIGURES}, {figures.DOCUMENT} and {figures.CHARTS}/"
    )
    parser.add_argument("--before", type=Path, help="another tree, installed: compares its Layerscope with this one's")
    parser.add_argument(
        "--variable",
        type=lambda text: tuple(text.split("=", 1)),
        action="append",
        default=[],
        help="NAME=VALUE in the environment of this tree's servers, with --before: what a setting costs",
    )
    return parser.parse_args()


def _write(run: Mapping[str, Any]) -> None:
    """Update the repository's files."""
    try:
        figures.write(run, ROOT, plan(0))
    except figures.Incomplete as error:
        sys.exit(str(error))


def _names(known: Iterable[str]) -> Any:
    """A reader of names separated by commas."""

    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := set(given) - set(known):
            raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(known)}")
        return given

    return names


def _run(options: argparse.Namespace) -> None:
    """Every round; what is measured is stored after each."""
    _save(options.workloads)
    run: dict[str, Any] = {"machine": machine(), "rounds": []}
    for number in range(options.rounds):
        run["rounds"].append(_round(options, number))
        options.output.write_text(json.dumps(run, indent=1))


def _save(workloads: Iterable[str]) -> None:
    """The networks and inputs of the workloads."""
    saved = [workload for workload in workloads if workload in WORKLOADS]
    subprocess.run([sys.executable, "-m", "benchmarks.networks", str(WORK), *saved], check=True)


def _round(options: argparse.Namespace, number: int) -> dict[str, Any]:
    """Every server on every workload, one after the other."""
    measurements = plan(options.documents)
    return {
        workload: {
            name: _attempt(f"round {number + 1}: {workload}, {name}", measurement, workload, options.seconds)
            for name, measurement in measurements[workload].items()
            if name in options.peers
        }
        for workload in options.workloads
        if workload not in ONCE or number == 0
    }


def _attempt(title: str, measurement: Measurement, workload: str, seconds: float) -> dict[str, Any]:
    """A record, or why there is none."""
    sys.stderr.write(f"{title}\n")
    try:
        return measurement(Sample(WORK / workload), seconds)
    except Exception as error:  # one peer's trouble is a row of the table
        return {"failed": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()

"""`scripts/bench`: Layerscope beside its peers, and a table of what was measured."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.environments import interpreter
from benchmarks.measure import Record, measured
from benchmarks.peers import PEERS
from benchmarks.samples import WORKLOADS, Sample
from benchmarks.tables import tables

FOLDER = Path(__file__).parent.parent / ".bench"


def main() -> None:
    """Measures, unless a stored run is given, and prints."""
    options = _options()
    if options.stored:
        rounds = json.loads(options.stored.read_text())["rounds"]
    else:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.networks", str(FOLDER / "work"), *options.workloads], check=True
        )
        rounds = [_round(options, number) for number in range(options.rounds)]
        options.output.write_text(json.dumps({"rounds": rounds}, indent=1))
    sys.stdout.write(tables(rounds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    names = lambda text: text.split(",")  # noqa: E731 (argparse shows its name)
    parser.add_argument("--workloads", type=names, default=list(WORKLOADS), help=",".join(WORKLOADS))
    parser.add_argument("--peers", type=names, default=list(PEERS), help=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3, help="each server is started once a round and workload")
    parser.add_argument("--seconds", type=float, default=4, help="of load in each cell")
    parser.add_argument("--output", type=Path, default=FOLDER / "result.json", help="where the figures are stored")
    parser.add_argument("--from", dest="stored", type=Path, help="prints the tables of stored figures")
    return parser.parse_args()


def _round(options: argparse.Namespace, number: int) -> Record:
    """Every server on every workload, one after the other."""
    return {
        workload: {
            peer: _attempt(peer, workload, options.seconds, number)
            for peer in options.peers
            if workload in PEERS[peer].workloads
        }
        for workload in options.workloads
    }


def _attempt(peer: str, workload: str, seconds: float, number: int) -> Record:
    """A record, or why there is none."""
    sys.stderr.write(f"round {number + 1}: {workload}, {peer}\n")
    sample = Sample(FOLDER / "work" / workload)
    try:
        python = interpreter(PEERS[peer].environment, FOLDER / "environments")
        return measured(PEERS[peer], WORKLOADS[workload], sample, python, seconds)
    except Exception as error:  # one peer's trouble is a row of the table
        return {"failed": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()

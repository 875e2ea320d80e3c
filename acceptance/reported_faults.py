"""Faults reported by users: each request, its answer, and whether it is right; with an argument, of another checkout.

Prints a line for each row: the section and letter of the report, the request in words, the status with the number or
the beginning of the error, and `ok` or `FALLS SHORT`; exits with 1 if one falls short.
`scripts/acceptance reported_faults TREE` starts the service of the checkout TREE, with its own `.venv`; `--only 1A`
asks the rows whose kind begins so.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from acceptance import (
    fault_rows,
    faults_counts,
    faults_dtypes,
    faults_edge,
    faults_files,
    faults_forms,
    faults_habits,
    faults_models,
    faults_numbers,
    faults_start,
    faults_stores,
)
from acceptance.live_service import ROOT, running

PARTS = (faults_models, faults_files, faults_forms, faults_habits, faults_dtypes, faults_numbers, faults_counts,
         faults_edge, faults_start, faults_stores)  # fmt: skip


def rows() -> Iterator[fault_rows.Row]:
    """Yield all rows, by section; each part computes with Keras what it compares with."""
    for part in PARTS:
        yield from part.rows()


def main() -> None:
    """Print the table; exit with 1 if a row falls short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", nargs="?", type=Path, default=ROOT, help="the checkout whose service is asked")
    parser.add_argument("--only", default="", help="the beginning of the kinds to ask")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    short, count = 0, 0
    with TemporaryDirectory() as folder, running(Path(folder) / "store", tree=options.tree.resolve()) as service:
        for row in rows():
            if row.kind.startswith(options.only):
                answer = row.answer(service)
                fits, count = row.right.fits(answer), count + 1
                short += not fits
                print(f"{row.kind:4} {row.request}: {answer.shown()}  {'ok' if fits else 'FALLS SHORT'}", flush=True)
    print(f"{count} rows, {short} fall short")
    raise SystemExit(short > 0)


if __name__ == "__main__":
    main()

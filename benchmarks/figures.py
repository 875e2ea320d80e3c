"""What the repository keeps of a run: figures, the end of docs/performance.md, and a chart of each workload."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.charts import Panel, panels
from benchmarks.drawing import svg
from benchmarks.tables import report

FIGURES = Path("benchmarks/figures.json")
DOCUMENT = Path("docs/performance.md")
CHARTS = Path("docs/charts")
HEADING = "\n# Figures\n"
"""Below it everything is replaced."""
DIGITS = 6
"""As many of a figure are kept; no table shows more."""


class Incomplete(Exception):
    """A run has not all that the files are to show."""


def write(run: Mapping[str, Any], root: Path, workloads: Iterable[str]) -> None:
    """Replace the files in a tree.

    Raises:
        Incomplete: a workload was not measured; the figures that the files have of it would be lost.
    """
    if missing := [name for name in workloads if name not in run["rounds"][0]]:
        raise Incomplete(f"Nothing was written: expected every workload, {', '.join(missing)} not measured")
    wanted = files(run, (root / DOCUMENT).read_text(encoding="utf-8"))
    for path in _charts(root) - wanted.keys():
        (root / path).unlink()
    for path, text in wanted.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def stale(root: Path) -> list[Path]:
    """Return the files of a tree that are not what its figures give."""
    stored, document = ((root / path).read_text(encoding="utf-8") for path in (FIGURES, DOCUMENT))
    wanted = files(json.loads(stored), document)
    present = {path: (root / path).read_text(encoding="utf-8") for path in {FIGURES, DOCUMENT, *_charts(root)}}
    return sorted(path for path in present | wanted if present.get(path) != wanted.get(path))


def files(run: Mapping[str, Any], document: str) -> dict[Path, str]:
    """Return texts by path: figures, the document with the tables of these, and charts.

    Raises:
        ValueError: the document has no part that is replaced.
    """
    prose, heading, _ = document.partition(HEADING)
    if not heading:
        raise ValueError(f"{DOCUMENT} has no line {HEADING.strip()!r}; the figures are written below it")
    kept = _condensed(run)
    drawn = {name: found for name in kept["rounds"][0] if (found := panels(name, kept["rounds"]))}
    captions = {name: _caption(name, found) for name, found in drawn.items()}
    pictures = {name: f"![{caption}]({CHARTS.name}/{name}.svg)" for name, caption in captions.items()}
    charts = {CHARTS / f"{name}.svg": svg(captions[name], found) for name, found in drawn.items()}
    return {FIGURES: _lines(kept), DOCUMENT: f"{prose}{heading}\n{report(kept, pictures)}", **charts}


def _charts(root: Path) -> set[Path]:
    return {path.relative_to(root) for path in (root / CHARTS).glob("*.svg")}


def _caption(workload: str, drawn: list[Panel]) -> str:
    """What is read where the picture is not seen."""
    return f"Chart of {workload}. {'. '.join(panel.title for panel in drawn)}."


def _condensed(value: Any) -> Any:
    """Figures to six digits; of the reason for a failure the first line, which the table has."""
    if isinstance(value, Mapping):
        return {key: _condensed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_condensed(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value.partition("\n")[0] if isinstance(value, str) else value


def _lines(run: Mapping[str, Any]) -> str:
    """JSON with a line for each server in a round."""
    rounds = ",\n".join(f"{{\n{_round(one)}\n}}" for one in run["rounds"])
    return f'{{"machine": {json.dumps(run["machine"])},\n"rounds": [{rounds}]}}\n'


def _round(one: Mapping[str, Mapping[str, Any]]) -> str:
    return ",\n".join(f' "{workload}": {{\n{_servers(servers)}}}' for workload, servers in one.items())


def _servers(servers: Mapping[str, Any]) -> str:
    return ",\n".join(f'  "{name}": {json.dumps(record)}' for name, record in servers.items())

"""Files of the repository that are written of stored figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import CHARTS, DOCUMENT, FIGURES, Incomplete, files, stale, write

PROSE = "# What a request costs\n\nWords.\n\n# Figures\n\nOf another run.\n"


@pytest.fixture
def run() -> dict[str, Any]:
    """Two rounds of tiny; churn was measured once, and one server not at all."""
    cells = [
        {"json 16": {"requests_per_second": rate, "p50_ms": 1.25, "p99_ms": 2.5, "requests": 100, "errors": 0}}
        for rate in (850.0, 950.0)
    ]
    failed = {"failed": "NotStarted: ended\nTraceback"}
    rounds: list[dict[str, Any]] = [{"tiny": {"layerscope": {"cells": one}, "triton": failed}} for one in cells]
    memory = {"engine_mib": {"0": 500.123456789, "2000": 900.0}, "budget_mib": 1024.0}
    rounds[0]["churn"] = {"layerscope": {"cells": {"0 to 2,000": cells[0]["json 16"]}, **memory}}
    return {"machine": {"processor": "one", "cores": "2"}, "rounds": rounds}


@pytest.fixture
def tree(tmp_path: Path, run: dict[str, Any]) -> Path:
    """A repository with the figures of a run."""
    (tmp_path / DOCUMENT).parent.mkdir()
    (tmp_path / DOCUMENT).write_text(PROSE)
    (tmp_path / FIGURES).parent.mkdir()
    write(run, tmp_path, ["tiny", "churn"])
    return tmp_path


def test_written_files_are_current(tree: Path) -> None:
    """Until a figure, a word below the heading or a chart is another; words above it are nobody's but the author's."""
    assert stale(tree) == []
    document = (tree / DOCUMENT).read_text()
    (tree / DOCUMENT).write_text(document.replace("Words.", "Other words."))
    assert stale(tree) == []
    (tree / DOCUMENT).write_text(document.replace("| 900.0 |", "| 901.0 |"))
    (tree / CHARTS / "mnv2.svg").write_text("of a workload that is gone")
    assert stale(tree) == [CHARTS / "mnv2.svg", DOCUMENT]
    (tree / FIGURES).write_text((tree / FIGURES).read_text().replace("850.0", "860.0"))
    (tree / CHARTS / "churn.svg").unlink()
    assert stale(tree) == [CHARTS / name for name in ("churn.svg", "mnv2.svg", "tiny.svg")] + [DOCUMENT]
    write(json.loads((tree / FIGURES).read_text()), tree, ["tiny"])
    assert stale(tree) == []


def test_the_document_has_charts_above_tables(tree: Path) -> None:
    """What was above the heading stays, what was below it goes."""
    text = (tree / DOCUMENT).read_text()
    assert text.startswith(PROSE.removesuffix("Of another run.\n") + "processor one, cores 2; 2 rounds\n")
    picture = "![Chart of tiny. json, 16 connections: requests a second.](charts/tiny.svg)"
    assert f"## tiny\n\n{picture}\n\n|  | server | req/s |" in text
    assert "| json 16 | layerscope | 900.0 | 1.25 | 2.50 |  | 0 |  |" in text
    assert text.count("Of another run.") == 0


def test_stored_figures_have_six_digits(tree: Path, run: dict[str, Any]) -> None:
    """And of an error its first line; everything else is what was measured."""
    kept = json.loads((tree / FIGURES).read_text())
    assert kept["rounds"][0]["churn"]["layerscope"]["engine_mib"] == {"0": 500.123, "2000": 900.0}
    assert kept["rounds"][1]["tiny"]["triton"] == {"failed": "NotStarted: ended"}
    assert kept["rounds"][1]["tiny"]["layerscope"] == run["rounds"][1]["tiny"]["layerscope"]
    assert kept["machine"] == run["machine"]


def test_figures_are_not_lost(tree: Path, run: dict[str, Any]) -> None:
    """A run without a workload is refused before anything is written, and so is a document without the heading."""
    before = (tree / DOCUMENT).read_text()
    with pytest.raises(Incomplete, match="hd, cold not measured"):
        write(run, tree, ["tiny", "hd", "cold"])
    assert (tree / DOCUMENT).read_text() == before
    with pytest.raises(ValueError, match="no line '# Figures'"):
        files(run, "# What a request costs\n")

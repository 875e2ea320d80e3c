"""Charts of stored figures, with hand-computed positions."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.charts import Bar, Line, Panel, panels
from benchmarks.drawing import COLOURS, DARK, INK, ROW, WIDTH, svg

SPACE = "{http://www.w3.org/2000/svg}"
TINY = {
    "layerscope": [900.0, 1000.0, 800.0],
    "floor": [500.0, 700.0, 600.0],
    "triton": [300.0, 250.0, 200.0],
    "mlserver": [200.0, 350.0, 100.0],
    "sending alone": [3000.0, 3000.0, 3000.0],
}
"""Requests a second over 16 connections, of three rounds."""


def cell(rate: float, errors: int = 0) -> dict[str, float]:
    """Build figures in which p50 is 1,000 / rate."""
    return {"requests_per_second": rate, "p50_ms": 1000 / rate, "p99_ms": 1, "requests": 100, "errors": errors}


def tiny(number: int) -> dict[str, Any]:
    """Build the servers of one round."""
    servers = {name: {"cells": {"json 16": cell(rates[number])}} for name, rates in TINY.items()}
    return {**servers, "litserve": {"failed": "NotStarted: ended\nTraceback"}}


@pytest.fixture
def run() -> dict[str, Any]:
    """Three rounds of two workloads, the second of which was measured once."""
    rounds: list[dict[str, Any]] = [{"tiny": tiny(number)} for number in range(3)]
    memory = {"engine_mib": {"0": 500.123456789, "2000": 900.0}, "budget_mib": 1024.0}
    rounds[0]["churn"] = {"layerscope": {"cells": {"0 to 2,000": cell(50)}, **memory}}
    return {"machine": {"processor": "one", "cores": "2"}, "rounds": rounds}


def parsed(panels: list[Panel]) -> ElementTree.Element:
    """Draw and read again."""
    return ElementTree.fromstring(svg("A title", panels))  # noqa: S314 (drawn here)


def bars(root: ElementTree.Element) -> dict[str, tuple[float, str]]:
    """Read the width and colour of each bar, by what is said of it."""
    found = {}
    for node in root.iter(f"{SPACE}path"):
        if node.get("aria-roledescription") == "bar":
            width = re.match(r"M[\d.]+,[\d.]+h([\d.]+)v", node.attrib["d"])
            assert width
            found[node.attrib["aria-label"]] = (float(width[1]), node.attrib["fill"])
    return found


def place(node: ElementTree.Element) -> tuple[float, float]:
    """Read where a mark was moved to."""
    found = re.fullmatch(r"translate\(([\d.]+),([\d.]+)\)", node.attrib["transform"])
    assert found
    return float(found[1]), float(found[2])


def whiskers(root: ElementTree.Element) -> list[float]:
    """Read the ends of whiskers, from the left in each row."""
    lines = [node for node in root.iter(f"{SPACE}line") if node.get("stroke") == INK]
    return [end for line in lines for end in (place(line)[0], place(line)[0] + float(line.attrib["x2"]))]


def test_panels_are_of_what_goals_compare(run: dict[str, Any]) -> None:
    """Of the cells of tiny one was measured; who failed and what serves nobody is left out."""
    (panel,) = panels("tiny", run["rounds"])
    assert panel.title == "json, 16 connections: requests a second"
    assert [(bar.name, bar.kind, bar.values) for bar in panel.bars] == [
        ("layerscope", "own", TINY["layerscope"]),
        ("floor", "reference", TINY["floor"]),
        ("triton", "peer", TINY["triton"]),
        ("mlserver", "peer", TINY["mlserver"]),
    ]


def test_goals_lie_at_multiples_of_the_median(run: dict[str, Any]) -> None:
    """The best peers' rates are 300, 350 and 200: 3 times their median is 900, as is 1.5 times the floor's."""
    (panel,) = panels("tiny", run["rounds"])
    assert panel.lines == [Line("goal: ≥ 3 × the best peer", 900), Line("goal: ≥ 1.5 × floor", 900)]


def test_bars_of_refused_requests_are_left_out(run: dict[str, Any]) -> None:
    """With more than one error in a hundred requests in a round, the other rounds count."""
    run["rounds"][0]["tiny"]["triton"]["cells"]["json 16"]["errors"] = 2
    for one in run["rounds"]:
        one["tiny"]["mlserver"]["cells"]["json 16"]["errors"] = 100
    (panel,) = panels("tiny", run["rounds"])
    assert {bar.name: bar.values for bar in panel.bars if bar.kind == "peer"} == {"triton": [250, 200]}


def test_parts_are_compared_in_milliseconds_alone() -> None:
    """Computing takes 20 ms and sending 60: the goal is 1.25 times 80."""
    rates = {"layerscope": 10, "triton": 5, "compute alone": 50, "sending alone": 1000 / 60}
    one = {name: {"cells": {"binary 1": cell(rate)}} for name, rate in rates.items()}
    seconds, milliseconds = panels("mnv2all", [{"mnv2all": one}])
    assert [bar.name for bar in seconds.bars] == ["layerscope", "triton"]
    assert [bar.name for bar in milliseconds.bars] == list(rates)
    assert milliseconds.lines == [Line("goal: ≤ 1.25 × computing + sending", pytest.approx(100))]


def test_growth_has_a_panel_for_each_thing_that_grows() -> None:
    """Layers in milliseconds, clients in requests a second; what an engine does without HTTP is not among them."""
    cells = {"layers 1, 8 channels": cell(500), "layers 4, 8 channels": cell(250), "clients 16, six layers": cell(2000)}
    one = {"layerscope": {"cells": cells}, "batching": {"cells": {"layers 16": cell(1)}}}
    assert panels("growth", [{"growth": one}]) == [
        Panel(
            "layers: milliseconds, median",
            [Bar("layers 1, 8 channels", "own", [2]), Bar("layers 4, 8 channels", "own", [4])],
        ),
        Panel("clients: requests a second", [Bar("clients 16, six layers", "own", [2000])]),
    ]


def test_churn_shows_memory_below_its_bound(run: dict[str, Any]) -> None:
    """From 500 MiB, with a budget of 1,024 and 64 over it."""
    (panel,) = panels("churn", run["rounds"])
    assert [(bar.name, bar.values) for bar in panel.bars] == [
        ("0 documents", [500.123456789]),
        ("2,000 documents", [900]),
    ]
    assert panel.lines == [Line("goal: ≤ start + budget + 64", pytest.approx(1588.12, abs=0.01))]


def test_bars_are_as_long_as_medians(run: dict[str, Any]) -> None:
    """All in proportion, Layerscope's in a colour of its own, each with its name and figures for a screen reader."""
    drawn = bars(parsed(panels("tiny", run["rounds"])))
    assert list(drawn) == [
        "layerscope: 900, from 800 to 1,000",
        "floor: 600, from 500 to 700",
        "triton: 250, from 200 to 300",
        "mlserver: 200, from 100 to 350",
    ]
    widths = [width for width, _ in drawn.values()]
    assert widths == pytest.approx([WIDTH / 1000 * middle for middle in (900, 600, 250, 200)])
    assert [colour for _, colour in drawn.values()] == [COLOURS[kind] for kind in ("own", "reference", "peer", "peer")]


def test_whiskers_go_from_the_lowest_round_to_the_highest(run: dict[str, Any]) -> None:
    """Of what was measured once there are none."""
    (panel,) = panels("tiny", run["rounds"])
    assert whiskers(parsed([panel])) == pytest.approx(
        [WIDTH / 1000 * end for values in list(TINY.values())[:4] for end in (min(values), max(values))]
    )
    assert whiskers(parsed(panels("churn", run["rounds"]))) == []


def test_goals_are_lines_through_the_bars() -> None:
    """From the middle of their row, the first, to the bottom of the panel."""
    panel = Panel("seconds", [Bar("one", "own", [3.0]), Bar("two", "peer", [4.0])], [Line("goal: ≤ 2", 2.0)])
    root = parsed([panel])
    assert list(bars(root)) == ["one: 3.00", "two: 4.00"]
    (line,) = [node for node in root.iter(f"{SPACE}line") if node.get("stroke") == COLOURS["goal"]]
    assert line.attrib["aria-label"] == "goal: ≤ 2: 2.00"
    assert place(line) == pytest.approx((WIDTH / 2, ROW / 2))
    assert (float(line.attrib["x2"]), float(line.attrib["y2"])) == pytest.approx((0, 3 * ROW - ROW / 2))


def test_names_and_figures_are_text(run: dict[str, Any]) -> None:
    """Below a title, which is the first thing in the file."""
    root = parsed(panels("tiny", run["rounds"]))
    assert root[0].tag == f"{SPACE}title"
    assert root[0].text == "A title"
    texts = ["".join(node.itertext()) for node in root.iter(f"{SPACE}text")]
    assert {"layerscope", "mlserver", "900", "250", "json, 16 connections: requests a second"} <= set(texts)


def test_every_colour_has_one_for_dark_pages(run: dict[str, Any]) -> None:
    """What is drawn in a colour that a dark page's style does not replace would not be seen on it."""
    root = parsed([panel for name in ("tiny", "churn") for panel in panels(name, run["rounds"])])
    used = {(of, node.get(of)) for node in root.iter() for of in ("fill", "stroke")}
    drawn = {(of, colour) for of, colour in used if colour not in {None, "none", "transparent"}}
    style = root.findtext(f"{SPACE}style") or ""
    assert style.startswith("@media (prefers-color-scheme:dark){")
    assert {colour for _, colour in drawn} == set(DARK)
    assert {(of, colour) for of, colour in drawn if f'[{of}="{colour}"]{{{of}:{DARK[colour or ""]}}}' in style} == drawn


def test_equal_figures_give_equal_bytes(run: dict[str, Any]) -> None:
    """Also the second time in a process, for which Vega has counters."""
    drawn = panels("tiny", run["rounds"])
    assert svg("tiny", drawn) == svg("tiny", drawn)


def test_a_title_may_have_any_character() -> None:
    """Those of markup as well."""
    panel = Panel("a < b & c", [Bar('<"one"&>', "own", [1.0])])
    root = ElementTree.fromstring(svg("1 < 2 & 3", [panel]))  # noqa: S314 (drawn here)
    assert root[0].text == "1 < 2 & 3"
    assert list(bars(root)) == ['<"one"&>: 1.00']

"""A chart as SVG, drawn by Vega: text is text, and colours are those of a light page or of a dark one."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

import vl_convert

from benchmarks.charts import Bar, Line, Panel

Node = dict[str, Any]
INK, QUIET, HAIR = "#16181c", "#5a606b", "#d8d8d4"
COLOURS = {"own": "#1652b8", "peer": "#8b909a", "reference": "#c3c7ce", "goal": "#b3261e"}
DARK = {
    INK: "#e7e9ec",
    QUIET: "#9ba2ad",
    HAIR: "#3a3f46",
    COLOURS["own"]: "#6f9ff0",
    COLOURS["peer"]: "#7b828d",
    COLOURS["reference"]: "#4a505a",
    COLOURS["goal"]: "#ff9d94",
}
"""By the colour on a light page."""
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Nothing is placed by the width of a text: with whatever fonts, a machine writes the same bytes."""
WIDTH, ROW, NAMES, FIGURES = 440, 20, 240, 50
"""Pixels: of the axis, of a row, of the names on its left, and of the figures on its right."""
AXIS = {"labelColor": INK, "labelFontSize": 12, "domain": False, "ticks": False, "title": None}
SAID = {"field": "said", "type": "nominal"}
"""To those who do not see it."""


def svg(title: str, panels: Sequence[Panel]) -> str:
    """One panel below the other; equal figures give equal bytes."""
    config = {"font": FONT, "view": {"stroke": None}, "concat": {"spacing": 28}}
    whole = {"background": None, "config": config, "vconcat": [_panel(panel) for panel in panels]}
    head, rest = vl_convert.vegalite_to_svg(whole).split(">", 1)
    return f"{head}><title>{escape(title)}</title><style>{_dark()}</style>{rest}\n"


def _dark() -> str:
    """A style sheet, which attributes give way to."""
    rules = (f'[{of}="{light}"]{{{of}:{dark}}}' for light, dark in DARK.items() for of in ("fill", "stroke"))
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"


def _panel(panel: Panel) -> Node:
    """Rows of goals, then of bars; a goal's line goes down through the bars."""
    rows = [*map(_goal, panel.lines), *map(_row, panel.bars)]
    longest = max(row["highest"] for row in rows)
    return {
        "title": {"text": panel.title, "anchor": "start", "frame": "group", "color": INK, "fontSize": 13, "dx": -NAMES},
        "data": {"values": rows},
        "width": WIDTH,
        "height": ROW * len(rows),
        "encoding": {"y": _names([row["name"] for row in rows]), "x": _axis(longest)},
        "layer": [_bars(), _whiskers(), _goals(), _figures()],
    }


def _row(bar: Bar) -> Node:
    middle, lowest, highest = median(bar.values), min(bar.values), max(bar.values)
    said = f"{bar.name}: {_number(middle)}"
    if len(bar.values) > 1:
        said += f", from {_number(lowest)} to {_number(highest)}"
    return _node(bar.name, bar.kind, middle, said) | {"lowest": lowest, "highest": highest}


def _goal(line: Line) -> Node:
    return _node(line.name, "goal", line.value, f"{line.name}: {_number(line.value)}") | {"highest": line.value}


def _node(name: str, kind: str, value: float, said: str) -> Node:
    return {"name": name, "kind": kind, "value": value, "text": _number(value), "said": said}


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def _names(names: Sequence[str]) -> Node:
    """As they come, in a column of fixed width."""
    axis = AXIS | {"minExtent": NAMES, "maxExtent": NAMES, "labelLimit": NAMES - 10, "labelPadding": 6}
    return {"field": "name", "type": "nominal", "scale": {"domain": names}, "axis": axis}


def _axis(longest: float) -> Node:
    axis = AXIS | {"labelColor": QUIET, "labelFontSize": 11, "gridColor": HAIR, "tickCount": 5}
    scale = {"domain": [0, longest], "nice": False}
    return {"field": "value", "type": "quantitative", "axis": axis, "scale": scale}


def _bars() -> Node:
    colours = {"domain": list(COLOURS), "range": list(COLOURS.values())}
    colour = {"field": "kind", "type": "nominal", "scale": colours, "legend": None}
    mark = {"type": "bar", "height": {"band": 0.7}}
    return {"transform": [_where("!=")], "mark": mark, "encoding": {"color": colour, "description": SAID}}


def _whiskers() -> Node:
    """From the lowest round to the highest, of what was measured more than once."""
    several = {"filter": "isValid(datum.lowest) && datum.lowest < datum.highest"}
    ends = {"x": {"field": "lowest", "type": "quantitative"}, "x2": {"field": "highest"}}
    line = {"mark": _hidden("rule", color=INK), "encoding": ends}
    ticks = [
        {"mark": _hidden("tick", color=INK, size=7, thickness=1), "encoding": {"x": ends["x"] | {"field": field}}}
        for field in ("lowest", "highest")
    ]
    return {"transform": [several], "layer": [line, *ticks]}


def _goals() -> Node:
    mark = {"type": "rule", "color": COLOURS["goal"], "strokeDash": [4, 3]}
    return {"transform": [_where("==")], "mark": mark, "encoding": {"y2": {"value": "height"}, "description": SAID}}


def _figures() -> Node:
    """In a column, which no line crosses."""
    mark = _hidden("text", align="right", color=INK, fontSize=11)
    return {"mark": mark, "encoding": {"x": {"value": WIDTH + FIGURES}, "text": {"field": "text", "type": "nominal"}}}


def _hidden(kind: str, **properties: Any) -> Node:
    """What says no more than its bar or goal."""
    return {"type": kind, "aria": False, **properties}


def _where(comparison: str) -> Node:
    return {"filter": f"datum.kind {comparison} 'goal'"}

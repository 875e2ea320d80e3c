"""What a notebook shows of a reply: tables with pictures and bars. Every text is escaped; colours only repeat words."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape
from math import isqrt, log10
from typing import Any

from layerscope_client.failures import LayerscopeError

OPEN_LAYERS = 12
"""Layers that are shown with pictures; others are folded."""
DRAWN_BYTES = 4 << 20
"""Larger tensors are not drawn unasked."""
DRAWN_PIXELS = 256
"""Smaller pictures are enlarged about to this width."""
STATS = ("min", "max", "mean", "std", "zeros", "nan", "inf")
STYLE = (
    "<style>.lsc td,.lsc th{text-align:left!important;vertical-align:top;padding:2px 10px 2px 0}"
    ".lsc .n{text-align:right!important;font-variant-numeric:tabular-nums}"
    ".lsc img{max-width:420px;max-height:260px;image-rendering:pixelated;border:1px solid #888}"
    ".lsc .bar{display:inline-block;height:.8em;background:#777;min-width:1px}"
    ".lsc summary{cursor:pointer}</style>"
)
Row = Sequence[str]


def text(value: Any) -> str:
    """Return a value as escaped text: floats in four digits, null as a dash."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if hasattr(value, "keys"):
        return ", ".join(f"{escape(str(key))} {text(item)}" for key, item in dict(value).items())
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    return f"{value:,}" if type(value) is int else escape(str(value))


def size(lengths: Sequence[int | None] | None) -> str:
    """Return lengths along axes, of which those that are free are question marks."""
    return escape(" × ".join("?" if length is None else str(length) for length in lengths or ()))


def table(heads: Iterable[str], rows: Iterable[Row]) -> str:
    """Return a table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def folded(heads: Sequence[str], rows: Sequence[Row], label: str) -> str:
    """Return a table of the first rows, and the others folded below."""
    rest = rows[OPEN_LAYERS:]
    more = f"<details><summary>{len(rest)} more {label}</summary>{table(heads, rest)}</details>" if rest else ""
    return table(heads, rows[:OPEN_LAYERS]) + more


def page(title: str, *parts: str) -> str:
    """Return the HTML of one reply; the title is HTML already."""
    return f'{STYLE}<div class="lsc"><p>{title}</p>{"".join(parts)}</div>'


def run(report: Any, draw: Callable[..., bytes] | None = None) -> str:
    """Return a run: each layer's shape, statistics and picture."""
    rows = [
        (f"<b>{text(address)}</b><br>{text(layer.get('type'))}", size(layer.get("shape")), text(layer.get("dtype")),
         _figures(layer.get("stats")), _picture(report, address, draw if row < OPEN_LAYERS else None))
        for row, (address, layer) in enumerate(report.layers.items())
    ]  # fmt: skip
    timing, target = report.head.get("timing", {}), report.head.get("target")
    title = f"<b>{_name(report)}</b>: {_count(rows, 'layer')} in {text(timing.get('total_ms'))} ms"
    said = "".join(f"<p>{text(warning)}</p>" for warning in report.head.get("warnings", []))
    about = f"<p>of <b>{text(target.address)}</b>: {text(target.get('values'))}</p>" if target else ""
    return page(title, about, said, folded(("layer", "shape", "dtype", "statistics", "picture"), rows, "layers"))


def _count(rows: Sequence[Row], noun: str) -> str:
    return f"{len(rows)} {noun}{'' if len(rows) == 1 else 's'}"


def _name(report: Any) -> str:
    model = report.head.get("model", {})
    return text(model.get("name") or model.get("id"))


def _figures(stats: Any) -> str:
    """Return statistics; those of NaN and infinities only where there are any, in words."""
    known = {key: stats[key] for key in STATS if stats and key in stats}
    shown = {key: value for key, value in known.items() if key not in ("nan", "inf") or value}
    return "<br>".join(f"{key} {text(value)}" for key, value in shown.items())


def _picture(report: Any, address: str, draw: Callable[..., bytes] | None) -> str:
    array = report.get(address)
    if draw is None or array is None:
        return ""
    if array.nbytes > DRAWN_BYTES:
        return "too large to draw unasked: use picture()"
    try:
        upscale = max(1, min(8, DRAWN_PIXELS // (isqrt(array[:1].size) + 1)))
        data = base64.b64encode(draw(address, upscale=upscale)).decode()
    except LayerscopeError as error:  # (a notebook shows the numbers, whatever became of the picture)
        return text(f"no picture: {error}")
    return f'<img alt="{text(address)}" src="data:image/png;base64,{data}">'


def model(summary: Any) -> str:
    """Return a model: its layers with shapes, parameters and receptive fields, and the totals."""
    rows = [(f"<b>{text(address)}</b>", text(layer.get("type")), size(layer.get("shape")),
             text(layer.get("parameters")), _field(layer.get("receptive_field")))
            for address, layer in summary.layers.items()]  # fmt: skip
    totals = summary.head.get("totals", {})
    title = f"<b>{_name(summary)}</b>: {_count(rows, 'layer')}, {text(totals.get('parameters'))} parameters"
    notes = "".join(f"<p>{text(note.message)}</p>" for note in summary.head.get("notes", []))
    return page(title, notes, folded(("layer", "type", "shape", "parameters", "sees"), rows, "layers"))


def _field(field: Any) -> str:
    return f"{size(field.size)} of {text(field.input)}, every {size(field.stride)}" if field else ""


def comparison(report: Any) -> str:
    """Return a comparison: each pair's status, a bar of its relative difference, and where the runs diverge first."""
    rows = [(f"<b>{text(address)}</b>", text(layer.get("status")), _bar(layer.get("rel_l2")),
             text(layer.get("max_abs")), text(layer.get("cosine")))
            for address, layer in report.layers.items()]  # fmt: skip
    first = report.head.get("first_divergence")
    verdict = "equal" if report.head.get("equal") else "close" if report.head.get("close") else "different"
    where = f"; they first differ at <b>{text(first)}</b>" if first is not None else ""
    heads = ("layer", "status", "‖a − b‖ / ‖a‖, its logarithm", "max |a − b|", "cosine")
    return page(f"<b>{_name(report)}</b>: {verdict}{where}", folded(heads, rows, "layers"))


def _bar(difference: float | None) -> str:
    """Return the number and a bar of its logarithm, from 1e-8, where float32 ends, to 1."""
    if not difference:  # nothing, or nothing to say
        return text(difference)
    width = 15 * min(8.0, max(0.0, 8 + log10(difference)))
    return f'<span class="bar" style="width:{width:.0f}px"></span> {text(difference)}'


def diagnosis(report: Any) -> str:
    """Return a diagnosis: what was found, with severity, advice and evidence; how much was clear."""
    rows = [(text(one.severity), text(one.finding), f"<b>{text(one.address)}</b>", text(one.text),
             text(one.get("evidence"))) for one in report.found]  # fmt: skip
    others = [one.status for one in report.head.get("findings", []) if one.status != "found"]
    counts = ", ".join(f"{others.count(status)} {text(status)}" for status in sorted(set(others)))
    title = f"<b>{_name(report)}</b>: {len(rows)} found, {counts or 'nothing else looked at'}"
    return page(title, folded(("severity", "finding", "layer", "what to do", "evidence"), rows, "findings"))

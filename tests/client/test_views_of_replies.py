"""What a notebook shows of a reply, frames of pandas, and arrays of xarray with named axes."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from layerscope_client import AsyncLayerscope, Layerscope, Model, html
from layerscope_client.replies import Asked, Diagnosis, Report, RunReport, Summary
from PIL import Image

from tests.client.conftest import DIGIT, DOCUMENT

HOSTILE = '<script>alert("&")</script>'
DEEP = {"input": [4], "layers": [{"type": "ReLU"} for _ in range(15)]}
VOID = ("img", "br")


class Page(HTMLParser):
    """The tags of a page, which must be nested; its text and pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.pictures: list[bytes] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, and the bytes of a picture."""
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if source := dict(attrs).get("src"):
            self.pictures.append(base64.b64decode(source.partition("base64,")[2]))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def test_a_run_is_shown_with_its_pictures(model: Model) -> None:
    """The service's contact sheets, shapes and statistics of each layer."""
    run = model.activations([DIGIT, DIGIT], ["conv", "head"])
    page = Page(run._repr_html_())
    assert "2 × 26 × 26 × 4" in page.text
    assert f"max {run.layers['conv'].stats.max:.4g}" in page.text
    assert len(page.pictures) == 2
    drawn = run.picture("conv", slice="0:1", upscale=256 // 53)
    assert Image.open(io.BytesIO(page.pictures[0])) == Image.open(io.BytesIO(drawn))


def test_a_picture_is_drawn_as_it_is_asked_for(model: Model) -> None:
    """One channel, enlarged; with the range that the first and the last colour stand for."""
    run = model.activations(DIGIT, ["conv", "head"])
    picture = run.picture("conv", channel=2, upscale=3, cmap="viridis")
    assert Image.open(io.BytesIO(picture)).size == (78, 78)
    assert picture._repr_png_() == bytes(picture)
    low, high = map(float, picture.facts["range"].split(","))
    assert (low, high) == (run["conv"][..., 2].min(), run["conv"][..., 2].max())


def test_an_explanation_is_drawn_over_the_picture(model: Model) -> None:
    """From the run, with the options of pictures."""
    why = model.explain(DIGIT, "grad_cam")
    assert Image.open(io.BytesIO(why.picture("conv", overlay=True, upscale=2))).size == (56, 56)
    assert "of head:pre" in Page(why._repr_html_()).text


async def test_pictures_of_an_awaited_run(model: Model, als: AsyncLayerscope) -> None:
    """Are awaited; the run itself is shown without."""
    run = await als["client"].activations(DIGIT, "conv")
    assert await run.picture("conv") == model.activations(DIGIT, "conv").picture("conv")
    assert Page(run._repr_html_()).pictures == []


def test_random_runs_are_not_drawn(model: Model) -> None:
    """In training mode the picture would be of other numbers."""
    assert Page(model.activations(DIGIT, "conv", training=True)._repr_html_()).pictures == []


def test_a_run_is_shown_when_its_model_is_gone(ls: Layerscope) -> None:
    """The numbers, and why there is no picture."""
    run = ls.put("gone", {**DOCUMENT, "seed": 9}).activations(DIGIT, "conv")
    del ls["gone"]
    assert "no picture" in Page(run._repr_html_()).text


def test_the_thirteenth_layer_is_folded(ls: Layerscope) -> None:
    """Twelve are shown with pictures, the others in a list to open; in runs and models."""
    model = ls.put("deep", DEEP)
    run = Page(model.activations(np.ones((1, 4)))._repr_html_())
    assert (len(run.pictures), run.tags.count("details")) == (12, 1)
    assert "3 more layers" in run.text
    assert "3 more layers" in Page(model._repr_html_()).text


def test_a_model_is_shown_as_a_table(model: Model) -> None:
    """Of layers, parameters and receptive fields."""
    text = Page(model._repr_html_()).text
    assert "client: 4 layers, 27,106 parameters" in text
    assert "3 × 3 of input, every 1 × 1" in text


def test_a_comparison_is_shown_with_bars(model: Model) -> None:
    """Of relative differences, and where the runs diverge first."""
    shown = model.compare(DIGIT, {"training": True}, weights=True)._repr_html_()
    assert "different; they first differ at norm" in Page(shown).text
    assert re.search(r'class="bar" style="width:\d+px"', shown)
    assert "client: equal" in Page(model.compare(DIGIT, {})._repr_html_()).text


def test_a_diagnosis_is_shown_with_advice(model: Model) -> None:
    """What was found, and how much was not."""
    batch = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), np.uint8)
    text = Page(model.diagnose(batch)._repr_html_()).text
    assert "batch_norm_drift" in text
    assert "clear" in text


@pytest.mark.parametrize("show", [html.run, html.model, html.diagnosis, html.comparison])
def test_everything_is_escaped(show: Any) -> None:
    """Names, texts and figures of a service that is not to be trusted."""
    row = {"address": HOSTILE, "type": HOSTILE, "dtype": HOSTILE, "shape": [HOSTILE], "stats": {"min": HOSTILE},
           "status": HOSTILE, "rel_l2": 0.5, "max_abs": HOSTILE, "parameters": HOSTILE,
           "receptive_field": {"size": [HOSTILE], "input": HOSTILE, "stride": [HOSTILE]}}  # fmt: skip
    finding = {"address": HOSTILE, "status": "found", "severity": HOSTILE, "finding": HOSTILE, "text": HOSTILE,
               "evidence": {HOSTILE: [HOSTILE]}}  # fmt: skip
    facts = {"model": {"name": HOSTILE}, "layers": [row], "findings": [finding, {"status": HOSTILE}],
             "first_divergence": HOSTILE, "totals": {"parameters": HOSTILE}, "notes": [{"message": HOSTILE}],
             "timing": {"total_ms": HOSTILE}, "warnings": [{"warning": HOSTILE}],
             "target": {"address": HOSTILE, "values": [HOSTILE]}}  # fmt: skip
    kind = Diagnosis if show is html.diagnosis else Summary
    report = RunReport(facts, {}, Asked("activations", (), {})) if show is html.run else kind(facts)
    page = show(report)
    assert "<script" not in page
    assert HOSTILE in Page(page).text
    assert html.STYLE in page


def test_a_frame(model: Model) -> None:
    """A row for each layer, with its shape and statistics."""
    run = model.activations(DIGIT)
    table = run.table()
    assert list(table.index) == ["conv", "norm", "flat", "head"]
    assert table.loc["conv", "shape"] == (1, 26, 26, 4)
    assert table.loc["conv", "max"] == run["conv"].max()
    assert model.plan(2).table().loc["head", "parameters"] == 27050
    assert model.compare(DIGIT, {}).table().loc["conv", "snr_db"] == np.inf


def test_named_axes(model: Model) -> None:
    """As `reduce` names them, also of what a view leaves."""
    run = model.activations(DIGIT, ["conv", "norm", "head"], views={"reduce": {"norm": "max@h"}})
    assert run.xarray("conv").dims == ("n", "h", "w", "c")
    assert run.xarray("norm").dims == ("n", "w", "c")
    assert run.xarray("head").dims == ("n", "c")
    assert np.shares_memory(run.xarray("conv").values, run["conv"])


def test_special_numbers() -> None:
    """Figures that JSON has no numbers for are numbers; names are names."""
    facts = {"layers": [{"address": "NaN", "snr_db": "Infinity", "rel_l2": "NaN"}], "first_divergence": "NaN"}
    report = Report(facts)
    assert report.layers["NaN"].snr_db == float("inf")
    assert np.isnan(report.layers["NaN"].rel_l2)
    assert report.first_divergence == "NaN"

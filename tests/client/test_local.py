"""Services that the Python client starts on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from layerscope_client import errors, local
from PIL import Image

from tests.client.conftest import DIGIT, DOCUMENT


def test_a_service_for_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs networks with the settings that it is given; afterwards it is gone, and its models are where told."""
    monkeypatch.setenv("LAYERSCOPE_HOST", "::1")  # another address
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with local(data_dir=tmp_path / "models", max_pixels=1000) as ls:
        assert ls.put("mine", DOCUMENT).activations(DIGIT, "head")["head"].shape == (1, 10)
        with pytest.raises(errors.TooLarge):
            ls["mine"].activations(Image.new("L", (100, 100)))
        process = ls.process
    assert process.poll() is not None
    assert list((tmp_path / "models").iterdir())


def test_a_service_that_does_not_start() -> None:
    """Says why, with what it printed."""
    with pytest.raises(errors.NotStarted, match="ended as it started") as caught:
        local(engines="many")
    assert "LAYERSCOPE_ENGINES" in str(caught.value)


def test_a_service_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Says what to install, or to name the URL of another."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.NotStarted, match="pip install layerscope"):
        local()

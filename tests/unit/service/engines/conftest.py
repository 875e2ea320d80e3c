"""Fixture of engines that a test controls."""

from __future__ import annotations

import pytest

import service.engines.supervisor
from tests.unit.service.engines.manual_engine import Engine


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """The started processes."""
    monkeypatch.setattr(service.engines.supervisor, "EngineProcess", Engine)
    monkeypatch.setattr(service.engines.supervisor, "RESTART_SECONDS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(Engine, "failures", 0)
    monkeypatch.setattr(Engine, "made", [], raising=False)
    return Engine.made

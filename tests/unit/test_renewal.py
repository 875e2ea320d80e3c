"""When an engine has taken too much memory."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest

from service.engines.renewal import BESIDES_CACHE, LONGEST_PAUSE, LOOKS, PAUSE_SECONDS, Renewal, Verdict
from service.settings import GIB, MIB, Settings

START = 600 * MIB
MOST = START + GIB + BESIDES_CACHE
SETTINGS = Settings(cache_bytes="1GiB")


def verdicts(renewal: Renewal, readings: list[int], settings: Settings = SETTINGS, now: float = 0.0) -> list[str]:
    """Of looks a second apart."""
    return [renewal.look(settings, one, START, now + second).name for second, one in enumerate(readings)]


def test_an_engine_is_renewed_when_it_has_grown_for_good() -> None:
    """Over its start, its cache and an allowance; one request's memory for a while is not growth."""
    assert verdicts(Renewal(), [MOST] * 10) == ["STAYS"] * 10
    assert verdicts(Renewal(), [MOST + 1] * LOOKS) == ["STAYS"] * (LOOKS - 1) + ["RENEWED"]
    assert verdicts(Renewal(), [MOST + GIB, MOST + GIB, MOST + GIB, MOST] * 3) == ["STAYS"] * 12


def test_over_the_ceiling_an_engine_is_replaced_at_once() -> None:
    """Where there is a ceiling."""
    assert verdicts(Renewal(), [GIB, GIB + 1], Settings(engine_memory="1GiB")) == ["STAYS", "REPLACED"]
    assert verdicts(Renewal(), [GIB + 1], Settings(engine_memory="")) == ["STAYS"]
    assert Settings(engine_memory=0) == Settings()


def test_work_that_needs_more_does_not_renew_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """Pauses double, and each is told once; with quiet between they are short again."""
    renewal, now, renewed = Renewal(), 0.0, []
    with caplog.at_level(logging.WARNING, "layerscope.engines"):
        while now < 10 * LONGEST_PAUSE:
            if renewal.look(SETTINGS, MOST + 1, START, now) is Verdict.RENEWED:
                renewed.append(now)
            now += 5
    pauses = [after - before for before, after in pairwise(renewed)]
    assert pauses[0] <= 2 * PAUSE_SECONDS
    assert all(2 * first >= second for first, second in pairwise(pauses))
    assert max(pauses) <= LONGEST_PAUSE + 5 * LOOKS
    assert len(renewed) < 20
    assert len(renewed) - 1 <= len(caplog.records) <= len(renewed)
    later = now + 3 * LONGEST_PAUSE
    assert verdicts(renewal, [MOST + 1] * LOOKS, now=later).count("RENEWED") == 1
    assert verdicts(renewal, [MOST + 1] * LOOKS, now=later + PAUSE_SECONDS + 1).count("RENEWED") == 1

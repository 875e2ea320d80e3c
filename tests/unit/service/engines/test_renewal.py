"""Renewal of engines that use too much memory."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest

from service.engines.renewal import (
    HEADROOM_BYTES,
    LONGEST_PAUSE,
    PAUSE_SECONDS,
    SAMPLE_SECONDS,
    SAMPLES,
    Renewal,
    Verdict,
)
from service.settings import GIB, MIB, Settings

START = 600 * MIB
MOST = START + GIB + HEADROOM_BYTES
SETTINGS = Settings(cache_bytes="1GiB")


def verdicts(renewal: Renewal, readings: list[int], settings: Settings = SETTINGS, now: float = 0.0) -> list[str]:
    """Return the verdicts of samples a second apart."""
    return [renewal.sample(settings, one, START, now + second).name for second, one in enumerate(readings)]


def test_an_engine_is_renewed_when_it_has_grown_permanently() -> None:
    """Beyond its start, its cache and a headroom; the temporary memory of a request is not growth."""
    assert verdicts(Renewal(), [MOST] * 10) == ["KEEP"] * 10
    assert verdicts(Renewal(), [MOST + 1] * SAMPLES) == ["KEEP"] * (SAMPLES - 1) + ["RENEW"]
    assert verdicts(Renewal(), [MOST + GIB, MOST + GIB, MOST + GIB, MOST] * 3) == ["KEEP"] * 12


def test_an_engine_over_the_ceiling_is_replaced_at_once() -> None:
    """If a ceiling is configured."""
    assert verdicts(Renewal(), [GIB, GIB + 1], Settings(engine_memory="1GiB")) == ["KEEP", "REPLACE"]
    assert verdicts(Renewal(), [GIB + 1], Settings(engine_memory="")) == ["KEEP"]
    assert Settings(engine_memory=0) == Settings()


def test_engines_that_grow_slowly_are_renewed_each_time() -> None:
    """Many networks one after the other: no pause is longer than the growth, however often it happens."""
    renewal, begun, lives = Renewal(), 0.0, []
    for second in range(600):
        grown = int(MOST * (second - begun) / (PAUSE_SECONDS + 5))
        if renewal.sample(SETTINGS, grown, START, second) is Verdict.RENEW:
            lives.append(second - begun)
            begun = second
            renewal.reset()
    assert set(lives) == {PAUSE_SECONDS + 5 + SAMPLES}


def test_pauses_between_renewals_double(caplog: pytest.LogCaptureFixture) -> None:
    """Each renewal is logged once; after a quiet period the pauses are short again."""
    renewal, now, renewed = Renewal(), 0.0, []
    with caplog.at_level(logging.WARNING, "layerscope.engines"):
        while now < 10 * LONGEST_PAUSE:
            if renewal.sample(SETTINGS, MOST + 1, START, now) is Verdict.RENEW:
                renewed.append(now)
            now += SAMPLE_SECONDS
    pauses = [after - before for before, after in pairwise(renewed)]
    assert pauses[0] <= 2 * PAUSE_SECONDS
    assert all(2 * first >= second for first, second in pairwise(pauses))
    assert max(pauses) <= LONGEST_PAUSE + SAMPLE_SECONDS * SAMPLES
    assert len(renewed) < 20
    assert len(renewed) - 1 <= len(caplog.records) <= len(renewed)
    later = now + 3 * LONGEST_PAUSE
    assert verdicts(renewal, [MOST + 1] * SAMPLES, now=later).count("RENEW") == 1
    assert verdicts(renewal, [MOST + 1] * SAMPLES, now=later + PAUSE_SECONDS + 1).count("RENEW") == 1

"""The cache of built models: bounded by bytes, and never without the one in use."""

from __future__ import annotations

import pytest

from models.engine.build import PROBE_BYTES, BuiltModel, build
from models.engine.cache import ModelCache
from models.networks.expansion import expand
from models.reading.parse import parse_document

ENOUGH = 10**12


def model(units: int) -> BuiltModel:
    """A built model of 4·units weights, in float32."""
    network = expand(parse_document({"input": [3], "layers": [{"type": "Dense", "units": units}]}))
    return build(network, ENOUGH)


def never() -> BuiltModel:
    """What must not be asked for."""
    raise AssertionError("the model was there")


def test_a_cached_model_is_not_built_again() -> None:
    """The same object comes back, and the caller is told."""
    cache = ModelCache(ENOUGH)
    first, found = cache.get("a", lambda: model(1))
    assert not found
    assert cache.get("a", never) == (first, True)
    assert len(cache) == 1


def test_a_model_weighs_its_weights_and_its_functions() -> None:
    """One function is counted from the start: it is about to be compiled."""
    built = model(1000)
    assert built.nbytes == 16_000 + PROBE_BYTES
    for outputs in (["dense"], ["input"]):
        built.probe(outputs, training=False, updates=False)
    assert built.nbytes == 16_000 + 2 * PROBE_BYTES


def test_the_cache_evicts_by_bytes_what_was_used_longest_ago() -> None:
    """Room for two: the third takes the place of the one that nobody asked for since."""
    cache = ModelCache(2 * (PROBE_BYTES + 16))
    for key in "ab":
        cache.get(key, lambda: model(1))
    cache.get("a", never)
    cache.get("c", lambda: model(1))
    assert cache.nbytes == cache.max_bytes
    assert [cache.get(key, lambda: model(1))[1] for key in "acb"] == [True, True, False]


def test_a_large_model_takes_the_place_of_several() -> None:
    """Bytes count, not models."""
    cache = ModelCache(4 * PROBE_BYTES + 100)
    for key in "abc":
        cache.get(key, lambda: model(1))
    cache.get("large", lambda: model(PROBE_BYTES // 8))
    assert len(cache) == 2
    assert cache.nbytes <= cache.max_bytes


def test_the_model_in_use_is_never_evicted() -> None:
    """However small the cache."""
    cache = ModelCache(1)
    built, _ = cache.get("a", lambda: model(1))
    cache.trim()
    assert cache.get("a", never) == (built, True)


def test_functions_that_are_compiled_later_are_counted_at_the_next_trim() -> None:
    """A model grows while it is used."""
    cache = ModelCache(3 * PROBE_BYTES)
    cache.get("a", lambda: model(1))
    built, _ = cache.get("b", lambda: model(1))
    for outputs in (["dense"], ["input"]):
        built.probe(outputs, training=False, updates=False)
    cache.trim()
    assert len(cache) == 1
    assert cache.get("b", never)[0] is built


def test_a_model_that_cannot_be_built_is_not_kept() -> None:
    """The error passes through and the others stay."""
    cache = ModelCache(ENOUGH)
    cache.get("a", lambda: model(1))
    with pytest.raises(AssertionError):
        cache.get("b", never)
    assert len(cache) == 1


def test_clear_forgets_everything() -> None:
    """Warm-up leaves nothing."""
    cache = ModelCache(ENOUGH)
    cache.get("a", lambda: model(1))
    cache.clear()
    assert (len(cache), cache.nbytes) == (0, 0)


def test_what_a_failing_request_compiled_is_counted_when_the_next_comes() -> None:
    """Nobody trims after an error."""
    cache = ModelCache(ENOUGH)
    built, _ = cache.get("a", lambda: model(1))
    for outputs in (["dense"], ["input"]):
        built.probe(outputs, training=False, updates=False)
    other, _ = cache.get("b", lambda: model(1))
    assert cache.nbytes == built.nbytes + other.nbytes

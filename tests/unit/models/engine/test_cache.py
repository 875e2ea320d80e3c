"""Cache of built models, bounded by bytes; the model in use is never evicted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.engine.build import LAYER_BYTES, SELECTION_BYTES, BuiltModel, build
from models.engine.cache import LOST_BYTES, ModelCache
from models.networks.expansion import expand
from models.reading.parse import parse_document

ENOUGH = 10**12


def model(units: int) -> BuiltModel:
    """Build a model of 4·units weights in float32. What building took of the heap, which depends on what was imported
    before, is left out.
    """
    network = expand(parse_document({"input": [3], "layers": [{"type": "Dense", "units": units}]}))
    return replace(build(network, ENOUGH), built_bytes=0)


def fail_if_called() -> BuiltModel:
    """Fail when called."""
    raise AssertionError("the model was there")


def test_a_cached_model_is_not_built_again() -> None:
    """The same object is returned and reported as a hit."""
    cache = ModelCache(ENOUGH)
    first, found = cache.get("a", lambda: model(1))
    assert not found
    assert cache.get("a", fail_if_called) == (first, True)
    assert len(cache) == 1


def test_the_size_of_a_model_is_its_weights_and_functions() -> None:
    """One function is counted from the start, since it is about to be compiled."""
    built = model(1000)
    assert built.nbytes == 16_000 + SELECTION_BYTES
    for outputs in (["dense"], ["input"]):
        built.compiled_selection(outputs, training=False, updates=False)
    assert built.nbytes == 16_000 + 2 * SELECTION_BYTES


def test_layers_inside_a_block_count() -> None:
    """A block on the steps of a sequence is one call, and as large as its layers."""
    steps: list[dict[str, Any]] = [{"type": "Dense", "units": 1}] * 20
    inner = {"type": "Block", "layers": steps}
    layers = [{"type": "TimeDistributed", "layer": inner}]
    built = build(expand(parse_document({"input": [2, 1], "layers": layers})), ENOUGH)
    assert built.built_bytes == built.weight_bytes + 22 * LAYER_BYTES


def test_least_recently_used_models_are_evicted_by_bytes() -> None:
    """With room for two, the third replaces the one used longest ago."""
    cache = ModelCache(2 * (SELECTION_BYTES + 16))
    for key in "ab":
        cache.get(key, lambda: model(1))
    cache.get("a", fail_if_called)
    cache.get("c", lambda: model(1))
    assert cache.nbytes == cache.max_bytes
    assert [cache.get(key, lambda: model(1))[1] for key in "acb"] == [True, True, False]


def test_a_large_model_evicts_several() -> None:
    """Bytes count, not models."""
    cache = ModelCache(4 * SELECTION_BYTES + 100)
    for key in "abc":
        cache.get(key, lambda: model(1))
    cache.get("large", lambda: model(SELECTION_BYTES // 8))
    assert len(cache) == 2
    assert cache.nbytes <= cache.max_bytes


def test_the_model_in_use_is_never_evicted() -> None:
    """Even if the cache is smaller than it."""
    cache = ModelCache(1)
    built, _ = cache.get("a", lambda: model(1))
    cache.trim()
    assert cache.get("a", fail_if_called) == (built, True)


def test_later_compilations_are_counted_at_the_next_trim() -> None:
    """A model grows while it is used."""
    cache = ModelCache(3 * SELECTION_BYTES)
    cache.get("a", lambda: model(1))
    built, _ = cache.get("b", lambda: model(1))
    for outputs in (["dense"], ["input"]):
        built.compiled_selection(outputs, training=False, updates=False)
    cache.trim()
    assert len(cache) == 1
    assert cache.get("b", fail_if_called)[0] is built


def test_a_failed_build_is_not_cached() -> None:
    """The error propagates and other models stay."""
    cache = ModelCache(ENOUGH)
    cache.get("a", lambda: model(1))
    with pytest.raises(AssertionError):
        cache.get("b", fail_if_called)
    assert len(cache) == 1


def test_clear_removes_everything() -> None:
    """As after the warm-up."""
    cache = ModelCache(ENOUGH)
    cache.get("a", lambda: model(1))
    cache.clear()
    assert (len(cache), cache.nbytes) == (0, 0)


def test_compilations_of_failed_requests_are_counted() -> None:
    """At the next request, since errors skip the trim."""
    cache = ModelCache(ENOUGH)
    built, _ = cache.get("a", lambda: model(1))
    for outputs in (["dense"], ["input"]):
        built.compiled_selection(outputs, training=False, updates=False)
    other, _ = cache.get("b", lambda: model(1))
    assert cache.nbytes == built.nbytes + other.nbytes


def test_what_evicted_models_never_gave_back_leaves_less_to_the_others() -> None:
    """The process is one model over what it may take, so that the model used longest ago goes; without new models
    nothing is looked at.
    """
    resident = 0
    cache = ModelCache(ENOUGH, lambda: resident)
    cache.bound_process()
    for key in "abc":
        cache.get(key, lambda: model(1))
    resident = ENOUGH + LOST_BYTES + SELECTION_BYTES
    assert [cache.get(key, fail_if_called)[1] for key in "cb"] == [True, True]
    assert [cache.get(key, lambda: model(1))[1] for key in "bca"] == [True, True, False]
    resident = 0
    assert [cache.get(key, fail_if_called)[1] for key in "cab"] == [True, True, True]


def test_the_model_asked_for_stays_however_large_the_process() -> None:
    """It is not evicted and built again."""
    resident = 0
    cache = ModelCache(ENOUGH, lambda: resident)
    cache.bound_process()
    for key in "ab":
        cache.get(key, lambda: model(1))
    resident = 3 * ENOUGH
    assert cache.get("a", fail_if_called)[1]
    assert len(cache) == 1

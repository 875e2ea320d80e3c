"""Long parsing on a thread beside others: the collector is paused, and what is freed is freed in steps."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator

import pytest

from models.documents.raw_json import read_json
from models.errors import TooLarge
from models.json_text import pauses
from models.json_text.pauses import collection_paused, free_slowly
from models.json_text.pieces import PIECE


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """The garbage collector is enabled before a test, and after it."""
    assert gc.isenabled()
    yield
    gc.enable()


def test_the_collector_runs_again_once_no_thread_has_paused_it() -> None:
    """Also after an error; one that was off stays off."""
    with collection_paused():
        with pytest.raises(ValueError, match="inner"), collection_paused():
            raise ValueError("inner")
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    with collection_paused():
        pass
    assert not gc.isenabled()


def test_long_text_is_parsed_while_the_collector_is_paused() -> None:
    """Each look at all lists of a large text would take longer than the one before."""
    seen: list[bool] = []
    text = json.dumps([[] for _ in range(PIECE)]).encode()
    read_json(text, "", claim=lambda *_: seen.append(gc.isenabled()))
    assert seen
    assert not any(seen)
    assert gc.isenabled()


def test_what_was_parsed_before_an_error_is_freed_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the error is raised, and before the collector runs again."""
    sizes: list[int] = []
    monkeypatch.setattr(pauses, "FREED_ITEMS", 1000)
    monkeypatch.setattr(pauses, "let_others_run", lambda: sizes.append(len(values)))
    values: list[int] = list(range(2500))
    free_slowly(values)
    assert sizes == [1500, 500, 0]
    freed: list[tuple[int, bool]] = []
    monkeypatch.setattr("models.json_text.pieces.free_slowly", lambda array: freed.append((len(array), gc.isenabled())))
    claims = iter(range(100))

    def claim(*_: object) -> None:
        if next(claims) == 5:
            raise TooLarge("no more")

    with pytest.raises(TooLarge, match="no more"):
        read_json(json.dumps([[] for _ in range(3 * PIECE)]).encode(), "", claim)
    assert freed
    assert freed[0][0] > 1000
    assert not freed[0][1]

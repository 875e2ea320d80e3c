"""Shared memory: allocation, and two processes that see the same bytes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from models.ipc.arena import KEPT_BYTES, PAGE, Arena, Span, anonymous_file


@pytest.fixture
def arena() -> Iterator[Arena]:
    """An arena of eight pages."""
    made = map_arena(8 * PAGE)
    yield made
    made.close()


def map_arena(nbytes: int) -> Arena:
    """Map an arena of this size; the mapping outlives the descriptor."""
    descriptor = anonymous_file(nbytes)
    made = Arena(descriptor, nbytes)
    os.close(descriptor)
    return made


def allocate(arena: Arena, nbytes: int) -> Span:
    """Allocate a span, which must succeed."""
    span = arena.allocate(nbytes)
    assert span is not None
    return span


def test_spans_have_the_requested_size(arena: Arena) -> None:
    """They are page-aligned, so that tensors are aligned, and disjoint."""
    spans = [allocate(arena, nbytes) for nbytes in (1, PAGE, PAGE + 1, 10)]
    assert [(span.offset, span.nbytes) for span in spans] == [
        (0, 1), (PAGE, PAGE), (2 * PAGE, PAGE + 1), (4 * PAGE, 10),
    ]  # fmt: skip
    assert [arena.view(span).nbytes for span in spans] == [1, PAGE, PAGE + 1, 10]


def test_an_empty_span_can_be_allocated(arena: Arena) -> None:
    """Of zero bytes."""
    assert arena.view(allocate(arena, 0)).nbytes == 0


def test_a_full_arena_returns_none(arena: Arena) -> None:
    """Nothing is overwritten; freed bytes can be allocated again."""
    span = allocate(arena, 8 * PAGE)
    assert arena.allocate(1) is None
    arena.free([span])
    assert arena.allocate(8 * PAGE) == span


def test_an_oversized_allocation_returns_none(arena: Arena) -> None:
    """The arena remains usable."""
    assert arena.allocate(8 * PAGE + 1) is None
    assert arena.allocate(8 * PAGE) is not None


def test_gaps_are_reused_first_fit(arena: Arena) -> None:
    """The first gap that is large enough."""
    spans = [allocate(arena, nbytes * PAGE) for nbytes in (2, 1, 3, 1, 1)]
    arena.free([spans[0], spans[2]])
    assert arena.allocate(3 * PAGE) == spans[2]
    assert arena.allocate(PAGE) == Span(0, PAGE)
    assert arena.allocate(PAGE) == Span(PAGE, PAGE)
    assert arena.allocate(1) is None


def test_adjacent_free_spans_are_merged(arena: Arena) -> None:
    """Four separate pages do not satisfy a request of two until the pages between them are freed."""
    spans = [allocate(arena, PAGE) for _ in range(8)]
    arena.free(spans[::2])
    assert arena.allocate(2 * PAGE) is None
    arena.free(spans[1::2])
    assert arena.allocate(8 * PAGE) == Span(0, 8 * PAGE)


@pytest.mark.parametrize("seed", range(20))
def test_spans_never_overlap(seed: int) -> None:
    """A thousand random allocations and releases keep every span's bytes; at the end all is free."""
    draw = random.Random(seed)  # noqa: S311 (not a secret)
    arena = map_arena(64 * PAGE)
    held: dict[Span, bytes] = {}
    for step in range(1000):
        if held and draw.random() < 0.5:
            span = draw.choice(list(held))
            assert bytes(arena.view(span)) == held.pop(span)
            arena.free([span])
        elif (span := arena.allocate(draw.randrange(1, 12 * PAGE))) is not None:
            held[span] = bytes([step % 256]) * span.nbytes
            arena.view(span)[:] = held[span]
    arena.free(held)
    assert arena.allocate(64 * PAGE) == Span(0, 64 * PAGE)
    arena.close()


def test_two_mappings_share_bytes() -> None:
    """The reader maps the writer's file under its own descriptor."""
    descriptor = anonymous_file(4 * PAGE)
    writer, reader = Arena(descriptor, 4 * PAGE), Arena(descriptor, 4 * PAGE)
    os.close(descriptor)
    span = allocate(writer, 100)
    writer.view(span)[:] = bytes(range(100))
    assert bytes(reader.view(span)) == bytes(range(100))


def test_another_process_shares_bytes_by_descriptor() -> None:
    """It inherits only the descriptor, reads what was written, and its writes are visible here."""
    descriptor = anonymous_file(4 * PAGE)
    writer = Arena(descriptor, 4 * PAGE)
    allocate(writer, PAGE)
    span = allocate(writer, 5)
    writer.view(span)[:] = b"hello"
    code = (
        "import sys; from models.ipc.arena import Arena, Span;"
        f"arena = Arena(int(sys.argv[1]), {4 * PAGE}); view = arena.view(Span({span.offset}, 5));"
        "view[:] = bytes(view).upper()"
    )
    subprocess.run([sys.executable, "-c", code, str(descriptor)], pass_fds=[descriptor], check=True)
    os.close(descriptor)
    assert bytes(writer.view(span)) == b"HELLO"


def test_the_file_is_anonymous_and_sparse() -> None:
    """A gigabyte of idle reply memory uses no pages."""
    descriptor = anonymous_file(1 << 30)
    status = os.fstat(descriptor)
    os.close(descriptor)
    assert (status.st_size, status.st_blocks, status.st_nlink) == (1 << 30, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes single pages back")
def test_an_idle_arena_releases_pages() -> None:
    """Pages beyond KEPT_BYTES return to the system once nothing is allocated, and read as zeros."""
    nbytes = KEPT_BYTES + 64 * PAGE
    descriptor = anonymous_file(nbytes)
    arena = Arena(descriptor, nbytes)
    low, high = allocate(arena, KEPT_BYTES), allocate(arena, 32 * PAGE)
    arena.view(low)[:10] = b"x" * 10
    arena.view(high)[:] = b"x" * 32 * PAGE
    arena.free([high])
    assert os.fstat(descriptor).st_blocks * 512 == 33 * PAGE
    arena.free([low])
    assert os.fstat(descriptor).st_blocks * 512 == PAGE
    assert bytes(arena.view(low)[:10]) == b"x" * 10
    assert bytes(arena.view(high)[:10]) == bytes(10)
    os.close(descriptor)


def test_views_stay_readable_after_close(arena: Arena) -> None:
    """A mapping with exported views is not unmapped."""
    view = arena.view(allocate(arena, 4))
    view[:] = b"data"
    arena.close()
    assert bytes(view) == b"data"

"""Shared memory: what is allocated where, and that two processes see the same bytes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from models.ipc.arena import KEPT_BYTES, PAGE, Arena, anonymous_file
from models.ipc.messages import Span


@pytest.fixture
def arena() -> Iterator[Arena]:
    """Eight pages."""
    made = mapped(8 * PAGE)
    yield made
    made.close()


def mapped(nbytes: int) -> Arena:
    """An arena of so many bytes; the mapping outlives the descriptor."""
    descriptor = anonymous_file(nbytes)
    made = Arena(descriptor, nbytes)
    os.close(descriptor)
    return made


def allocated(arena: Arena, nbytes: int) -> Span:
    """A span that there has to be room for."""
    span = arena.allocate(nbytes)
    assert span is not None
    return span


def test_spans_have_the_size_that_was_asked_for(arena: Arena) -> None:
    """They begin at pages, so that tensors are aligned, and do not touch."""
    spans = [allocated(arena, nbytes) for nbytes in (1, PAGE, PAGE + 1, 10)]
    assert [(span.offset, span.nbytes) for span in spans] == [
        (0, 1), (PAGE, PAGE), (2 * PAGE, PAGE + 1), (4 * PAGE, 10),
    ]  # fmt: skip
    assert [arena.view(span).nbytes for span in spans] == [1, PAGE, PAGE + 1, 10]


def test_an_empty_tensor_has_a_place_too(arena: Arena) -> None:
    """Of no bytes."""
    assert arena.view(allocated(arena, 0)).nbytes == 0


def test_a_full_arena_says_so(arena: Arena) -> None:
    """Nothing is overwritten; what is freed can be had again."""
    span = allocated(arena, 8 * PAGE)
    assert arena.allocate(1) is None
    arena.free([span])
    assert arena.allocate(8 * PAGE) == span


def test_more_than_there_is_never_fits(arena: Arena) -> None:
    """And leaves room for what does."""
    assert arena.allocate(8 * PAGE + 1) is None
    assert arena.allocate(8 * PAGE) is not None


def test_gaps_are_used_again(arena: Arena) -> None:
    """The first that is large enough."""
    spans = [allocated(arena, nbytes * PAGE) for nbytes in (2, 1, 3, 1, 1)]
    arena.free([spans[0], spans[2]])
    assert arena.allocate(3 * PAGE) == spans[2]
    assert arena.allocate(PAGE) == Span(0, PAGE)
    assert arena.allocate(PAGE) == Span(PAGE, PAGE)
    assert arena.allocate(1) is None


def test_fragments_do_not_add_up_until_they_meet(arena: Arena) -> None:
    """Four single pages are not a stretch of four; with those between them freed, all is one again."""
    spans = [allocated(arena, PAGE) for _ in range(8)]
    arena.free(spans[::2])
    assert arena.allocate(2 * PAGE) is None
    arena.free(spans[1::2])
    assert arena.allocate(8 * PAGE) == Span(0, 8 * PAGE)


@pytest.mark.parametrize("seed", range(20))
def test_spans_never_overlap(seed: int) -> None:
    """Through a thousand random allocations and releases, every span keeps its bytes; at the end all is free."""
    draw = random.Random(seed)  # noqa: S311 (not a secret)
    arena = mapped(64 * PAGE)
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


def test_two_mappings_see_the_same_bytes() -> None:
    """The reader maps the writer's file under its own descriptor."""
    descriptor = anonymous_file(4 * PAGE)
    writer, reader = Arena(descriptor, 4 * PAGE), Arena(descriptor, 4 * PAGE)
    os.close(descriptor)
    span = allocated(writer, 100)
    writer.view(span)[:] = bytes(range(100))
    assert bytes(reader.view(span)) == bytes(range(100))


def test_another_process_sees_the_same_bytes_through_the_descriptor() -> None:
    """It inherits the descriptor and nothing else, reads what was written, and is heard in turn."""
    descriptor = anonymous_file(4 * PAGE)
    writer = Arena(descriptor, 4 * PAGE)
    allocated(writer, PAGE)
    span = allocated(writer, 5)
    writer.view(span)[:] = b"hello"
    code = (
        "import sys; from models.ipc.arena import Arena; from models.ipc.messages import Span;"
        f"arena = Arena(int(sys.argv[1]), {4 * PAGE}); view = arena.view(Span({span.offset}, 5));"
        "view[:] = bytes(view).upper()"
    )
    subprocess.run([sys.executable, "-c", code, str(descriptor)], pass_fds=[descriptor], check=True)
    os.close(descriptor)
    assert bytes(writer.view(span)) == b"HELLO"


def test_the_file_has_no_name_and_no_pages_until_it_is_written() -> None:
    """A gigabyte of reply memory costs nothing while it is idle."""
    descriptor = anonymous_file(1 << 30)
    status = os.fstat(descriptor)
    os.close(descriptor)
    assert (status.st_size, status.st_blocks, status.st_nlink) == (1 << 30, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes single pages back")
def test_an_idle_arena_gives_pages_back() -> None:
    """What lies beyond the kept bytes returns to the system once nothing is held, and reads as zeros."""
    nbytes = KEPT_BYTES + 64 * PAGE
    descriptor = anonymous_file(nbytes)
    arena = Arena(descriptor, nbytes)
    low, high = allocated(arena, KEPT_BYTES), allocated(arena, 32 * PAGE)
    arena.view(low)[:10] = b"x" * 10
    arena.view(high)[:] = b"x" * 32 * PAGE
    arena.free([high])
    assert os.fstat(descriptor).st_blocks * 512 == 33 * PAGE
    arena.free([low])
    assert os.fstat(descriptor).st_blocks * 512 == PAGE
    assert bytes(arena.view(low)[:10]) == b"x" * 10
    assert bytes(arena.view(high)[:10]) == bytes(10)
    os.close(descriptor)


def test_closing_does_not_pull_memory_from_under_a_reader(arena: Arena) -> None:
    """A view that is still out stays readable."""
    view = arena.view(allocated(arena, 4))
    view[:] = b"data"
    arena.close()
    assert bytes(view) == b"data"

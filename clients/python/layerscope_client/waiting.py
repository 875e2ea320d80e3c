"""Verbs that wait, made of the coroutines that say what they do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from layerscope_client.sending import T, result, results

P = ParamSpec("P")
R = TypeVar("R")
Verb = Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]


def waiting(verb: Verb[P, T], made: Callable[[T], R]) -> Callable[Concatenate[Any, P], R]:
    """Return a verb of an object's `core`, whose wire waits, as a method of the object; `made` is of its result."""

    @wraps(verb)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return made(result(verb(self.core, *args, **kwargs)))

    return method


def streamed(
    verb: Callable[Concatenate[Any, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Any, P], Iterator[T]]:
    """Return a verb that yields as `waiting` does."""

    @wraps(verb)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return results(verb(self.core, *args, **kwargs))

    return method


def same(found: T) -> T:
    """Return a result as it is."""
    return found

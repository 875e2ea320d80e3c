"""Path templates of routes, for requests that are refused before they are routed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.routing import compile_path

NONE = "-"
"""In place of the template of a path that no route has."""


class RouteTemplates:
    """The templates of an application's routes, in the order in which it tries them."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        self.add(paths)

    def add(self, paths: Iterable[str]) -> None:
        """Add the templates of routes, like `/v1/models/{name}`."""
        self._patterns += [(compile_path(path)[0], path) for path in dict.fromkeys(paths)]

    def of_path(self, path: str) -> str:
        """Return the template of a request's path, whatever its method."""
        return next((template for pattern, template in self._patterns if pattern.match(path)), NONE)

"""The methods that a path takes, all of which a 405 lists.

Source: RFC 9110 section 10.2.1 (Allow).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount

ANSWERED_AS = {"GET": "GET", "HEAD": "GET", "POST": "POST", "PUT": "PUT", "DELETE": "DELETE"}
"""The methods, and what the routes know them as."""


def allowed(request: Request) -> str:
    """The methods that are routed at this path, as `Allow` lists them; mounted files are read."""
    root = request.scope.get("app_root_path", request.scope.get("root_path", ""))  # not that of the files

    def takes(route: BaseRoute, method: str) -> bool:
        if isinstance(route, Mount) and method != "GET":
            return False
        return route.matches({**request.scope, "method": method, "root_path": root})[0] is Match.FULL

    def is_routed(method: str) -> bool:
        return any(takes(route, method) for route in request.app.routes)

    return ", ".join(method for method, known in ANSWERED_AS.items() if is_routed(known))

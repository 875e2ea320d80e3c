"""Keys in the OpenAPI document: how to send one, and which routes need one."""

from __future__ import annotations

from typing import Any

from models.errors import Forbidden, RateLimited, Unauthorized
from service.access.keys import Role
from service.access.roles import role_for
from service.errors.handlers import raises

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, where the service has any."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
}
SECURITY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"apiKey": []}]
"""None, where the service has no keys; or one of the two."""


def add_security(schema: dict[str, Any]) -> None:
    """Add the schemes, and to each operation what it needs and how it is refused."""
    schema["components"]["securitySchemes"] = SCHEMES
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            role = role_for(method.upper(), path)
            if role is not None:
                operation["security"] = SECURITY
                _add_refusals(operation["responses"], role, path.startswith("/v2"))


def _add_refusals(responses: dict[str, Any], role: Role, open_inference: bool) -> None:
    errors = (Unauthorized, RateLimited) if role is Role.USE else (Unauthorized, Forbidden, RateLimited)
    for status, response in raises(*errors, open_inference=open_inference).items():
        if status != 500:
            responses.setdefault(str(status), response)

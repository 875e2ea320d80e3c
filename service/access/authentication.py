"""Authentication: the key that a request was sent with, and whether its role is large enough.

Source: RFC 6750 (Bearer), RFC 9110 section 11.6.1 (WWW-Authenticate).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from models.errors import Forbidden, Unauthorized
from models.store.names import DEFAULT_SPACE
from service.access.clients import client_of
from service.access.key_file import KeyFile
from service.access.keys import Key, Role
from service.access.roles import METRICS, role_for

SCOPE_KEY = "layerscope.key"
SCHEME = re.compile(rb"bearer\b", re.IGNORECASE)
BEARER = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
AUTHORIZATION, API_KEY = b"authorization", b"x-api-key"
KEYED = "key "
"""The beginning of the client identity of a key; no address has it."""
REFUSED = "This service is for clients with a key."
ADVICE = "send Authorization: Bearer KEY, or X-API-Key: KEY; whoever runs the service gives out keys"


class Authenticator:
    """Finds the key of each request in a file of keys; without a file, everybody may do everything."""

    def __init__(self, keys: KeyFile | None, open_metrics: bool = False) -> None:
        self._keys, self._open_metrics = keys, open_metrics

    @property
    def are_needed(self) -> bool:
        """Whether there is a file of keys."""
        return self._keys is not None

    def refresh(self, force: bool = False) -> None:
        """Read the file again if it has changed."""
        if self._keys is not None:
            self._keys.refresh(force)

    def identify(self, scope: MutableMapping[str, Any]) -> str:
        """Return the client identity of a request: of its key, else of its address. The key is kept in the scope."""
        if self._keys is None:
            return client_of(scope)
        if SCOPE_KEY not in scope:
            secret = secret_in(scope["headers"])
            scope[SCOPE_KEY] = None if secret is None else self._keys.ring.find(secret)
        key = scope[SCOPE_KEY]
        return client_of(scope) if key is None else KEYED + key.name

    def lacks(self, scope: Mapping[str, Any]) -> bool:
        """Whether keys are needed and none is known of an identified request."""
        return self._keys is not None and scope.get(SCOPE_KEY) is None

    def check(self, scope: MutableMapping[str, Any]) -> Key | None:
        """Return the key that a request needs; None if it needs none.

        Raises:
            Unauthorized: it has no key, or one that is not known, in one and the same words.
            Forbidden: its key may do less.
        """
        if self._keys is None:
            return None
        role = role_for(scope["method"], scope["path"])
        if role is None or (self._open_metrics and scope["path"] == METRICS):
            return None
        self.identify(scope)
        key: Key | None = scope[SCOPE_KEY]
        if key is None:
            expected = "a key that is known here"
            raise Unauthorized.at("", REFUSED, expected=expected, received="none", suggestion=ADVICE)
        if key.role < role:
            raise _forbidden(key.role, role)
        return key


def secret_in(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return the key that is sent; None without one, with several, or in a form that is none. Other schemes than Bearer
    are for somebody else: a proxy on the way.
    """
    found = [value.strip() or None for name, value in headers if name == API_KEY]
    found += [_bearer_token(value) for name, value in headers if name == AUTHORIZATION and SCHEME.match(value)]
    return found[0] if len(found) == 1 else None


def _bearer_token(value: bytes) -> bytes | None:
    match = BEARER.fullmatch(value)
    return None if match is None else match[1]


def space_of(scope: Mapping[str, Any]) -> str:
    """Return the space that a request works in."""
    key = key_of(scope)
    return DEFAULT_SPACE if key is None else key.space


def key_of(scope: Mapping[str, Any]) -> Key | None:
    """Return the key that a request was identified by, if any."""
    key: Key | None = scope.get(SCOPE_KEY)
    return key


def key_name_of(scope: Mapping[str, Any]) -> str | None:
    """Return the name of the key that a request was identified by, if any."""
    key = key_of(scope)
    return None if key is None else key.name


def _forbidden(has: Role, needs: Role) -> Forbidden:
    return Forbidden.at(
        "",
        "the key may not do this",
        expected=f"a key of the role {needs.name.lower()}",
        received=f"one of the role {has.name.lower()}",
        suggestion="whoever runs the service gives a key its role",
    )

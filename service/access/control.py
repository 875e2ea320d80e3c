"""Access control: what decides whether a request is answered at all."""

from __future__ import annotations

from typing import NamedTuple

from service.access.authentication import Authenticator
from service.access.hosts import Hosts
from service.access.origins import Origins
from service.access.quotas import Quotas


class AccessControl(NamedTuple):
    """The pages that may read responses, the names that the service is asked by, and the keys with what they may do."""

    origins: Origins
    hosts: Hosts
    keys: Authenticator
    quotas: Quotas

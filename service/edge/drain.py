"""How far the service is with stopping, for all who have to know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DrainState:
    """Nothing of it, as long as nobody told the service to stop."""

    begun: bool = False
    """The service is not ready any more. What comes is still answered, once a connection."""
    ended: bool = False
    """Time is up: nothing is run any more, and no body is read."""

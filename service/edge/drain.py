"""Drain state shared by the server, connections and readiness checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DrainState:
    """Progress of a graceful shutdown."""

    begun: bool = False
    """The service is not ready any more. It still handles one last request per connection."""
    ended: bool = False
    """The deadline has passed: nothing is run and no body is read any more."""

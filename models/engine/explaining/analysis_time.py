"""Time that analyses take beside their runs: passes of NumPy over the tensors, which plans do not count."""

from __future__ import annotations

from models.engine.time_estimate import TimeBudget, rounded
from models.errors import TooLarge

COMPARED_SECONDS = 50e-9
"""Of one element of a pair: measured at 30 to 45 ns on one core of 2.5 GHz."""
DIAGNOSED_SECONDS = 150e-9
"""Of one element of a layer's tensors, in and out."""


def check_seconds(seconds: float, time: TimeBudget | None, batch: int) -> None:
    """Check the estimated seconds of a whole analysis of a batch.

    Raises:
        TooLarge: it cannot end within the deadline; with the batch that would.
    """
    if time is None or seconds <= time.limit:
        return
    fitting = int(batch * time.limit / seconds)
    advice = f"a batch of at most {fitting} would fit" if fitting >= 1 else "ask for fewer layers"
    message = "the analysis would take too long"
    received = f"about {rounded(seconds):,g} seconds"
    raise TooLarge.at("", message, f"at most {rounded(time.limit):,g} seconds by an estimate", received, advice)

"""What every server's program is told: `FOLDER PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.samples import Sample


def port() -> int:
    """Where to listen."""
    return int(sys.argv[2])


def sample() -> Sample:
    """What to serve."""
    return Sample(Path(sys.argv[1]))
